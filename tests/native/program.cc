#include "program.h"

#include <algorithm>

namespace raggeddsl_tests {

using raggeddsl::item_size;
using raggeddsl::Op;
using raggeddsl::Task;

namespace {

constexpr int kInputs = 8;      // one of each type
constexpr int kOutputs = 8;
constexpr int64_t kLocal = 1 << 16;
constexpr double kExact = 1 << 24;  // whole numbers up to this are exact in f32

bool is_integer(DType type) { return type >= DType::i8; }
bool complex_type(DType type) { return raggeddsl::is_complex(type); }

DType computed(DType c) {
  if (is_integer(c)) return DType::i32;
  return c == DType::bf16 || c == DType::f16 ? DType::f32 : c;
}

// The largest number that C may hold: integers wrap, so theirs is what an int64 holds.
double limit(DType c) { return is_integer(c) ? 0x1p40 : c == DType::f16 ? 60000.0 : kExact; }

}  // namespace

int64_t Program::pick(int64_t least, int64_t most) {
  return least + int64_t(random_() % uint64_t(most - least + 1));
}

int64_t Program::size() {
  static constexpr int64_t kEdges[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49, 63, 64, 65};
  return chance(8) ? pick(66, 150) : kEdges[pick(0, std::size(kEdges) - 1)];
}

Program::Program(uint64_t seed, char guard) : guard_(guard), random_(seed) {
  blocks = some_blocks(random_);
  inputs_ = kInputs;
  outputs_ = kOutputs;
  for (int b = 0; b < inputs_ + outputs_; ++b) {
    types_.push_back(DType(b % raggeddsl::kDTypes));
    elements_.push_back(b < inputs_ ? pick(1, 6000) : pick(500, 30000));
    used_.push_back(0);
  }
  used_.push_back(0);
  phases = {0};
  const int64_t phase_count = pick(1, 3);
  for (phase_ = 0; phase_ < phase_count; ++phase_) {
    if (chance(30)) add_triangle();
    const int64_t count = pick(0, 6);
    for (int64_t j = 0; j < count; ++j) {
      const auto first = int64_t(tasks.size());
      used_.back() = 0;
      const int64_t length = pick(0, 5);
      for (int64_t t = 0; t < length; ++t) add_task();
      jobs.push_back({first, int64_t(tasks.size()) - first});
      ++job_;
    }
    phases.push_back(int64_t(jobs.size()));
  }
  for (int b = 0; b < inputs_ + outputs_; ++b) {
    const int64_t bytes = elements_[size_t(b)] * item_size(types_[size_t(b)]);
#if defined(__SANITIZE_ADDRESS__)
    const auto kind = Room::Kind(pick(0, 2));
#else
    const auto kind = Room::Kind(pick(0, 1));
#endif
    rooms_.emplace_back(bytes, kind);
    buffers_.push_back({rooms_.back().data(), bytes, b >= inputs_});
  }
  interpret();
}

// An element type that a task may read which writes `c`.
DType Program::operand_type(DType c) {
  for (;;) {
    const auto type = DType(pick(0, raggeddsl::kDTypes - 1));
    const bool fits = (!is_integer(c) || is_integer(type)) && (!complex_type(type) || complex_type(c));
    if (fits && (chance(40) || type == c)) return type;
  }
}

// rows x cols anywhere in an input: row-major, column-major, or with both strides larger.
Program::Operand Program::input(DType c, int64_t rows, int64_t cols) {
  const DType type = operand_type(c);
  const auto buffer = int32_t(type);
  const int64_t gap = chance(30) ? pick(1, 9) : 0, step = chance(8) ? pick(2, 3) : 1;
  Operand x = {buffer, 0, rows, cols, 0, 0, type, 2};
  const bool flipped = chance(50);
  const int64_t across = std::max<int64_t>(flipped ? rows : cols, 1);
  (flipped ? x.col_stride : x.row_stride) = across * step + gap;
  (flipped ? x.row_stride : x.col_stride) = step;
  const int64_t needed = rows == 0 || cols == 0 ? 0 : (rows - 1) * x.row_stride + (cols - 1) * x.col_stride + 1;
  elements_[size_t(buffer)] = std::max(elements_[size_t(buffer)], needed);
  // Often the very last elements, so that reading on would leave the buffer.
  const int64_t room = elements_[size_t(buffer)] - needed;
  x.offset = (chance(40) ? room : pick(0, room)) * item_size(type);
  return x;
}

bool Program::visible(const Block& block) const {
  const bool local = block.buffer == inputs_ + outputs_;
  return block.job == job_ || (block.phase < phase_ && !local);
}

// rows x cols of a block that was written before, or of an input.
Program::Operand Program::operand(DType c, int64_t rows, int64_t cols) {
  for (int tries = 0; tries < 6 && !blocks_.empty(); ++tries) {
    const Block& block = blocks_[size_t(pick(0, int64_t(blocks_.size()) - 1))];
    const bool readable = (!is_integer(c) || is_integer(block.type)) && (!complex_type(block.type) || complex_type(c));
    if (!visible(block) || !readable) continue;
    if (block.rows >= rows && block.cols >= cols)
      return {block.buffer, block.offset, rows, cols, block.stride, 1, block.type, block.most};
    if (block.rows >= cols && block.cols >= rows)
      return {block.buffer, block.offset, rows, cols, 1, block.stride, block.type, block.most};
  }
  return input(c, rows, cols);
}

// Room for an m x n C in an output or in local memory.
bool Program::place(int64_t m, int64_t n, Block& block) {
  const bool local = chance(25);
  const auto buffer = local ? inputs_ + outputs_ : int(pick(inputs_, inputs_ + outputs_ - 1));
  const DType type = local ? DType(pick(0, raggeddsl::kDTypes - 1)) : types_[size_t(buffer)];
  const int64_t item = item_size(type), stride = std::max<int64_t>(n + (chance(30) ? pick(1, 5) : 0), 1);
  const int64_t from = (used_[size_t(buffer)] + item - 1) / item * item;
  const int64_t bytes = m == 0 || n == 0 ? 0 : ((m - 1) * stride + n) * item;
  const int64_t room = local ? kLocal : elements_[size_t(buffer)] * item;
  if (from > room || bytes > room - from) return false;
  used_[size_t(buffer)] = from + bytes;
  if (local) local_bytes = std::max(local_bytes, from + bytes);
  block = {buffer, from, m, n, stride, type, 0, job_, phase_};
  return true;
}

void Program::finish(Task& t, const Operand& a, const Operand* b, Block& block, bool accumulate) {
  t.m = block.rows, t.n = block.cols, t.k = a.cols;
  t.a_type = int8_t(a.type), t.a_buffer = a.buffer, t.a_offset = a.offset, t.a_row = a.row_stride, t.a_col = a.col_stride;
  t.b_buffer = -1;
  if (b != nullptr)
    t.b_type = int8_t(b->type), t.b_buffer = b->buffer, t.b_offset = b->offset, t.b_row = b->row_stride, t.b_col = b->col_stride;
  t.c_type = int8_t(block.type), t.c_buffer = block.buffer, t.c_offset = block.offset, t.c_row = block.stride;
  t.compute = int8_t(computed(block.type));
  if (t.compute == int8_t(DType::f32) && chance(20)) t.compute = int8_t(DType::f64);
  if (t.compute == int8_t(DType::c64) && chance(20)) t.compute = int8_t(DType::c128);
  if (accumulate) t.flags |= raggeddsl::kAccumulate;
  const double part = complex_type(block.type) ? 4 : 1;  // (re + im) * (re + im)
  block.most += part * part * (b == nullptr ? a.most : a.most * b->most * double(std::max<int64_t>(t.k, 1))) *
                std::fabs(t.alpha) * (t.s_buffer >= 0 ? 2 : 1);
  tasks.push_back(t);
}

void Program::add_task() {
  Task t{};
  t.s_buffer = -1;
  static constexpr double kAlphas[] = {1, 1, 1, -1, 2, -3, 0};
  t.alpha = kAlphas[pick(0, std::size(kAlphas) - 1)];
  // A new block, or one of this job or of an earlier phase to add to.
  Block block{};
  const bool again = chance(30) && !blocks_.empty();
  size_t which = blocks_.size();
  if (again) {
    which = size_t(pick(0, int64_t(blocks_.size()) - 1));
    block = blocks_[which];
    if (block.job != job_) return;
  } else if (!place(size(), size(), block)) {
    return;
  }
  const double before = block.most;
  const int64_t op = again ? pick(0, 1) : pick(0, 9);
  if (!again && op == 9) {
    t.op = Op::zero;
    t.a_buffer = t.b_buffer = -1;
    t.m = block.rows, t.n = block.cols, t.c_type = int8_t(block.type), t.c_buffer = block.buffer;
    t.c_offset = block.offset, t.c_row = block.stride, t.compute = int8_t(computed(block.type));
    tasks.push_back(t);
    blocks_.push_back(block);
    return;
  }
  if (chance(25)) {
    const Operand s = input(block.type, 1, 1);
    t.s_buffer = s.buffer, t.s_type = int8_t(s.type), t.s_offset = s.offset;
  }
  t.op = op == 1 || op == 8 ? Op::combine : Op::product;
  for (const bool inputs_only : {false, true}) {
    block.most = before;
    const int64_t k = t.op == Op::combine ? block.cols : chance(12) ? pick(100, 900) : size();
    const Operand a = inputs_only ? input(block.type, block.rows, k) : operand(block.type, block.rows, k);
    const Operand b = inputs_only ? input(block.type, k, block.cols) : operand(block.type, k, block.cols);
    // A block may not be read while it is added to.
    if ((a.buffer == block.buffer && a.offset == block.offset) || (b.buffer == block.buffer && b.offset == block.offset)) continue;
    const size_t length = tasks.size();
    finish(t, a, t.op == Op::combine ? nullptr : &b, block, again);
    if (block.most <= limit(block.type)) {
      if (is_integer(block.type)) block.most = block.type == DType::i8 ? 128 : std::min(block.most, 0x1p31);
      if (again)
        blocks_[which] = block;
      else
        blocks_.push_back(block);
      return;
    }
    tasks.resize(length);
    t.flags = 0;
  }
}

// X X^T of an input in panels of rows, each a job of its own that mirrors what it computes.
void Program::add_triangle() {
  const int64_t m = pick(1, 130), k = pick(1, 90);
  const int buffer = int(pick(inputs_, inputs_ + outputs_ - 1));
  const DType type = types_[size_t(buffer)];
  const int64_t item = item_size(type), stride = m + pick(0, 3), bytes = ((m - 1) * stride + m) * item;
  const int64_t from = used_[size_t(buffer)];
  if (complex_type(type) || 4.0 * double(k) > limit(type)) return;
  if (bytes > elements_[size_t(buffer)] * item - from) return;
  used_[size_t(buffer)] = from + bytes;
  const Operand x = input(type, m, k);
  const int64_t panels = std::min<int64_t>(pick(1, 4), m);
  for (int64_t p = 0; p < panels; ++p) {
    const int64_t start = m * p / panels, stop = m * (p + 1) / panels;
    Operand a = x;
    a.offset += start * x.row_stride * item_size(x.type);
    a.rows = stop - start;
    const Operand b = {x.buffer, x.offset, k, stop, x.col_stride, x.row_stride, x.type, x.most};
    Block block = {buffer, from + start * stride * item, stop - start, stop, stride, type, 0, job_, phase_};
    Task t{};
    t.s_buffer = -1, t.alpha = 1, t.flags = raggeddsl::kMirror;
    finish(t, a, &b, block, false);
    jobs.push_back({int64_t(tasks.size()) - 1, 1});
    ++job_;
  }
}

raggeddsl::Work Program::work() const {
  return {tasks.data(),  int64_t(tasks.size()),      jobs.data(),     int64_t(jobs.size()), phases.data(),
          int64_t(phases.size()) - 1, buffers_.data(), int32_t(buffers_.size()), local_bytes, blocks};
}

void Program::reset() {
  for (size_t b = 0; b < buffers_.size(); ++b) {
    std::memset(buffers_[b].data, guard_, size_t(buffers_[b].bytes));
    if (int(b) < inputs_) std::memcpy(buffers_[b].data, wanted_[b].data(), wanted_[b].size());
  }
}

// What every buffer holds when plain loops have run the tasks in their order.
void Program::interpret() {
  std::vector<std::vector<char>>& memory = wanted_;
  for (size_t b = 0; b < buffers_.size(); ++b) {
    memory.emplace_back(size_t(buffers_[b].bytes), guard_);
    for (int64_t at = 0; int(b) < inputs_ && at < elements_[b]; ++at)
      write(types_[b], memory[b].data(), at, Value(double((at * 7 + int64_t(b)) % 5) - 2, double((at * 3) % 5) - 2));
  }
  memory.emplace_back(size_t(local_bytes));
  for (const Task& t : tasks) {
    const auto ctype = DType(t.c_type);
    char* const c = memory[size_t(t.c_buffer)].data() + t.c_offset;
    Value scale = t.alpha;
    if (t.op != Op::zero && t.s_buffer >= 0)
      scale *= read(DType(t.s_type), memory[size_t(t.s_buffer)].data() + t.s_offset, 0);
    for (int64_t i = 0; i < t.m; ++i)
      for (int64_t j = 0; j < t.n; ++j) {
        Value sum = 0;
        const char* const a = t.op == Op::zero ? nullptr : memory[size_t(t.a_buffer)].data() + t.a_offset;
        if (t.op == Op::combine) sum = read(DType(t.a_type), a, i * t.a_row + j * t.a_col);
        if (t.op == Op::product) {
          const char* const b = memory[size_t(t.b_buffer)].data() + t.b_offset;
          for (int64_t p = 0; p < t.k; ++p)
            sum += read(DType(t.a_type), a, i * t.a_row + p * t.a_col) * read(DType(t.b_type), b, p * t.b_row + j * t.b_col);
        }
        if (t.op != Op::zero) sum *= scale;
        if ((t.flags & raggeddsl::kAccumulate) != 0) sum += read(ctype, c, i * t.c_row + j);
        write(ctype, c, i * t.c_row + j, sum);
        const int64_t row0 = t.n - t.m;
        if ((t.flags & raggeddsl::kMirror) != 0 && j < row0) write(ctype, c, (j - row0) * t.c_row + row0 + i, sum);
      }
  }
}

const char* Program::fault() const {
  for (size_t b = 0; b < buffers_.size(); ++b) {
    if (std::memcmp(wanted_[b].data(), buffers_[b].data, wanted_[b].size()) == 0) continue;
    if (int(b) < inputs_) return "an input was written";
    for (int64_t at = 0; at < buffers_[b].bytes; ++at) {
      const int64_t element = at / item_size(types_[b]);
      // Zeros of either sign are equal; every other byte must be the same.
      if (wanted_[b][size_t(at)] != buffers_[b].data[at] &&
          !(read(types_[b], wanted_[b].data(), element) == read(types_[b], buffers_[b].data, element)))
        return "an output is wrong, or a byte beside it was written";
    }
  }
  return nullptr;
}

}  // namespace raggeddsl_tests
