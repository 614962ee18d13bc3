#include "members.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <thread>
#include <vector>

namespace raggeddsl {
namespace {

constexpr int64_t kPart = int64_t(1) << 20;  // bytes that are worth a thread
constexpr int64_t kBlock = 16;               // rows that are written together where columns are read

template <class T>
void copy_elements(const Member& m, int64_t first, int64_t last, char* to) {
  for (int64_t row = first; row < last; row += kBlock) {
    const int64_t stop = std::min(row + kBlock, last);
    for (int64_t col = 0; col < m.cols; ++col)
      for (int64_t r = row; r < stop; ++r)
        std::memcpy(to + ((r - first) * m.cols + col) * int64_t(sizeof(T)),
                    m.data + r * m.row_stride + col * m.col_stride, sizeof(T));
  }
}

struct Sixteen {
  char bytes[16];
};

// Rows [first, last) of a member, to `to`.
void copy_rows(const Member& m, int64_t itemsize, int64_t first, int64_t last, char* to) {
  const int64_t row_bytes = m.cols * itemsize;
  const bool rows_lie_whole = m.col_stride == itemsize || m.cols == 1;
  if (rows_lie_whole && (m.row_stride == row_bytes || last - first == 1)) {
    std::memcpy(to, m.data + first * m.row_stride, size_t((last - first) * row_bytes));
    return;
  }
  if (rows_lie_whole && m.cols > 1) {
    for (int64_t row = first; row < last; ++row, to += row_bytes)
      std::memcpy(to, m.data + row * m.row_stride, size_t(row_bytes));
    return;
  }
  switch (itemsize) {
    case 1: return copy_elements<uint8_t>(m, first, last, to);
    case 2: return copy_elements<uint16_t>(m, first, last, to);
    case 4: return copy_elements<uint32_t>(m, first, last, to);
    case 8: return copy_elements<uint64_t>(m, first, last, to);
    default: return copy_elements<Sixteen>(m, first, last, to);
  }
}

// The first row of a member at byte `start` of the whole that begins at byte `at` or later.
int64_t row_from(int64_t at, int64_t start, int64_t rows, int64_t row_bytes) {
  return std::clamp((at - start + row_bytes - 1) / row_bytes, int64_t(0), rows);
}

struct Copy {
  const Member* members;
  const int64_t* starts;  // count + 1 bytes
  int64_t count, itemsize;
  char* to;

  // The rows that begin in bytes [low, high) of the whole.
  void run(int64_t low, int64_t high) const {
    int64_t i = std::upper_bound(starts, starts + count + 1, low) - starts - 1;
    for (; i < count && starts[i] < high; ++i) {
      const Member& m = members[i];
      if (starts[i] == starts[i + 1]) continue;
      const int64_t row_bytes = m.cols * itemsize;
      const int64_t first = low <= starts[i] ? 0 : row_from(low, starts[i], m.rows, row_bytes);
      const int64_t last = row_from(high, starts[i], m.rows, row_bytes);
      if (first < last) copy_rows(m, itemsize, first, last, to + starts[i] + first * row_bytes);
    }
  }
};

// The bytes of a member; -1 if they are too many to count, or a size is negative.
int64_t bytes_of(const Member& m, int64_t itemsize) {
  int64_t size;
  if (m.rows < 0 || m.cols < 0 || __builtin_mul_overflow(m.rows, m.cols, &size) ||
      __builtin_mul_overflow(size, itemsize, &size))
    return -1;
  return size;
}

}  // namespace

const char* total_bytes(const Member* members, int64_t count, int64_t itemsize, int64_t* total) {
  *total = 0;
  for (const Member* m = members; m != members + count; ++m) {
    const int64_t size = bytes_of(*m, itemsize);
    if (size < 0 || __builtin_add_overflow(*total, size, total)) return "a size is negative or too large";
    if (size > 0 && m->data == nullptr) return "a member has no data";
  }
  return nullptr;
}

const char* copy_members(const Member* members, int64_t count, int64_t itemsize, char* to, int64_t bytes, int threads) {
  if (count < 0 || bytes < 0 || (count > 0 && members == nullptr) || (bytes > 0 && to == nullptr))
    return "the arguments are no buffers";
  if (itemsize != 1 && itemsize != 2 && itemsize != 4 && itemsize != 8 && itemsize != 16)
    return "the size of an element is not 1, 2, 4, 8 or 16";
  int64_t total;
  if (const char* fault = total_bytes(members, count, itemsize, &total)) return fault;
  if (total != bytes) return "the members do not fill the buffer, or are larger";
  std::vector<int64_t> starts(size_t(count) + 1);
  for (int64_t i = 0; i < count; ++i) starts[size_t(i) + 1] = starts[size_t(i)] + bytes_of(members[i], itemsize);
  const Copy copy = {members, starts.data(), count, itemsize, to};
  const int64_t parts = std::clamp(bytes / kPart, int64_t(1), int64_t(std::max(threads, 1)));
  // bytes * part / parts, which might not fit.
  const auto edge = [&](int64_t part) { return bytes / parts * part + bytes % parts * part / parts; };
  std::vector<std::thread> others;
  int64_t done = 1;  // the first part is the caller's
  try {
    others.reserve(size_t(parts - 1));
    for (; done < parts; ++done)
      others.emplace_back([&copy, low = edge(done), high = edge(done + 1)] { copy.run(low, high); });
  } catch (const std::exception&) {  // no more threads, or no memory for one: the caller does what is left
  }
  copy.run(0, edge(1));
  if (done < parts) copy.run(edge(done), bytes);
  for (std::thread& other : others) other.join();
  return nullptr;
}

}  // namespace raggeddsl
