// Any bytes as a table: it is refused, or it runs inside its buffers.  LLVMFuzzerTestOneInput is the
// entry of libFuzzer; fuzz_loop.cc calls it where there is only gcc.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "execute.h"
#include "rooms.h"
#include "sizes.h"

namespace {

using raggeddsl::Buffer;
using raggeddsl::DType;
using raggeddsl::Job;
using raggeddsl::Op;
using raggeddsl::Task;
using raggeddsl_tests::Room;

constexpr int kBuffers = 5;
constexpr int64_t kMostBytes = 1024;  // so that a product that is accepted ends soon
constexpr size_t kMostTasks = 6;

// Hands out the bytes of the input, and zeros when there are no more.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  template <class T>
  T take() {
    T x{};
    const size_t count = std::min(sizeof x, size_);
    if (count > 0) std::memcpy(&x, data_, count);
    data_ += count;
    size_ -= count;
    return x;
  }

  bool empty() const { return size_ == 0; }

 private:
  const uint8_t* data_;
  size_t size_;
};

// Where an operand may begin: with its buffer, at its end, an element too late, or anywhere.
int64_t some_offset(Bytes& bytes, int64_t room, int64_t elements, int64_t item) {
  const int64_t last = room - elements * item;
  switch (bytes.take<uint8_t>() % 4) {
    case 0: return 0;
    case 1: return last;
    case 2: return last + item;
    default: return bytes.take<uint8_t>() * item;
  }
}

// A task on the buffers, correct or nearly so, for edits to start from: small sizes, dense operands.
Task plain_task(Bytes& bytes, const Buffer* buffers, int64_t local_bytes) {
  Task t{};
  const int8_t type = int8_t(bytes.take<uint8_t>() % raggeddsl::kDTypes);
  const bool a_t = bytes.take<uint8_t>() & 1, b_t = bytes.take<uint8_t>() & 1;
  t.op = Op(bytes.take<uint8_t>() % 3);
  t.a_type = t.b_type = t.c_type = t.s_type = type;
  t.compute = type == 2 || type == 3 ? 0 : type == 6 ? 7 : type;
  t.m = bytes.take<uint8_t>() % 9, t.n = bytes.take<uint8_t>() % 9, t.k = bytes.take<uint8_t>() % 9;
  const int64_t inner = t.op == Op::product ? t.k : t.n;
  t.a_row = a_t ? 1 : inner, t.a_col = a_t ? t.m : 1;
  t.b_row = b_t ? 1 : t.n, t.b_col = b_t ? t.k : 1;
  t.c_row = t.n;
  t.flags = bytes.take<uint8_t>() % 4;
  t.a_buffer = bytes.take<uint8_t>() % 2, t.b_buffer = bytes.take<uint8_t>() % 2;
  t.c_buffer = 2 + bytes.take<uint8_t>() % 4;
  t.s_buffer = int32_t(bytes.take<uint8_t>() % 3) - 1;
  t.alpha = bytes.take<int8_t>();
  const int64_t item = raggeddsl::item_size(DType(type));
  const auto room = [&](int32_t buffer) { return buffer < kBuffers ? buffers[buffer].bytes : local_bytes; };
  t.a_offset = some_offset(bytes, room(t.a_buffer), t.m * inner, item);
  t.b_offset = some_offset(bytes, room(t.b_buffer), t.k * t.n, item);
  t.c_offset = some_offset(bytes, room(t.c_buffer), t.m * t.n, item);
  if (t.s_buffer >= 0) t.s_offset = some_offset(bytes, room(t.s_buffer), 1, item);
  return t;
}

// Overwrites some of the struct's bytes.
template <class T>
void edit(T& x, Bytes& bytes) {
  for (int edits = bytes.take<uint8_t>() % 4; edits > 0; --edits) {
    const size_t at = bytes.take<uint8_t>() % sizeof(T), length = 1u << bytes.take<uint8_t>() % 4;
    const uint64_t value = bytes.take<uint64_t>();
    std::memcpy(reinterpret_cast<char*>(&x) + at, &value, std::min(length, sizeof(T) - at));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const raggeddsl::Arithmetic* const sets[] = {
      &raggeddsl::best_arithmetic(), raggeddsl::find_arithmetic("base"),
      raggeddsl::find_arithmetic("avx2") != nullptr ? raggeddsl::find_arithmetic("avx2") : raggeddsl::find_arithmetic("base")};
  Bytes bytes(data, size);
  const raggeddsl::Arithmetic& set = *sets[bytes.take<uint8_t>() % 3];
  std::vector<Room> rooms;
  Buffer buffers[kBuffers];
  for (int b = 0; b < kBuffers; ++b) {
    const int64_t length = bytes.take<uint16_t>() % (kMostBytes / 16 + 1) * 16;
    rooms.emplace_back(length, Room::Kind::heap);
    std::memset(rooms.back().data(), 1, size_t(length));
    buffers[b] = {rooms.back().data(), length, b >= 2};
  }
  const int64_t local_bytes = bytes.take<uint16_t>() % kMostBytes;
  std::vector<Task> tasks;
  for (size_t count = bytes.take<uint8_t>() % (kMostTasks + 1); count > 0; --count) {
    tasks.push_back(bytes.take<uint8_t>() % 8 == 0 ? bytes.take<Task>() : plain_task(bytes, buffers, local_bytes));
    edit(tasks.back(), bytes);
  }
  const auto half = int64_t(tasks.size() / 2);
  Job jobs[] = {{0, half}, {half, int64_t(tasks.size()) - half}};
  int64_t phases[] = {0, 1, 2};
  if (bytes.take<uint8_t>() % 8 == 0) edit(jobs, bytes), edit(phases, bytes);
  raggeddsl::Blocks blocks = bytes.take<uint8_t>() % 2 == 0 ? raggeddsl_tests::kUsual : raggeddsl_tests::kLeast;
  if (bytes.take<uint8_t>() % 2 == 0) edit(blocks, bytes);
  const raggeddsl::Work work = {tasks.data(), int64_t(tasks.size()), jobs, 2, phases, 2, buffers, kBuffers, local_bytes, blocks};
  if (!raggeddsl::find_fault(work).empty()) return 0;
  for (const Task& t : tasks)  // what was accepted is bounded by the buffers
    if (t.op != Op::zero && t.m > 0 && t.n > 0 && (t.m > 2 * kMostBytes || t.n > 2 * kMostBytes || t.k > 2 * kMostBytes) &&
        t.op == Op::product)
      std::abort();
  raggeddsl::execute(work, set, raggeddsl::Threads{});
  return 0;
}
