// Packs random members and compares every byte with plain loops: `native_members [seconds] [seed]`.
//
// Members lie anywhere inside rooms whose neighbourhood may not be touched; so does the buffer.
#include "members.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "rooms.h"

namespace raggeddsl_tests {
namespace {

using raggeddsl::Member;

struct Case {
  std::vector<Room> rooms;
  std::vector<Member> members;
  int64_t itemsize = 4, bytes = 0;
};

Case random_case(std::mt19937_64& random, int64_t most) {
  const auto up_to = [&](int64_t n) { return int64_t(random() % uint64_t(n + 1)); };
  Case made;
  made.itemsize = int64_t(1) << up_to(4);
  for (int64_t left = up_to(8); left > 0; --left) {
    Member m{};
    m.rows = up_to(most), m.cols = up_to(most);
    const int64_t row_step = 1 + up_to(2) / 2, col_step = 1 + up_to(2) / 2;
    const bool columns_lie_whole = up_to(2) == 0;
    m.col_stride = made.itemsize * col_step * (columns_lie_whole ? row_step * m.rows : 1);
    m.row_stride = made.itemsize * row_step * (columns_lie_whole ? 1 : col_step * m.cols);
    if (up_to(6) == 0) m.row_stride = 0;  // one row, repeated
    const int64_t size = m.rows == 0 || m.cols == 0
                             ? 0
                             : (m.rows - 1) * m.row_stride + (m.cols - 1) * m.col_stride + made.itemsize;
    made.rooms.emplace_back(size, Room::Kind(up_to(2)));
    char* data = made.rooms.back().data();
    for (int64_t i = 0; i < size; ++i) data[i] = char(random());
    m.data = data;
    if (size > 0 && up_to(3) == 0) m.data += (m.rows - 1) * m.row_stride, m.row_stride = -m.row_stride;
    if (size > 0 && up_to(3) == 0) m.data += (m.cols - 1) * m.col_stride, m.col_stride = -m.col_stride;
    made.bytes += m.rows * m.cols * made.itemsize;
    made.members.push_back(m);
  }
  return made;
}

[[noreturn]] void fail(uint64_t seed, const char* what) {
  std::fprintf(stderr, "case %llu: %s\n", (unsigned long long)seed, what);
  std::exit(1);
}

void check(uint64_t seed) {
  std::mt19937_64 random(seed);
  const Case made = random_case(random, seed % 16 == 0 ? 700 : 40);  // some large enough to be shared
  Room room(made.bytes, Room::Kind(random() % 3));
  const int threads = int(random() % 5);
  const auto count = int64_t(made.members.size());
  if (const char* fault = raggeddsl::copy_members(made.members.data(), count, made.itemsize, room.data(), made.bytes, threads))
    fail(seed, fault);
  const char* to = room.data();
  for (const Member& m : made.members)
    for (int64_t i = 0; i < m.rows; ++i)
      for (int64_t j = 0; j < m.cols; ++j, to += made.itemsize)
        if (std::memcmp(to, m.data + i * m.row_stride + j * m.col_stride, size_t(made.itemsize)) != 0)
          fail(seed, "an element is not where it should be");
}

void check_refusals() {
  char to[64] = {};
  const char from[64] = {};
  const int64_t huge = int64_t(1) << 62;
  const Member good = {from, 2, 2, 8, 4}, negative = {from, -1, 2, 8, 4}, large = {from, huge, huge, 0, 0};
  const Member nowhere = {nullptr, 2, 2, 8, 4}, half = {from, huge, 1, 0, 0};
  const Member pair[2] = {half, half};
  const auto refused = [&](const Member* members, int64_t count, int64_t itemsize, char* buffer, int64_t bytes) {
    if (raggeddsl::copy_members(members, count, itemsize, buffer, bytes, 2) == nullptr) fail(0, "a wrong call ran");
  };
  refused(&good, 1, 3, to, 12);
  refused(&good, 1, 4, to, 15);
  refused(&good, 1, 4, to, 17);
  refused(&good, 1, 4, nullptr, 16);
  refused(nullptr, 1, 4, to, 16);
  refused(&good, -1, 4, to, 16);
  refused(&negative, 1, 4, to, 16);
  refused(&nowhere, 1, 4, to, 16);
  refused(&large, 1, 4, to, 16);
  refused(pair, 2, 2, to, 16);
  for (const char byte : to)
    if (byte != 0) fail(0, "a wrong call wrote");
}

}  // namespace
}  // namespace raggeddsl_tests

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  const auto stop = Clock::now() + std::chrono::duration<double>(argc > 1 ? std::atof(argv[1]) : 4);
  uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1, count = 0;
  raggeddsl_tests::check_refusals();
  do raggeddsl_tests::check(seed * 1000003 + count++);
  while (Clock::now() < stop);
  std::printf("%llu lists of members are packed right\n", (unsigned long long)count);
  return 0;
}
