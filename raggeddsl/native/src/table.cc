// Checks every task before anything runs: no offset, size, stride or type is trusted.
#include "table.h"

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace raggeddsl {
namespace {

std::string format(const char* pattern, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

bool known_type(int8_t type) { return type >= 0 && type < kDTypes; }

constexpr int64_t kItems[kDTypes] = {item_size(DType(0)), item_size(DType(1)), item_size(DType(2)), item_size(DType(3)),
                                     item_size(DType(4)), item_size(DType(5)), item_size(DType(6)), item_size(DType(7))};

bool is_integer(int8_t type) { return type >= int8_t(DType::i8); }

// Sizes this small cannot overflow below: strides * sizes stay under 2^62 bytes.
constexpr int64_t kMostSize = kMostBlock;

constexpr int64_t kCounts = 3;                          // of tasks, jobs and phases
constexpr int64_t kHeader = kCounts + kBlockSizes;      // words before the tasks
constexpr const char* kBlockNames[] = {"run_bytes",   "group_bytes",    "fetch_bytes",  "direct_bytes", "sum_side",
                                       "complex_run", "complex_blocks", "narrow_bytes", "huge_bytes"};
static_assert(sizeof kBlockNames / sizeof *kBlockNames == kBlockSizes, "every block size has a name");

// Bytes from an operand's first element to the end of its last, or -1 if that overflows or two
// elements lie in one place.  Without that, a few bytes could stand for a product of any size.
int64_t extent(int64_t rows, int64_t cols, int64_t row_stride, int64_t col_stride, int64_t item) {
  if (rows == 0 || cols == 0) return 0;
  int64_t down, across, elements, bytes;
  if (__builtin_mul_overflow(rows - 1, row_stride, &down) || __builtin_mul_overflow(cols - 1, col_stride, &across) ||
      __builtin_add_overflow(down, across, &elements) || __builtin_add_overflow(elements, 1, &elements) ||
      __builtin_mul_overflow(elements, item, &bytes))
    return -1;
  if ((rows > 1 && row_stride <= 0) || (cols > 1 && col_stride <= 0)) return -1;
  const bool apart = rows == 1 || cols == 1 || row_stride > across || col_stride > down;
  return apart ? bytes : -1;
}

class Checker {
 public:
  explicit Checker(const Work& work) : work_(work) {}

  const char* operand(int32_t buffer, int64_t offset, int8_t type, int64_t rows, int64_t cols, int64_t row_stride,
                      int64_t col_stride) const {
    if (!known_type(type)) return "has an unknown element type";
    if (buffer < 0 || buffer > work_.buffer_count) return "names a buffer that does not exist";
    // Even where there is one row, its stride may be added to an address.
    if (row_stride < 0 || col_stride < 0 || row_stride > kMostSize || col_stride > kMostSize)
      return "has a stride that is negative or too large";
    const int64_t item = kItems[type];  // a power of two
    const int64_t bytes = extent(rows, cols, row_stride, col_stride, item);
    if (offset < 0 || (offset & (item - 1)) != 0) return "has a negative or misaligned offset";
    if (bytes < 0) return "has elements that overlap, or is too large";
    if (bytes > size(buffer) || offset > size(buffer) - bytes) return "reaches past the end of its buffer";
    return nullptr;
  }

  const char* result(const Task& t) const {
    if (const char* fault = operand(t.c_buffer, t.c_offset, t.c_type, t.m, t.n, t.c_row, 1)) return fault;
    if (t.c_buffer < work_.buffer_count && !work_.buffers[t.c_buffer].writable) return "is written but is an input";
    if ((t.flags & kMirror) == 0) return nullptr;
    const int64_t row0 = t.n - t.m;
    if (t.op != Op::product || row0 < 0 || is_complex(DType(t.c_type)))
      return "cannot be mirrored";
    int64_t back;
    if (__builtin_mul_overflow(row0, t.c_row, &back) || __builtin_mul_overflow(back, item_size(DType(t.c_type)), &back) ||
        back > t.c_offset || t.c_row < t.n)
      return "is mirrored to before its buffer";
    return nullptr;
  }

  const char* scalar(const Task& t) const {
    // Integers multiply by a whole number that they can hold.
    if (is_integer(t.c_type) && !(t.alpha > -0x1p62 && t.alpha < 0x1p62)) return "is not a whole number";
    if (t.s_buffer == -1) return nullptr;
    if (const char* fault = operand(t.s_buffer, t.s_offset, t.s_type, 1, 1, 1, 1)) return fault;
    return stored(t.s_type, t.c_type);
  }

  // Whether a value of one type may end up in a C of another.
  const char* stored(int8_t type, int8_t c_type) const {
    if (is_complex(DType(type)) && !is_complex(DType(c_type))) return "mixes real and complex types";
    if (is_integer(c_type) && !is_integer(type)) return "mixes integers and fractions";
    return nullptr;
  }

  // The computed type must be able to hold both operands and be stored.
  const char* compute(const Task& t) const {
    const DType type = DType(t.compute);
    if (const char* fault = stored(t.a_type, t.c_type)) return fault;
    if (const char* fault = stored(t.b_type, t.c_type)) return fault;
    if (!known_type(t.compute) || type == DType::bf16 || type == DType::f16 || type == DType::i8)
      return "is computed in a type that is not for computing";
    if (is_complex(type) != is_complex(DType(t.c_type))) return "mixes real and complex types";
    return (type == DType::i32) != is_integer(t.c_type) ? "mixes integers and fractions" : nullptr;
  }

 private:
  int64_t size(int32_t buffer) const {
    return buffer == work_.buffer_count ? work_.local_bytes : work_.buffers[buffer].bytes;
  }

  const Work& work_;
};

// Accepts at a glance what nearly every task is: a product of one real type without empty sizes or
// a runtime scalar.  What it does not accept is not wrong yet: the Checker decides.
class Glance {
 public:
  explicit Glance(const Work& work) : buffers_(uint32_t(work.buffer_count)) {
    sizes_.reserve(size_t(buffers_) + 1);
    for (uint32_t b = 0; b < buffers_; ++b) sizes_.push_back({work.buffers[b].bytes, work.buffers[b].writable});
    sizes_.push_back({work.local_bytes, true});
  }

  bool accepts(const Task& t) const {
    // Sizes and strides from 1 to 2^31: no product of two of them, nor a sum of two such products, overflows.
    const auto less_one = [](int64_t x) { return uint64_t(x) - 1; };
    const uint64_t all = less_one(t.m) | less_one(t.n) | less_one(t.k) | less_one(t.a_row) | less_one(t.a_col) |
                         less_one(t.b_row) | less_one(t.b_col) | less_one(t.c_row);
    const bool plain = all >> 31 == 0 && t.op == Op::product && (t.flags & ~kAccumulate) == 0 && t.s_buffer == -1;
    const bool real = uint8_t(t.c_type) <= uint8_t(DType::f16) && t.a_type == t.c_type && t.b_type == t.c_type &&
                      uint8_t(t.compute) <= uint8_t(DType::f64);
    const bool known = uint32_t(t.a_buffer) <= buffers_ && uint32_t(t.b_buffer) <= buffers_ && uint32_t(t.c_buffer) <= buffers_;
    if (!plain || !real || !known) return false;
    const int shift = kShifts[t.c_type];
    return inside(t.a_buffer, t.a_offset, shift, t.m, t.k, t.a_row, t.a_col) &&
           inside(t.b_buffer, t.b_offset, shift, t.k, t.n, t.b_row, t.b_col) &&
           inside(t.c_buffer, t.c_offset, shift, t.m, t.n, t.c_row, 1) && sizes_[size_t(t.c_buffer)].writable;
  }

 private:
  struct Size {
    int64_t bytes;
    bool writable;
  };

  bool inside(int32_t buffer, int64_t offset, int shift, int64_t rows, int64_t cols, int64_t row, int64_t col) const {
    const int64_t bytes = sizes_[size_t(buffer)].bytes, down = (rows - 1) * row, across = (cols - 1) * col;
    return offset >= 0 && offset <= bytes && (offset & ((1 << shift) - 1)) == 0 && (row > across || col > down) &&
           down + across < (bytes - offset) >> shift;
  }

  static constexpr int kShifts[] = {2, 3, 1, 1};  // f32, f64, bf16, f16
  const uint32_t buffers_;
  std::vector<Size> sizes_;
};

// What is wrong with a task, and with which part of it; `what` is null where nothing is.
struct Fault {
  const char* part;
  const char* what;
};

Fault fault_of(const Checker& check, const Task& t) {
  if (t.op != Op::product && t.op != Op::combine && t.op != Op::zero) return {"its operation", "is unknown"};
  if (t.m < 0 || t.n < 0 || t.k < 0 || t.m > kMostSize || t.n > kMostSize || t.k > kMostSize)
    return {"a size", "is negative or too large"};
  if (const char* what = check.result(t)) return {"C", what};
  if (t.op == Op::zero) return {};
  if (const char* what = check.scalar(t)) return {"its scalar", what};
  const int64_t inner = t.op == Op::product ? t.k : t.n;
  if (const char* what = check.operand(t.a_buffer, t.a_offset, t.a_type, t.m, inner, t.a_row, t.a_col)) return {"A", what};
  if (t.op == Op::combine) return {"it", check.stored(t.a_type, t.c_type)};
  if (const char* what = check.operand(t.b_buffer, t.b_offset, t.b_type, t.k, t.n, t.b_row, t.b_col)) return {"B", what};
  return {"it", check.compute(t)};
}

}  // namespace

bool read_tables(const void* data, int64_t bytes, Work& work) {
  const auto* const words = static_cast<const int64_t*>(data);
  int64_t left = bytes - (kHeader + 1) * int64_t(sizeof(int64_t));  // with the first fence
  if (left < 0 || reinterpret_cast<uintptr_t>(data) % alignof(Task) != 0) return false;
  const int64_t sizes[] = {sizeof(Task), sizeof(Job), sizeof(int64_t)};
  for (int i = 0; i < kCounts; ++i) {
    if (words[i] < 0 || words[i] > left / sizes[i]) return false;
    left -= words[i] * sizes[i];
  }
  if (left != 0) return false;
  work.task_count = words[0], work.job_count = words[1], work.phase_count = words[2];
  std::memcpy(&work.blocks, words + kCounts, sizeof work.blocks);
  work.tasks = reinterpret_cast<const Task*>(words + kHeader);
  work.jobs = reinterpret_cast<const Job*>(work.tasks + work.task_count);
  work.phases = reinterpret_cast<const int64_t*>(work.jobs + work.job_count);
  return true;
}

std::string find_fault(const Blocks& blocks) {
  int64_t sizes[kBlockSizes];
  std::memcpy(sizes, &blocks, sizeof blocks);
  for (int b = 0; b < kBlockSizes; ++b)
    if (sizes[b] < 1 || sizes[b] > kMostBlock)
      return format("the block size %s is %lld, which is not from 1 to 2^40", kBlockNames[b], (long long)sizes[b]);
  return {};
}

std::string find_fault(const Work& work) {
  if (std::string fault = find_fault(work.blocks); !fault.empty()) return fault;
  if (work.local_bytes < 0) return "the local memory has a negative size";
  for (int64_t p = 0; p < work.phase_count; ++p)
    if (work.phases[p] > work.phases[p + 1]) return format("phase %lld ends before it starts", (long long)p);
  if (work.phases[0] != 0 || work.phases[work.phase_count] != work.job_count) return "the phases do not cover the jobs";
  int64_t next = 0;  // every task is in one job
  for (int64_t j = 0; j < work.job_count; ++j) {
    const Job& job = work.jobs[j];
    if (job.first != next || job.count < 0 || job.count > work.task_count - next)
      return format("job %lld does not start where the one before it ends, or ends past the tasks", (long long)j);
    next += job.count;
  }
  if (next != work.task_count) return format("task %lld is in no job", (long long)next);
  const Checker check(work);
  const Glance glance(work);
  for (int64_t row = 0; row < work.task_count; ++row) {
    if (glance.accepts(work.tasks[row])) continue;
    if (const Fault fault = fault_of(check, work.tasks[row]); fault.what != nullptr)
      return format("task %lld: %s %s", (long long)row, fault.part, fault.what);
  }
  return {};
}

}  // namespace raggeddsl
