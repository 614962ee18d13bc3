// Holds, finds, runs and releases tables from many threads: `native_registry [seconds] [seed]`.
#include "registry.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "execute.h"
#include "program.h"

namespace raggeddsl_tests {
namespace {

using raggeddsl::Buffer;
using raggeddsl::Hash;
using raggeddsl::Registry;
using raggeddsl::Table;
using raggeddsl::Work;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

// What other implementations of MurmurHash3 give.
void check_hash() {
  const auto hash = [](const std::string& text) { return raggeddsl::hash_of(text.data(), int64_t(text.size())); };
  require(hash("") == Hash{0, 0}, "the hash of nothing is wrong");
  require(hash("hello") == Hash{0xcbd8a7b341bd9b02u, 0x5b1e906a48ae1d19u}, "a short hash is wrong");
  require(hash("The quick brown fox jumps over the lazy dog.") == Hash{0xcd99481f9ee902c9u, 0x695da1a38987b6e7u},
          "a long hash is wrong");
}

bool runs(Program& program, const Table& table) {
  const Work work = program.work();
  const std::vector<Buffer> buffers(work.buffers, work.buffers + work.buffer_count);
  program.reset();
  return raggeddsl::execute(table.on(buffers), raggeddsl::best_arithmetic(), {}).empty() && program.fault() == nullptr;
}

// A program that has tasks, so that its table takes room.
std::unique_ptr<Program> program_from(uint64_t& seed) {
  for (;;)
    if (auto found = std::make_unique<Program>(seed++); !found->tasks.empty()) return found;
}

void check_holds(uint64_t seed) {
  const auto program = program_from(seed), other = program_from(seed);
  Registry registry(1);  // whoever lets go second drops what was let go first
  Hash name, again, next;
  require(registry.hold(program->work(), name).empty() && registry.hold(program->work(), again).empty(), "a right table is refused");
  require(name == again, "a table has two names");
  registry.release(name);
  require(registry.find(name) != nullptr && registry.unheld_bytes() == 0, "a table that is held is let go");
  registry.release(name);
  require(registry.find(name) != nullptr && registry.unheld_bytes() > 0, "the last table is dropped");
  registry.release(name);  // once too often
  const std::shared_ptr<const Table> in_use = registry.find(name);
  require(registry.hold(other->work(), next).empty() && !(name == next), "two tables have one name");
  registry.release(next);
  require(registry.find(name) == nullptr && registry.find(next) != nullptr, "the wrong table is dropped");
  require(in_use != nullptr && runs(*program, *in_use), "a table is dropped while it runs");
  require(registry.hold(program->work(), again).empty() && name == again && registry.find(name) != nullptr, "a table does not come back");
  program->tasks[0].c_buffer = 99;
  require(!registry.hold(program->work(), again).empty(), "a wrong table is held");
}

// Of those that nobody holds, the one that was used last stays.
void check_order(uint64_t seed) {
  const std::unique_ptr<Program> programs[] = {program_from(seed), program_from(seed), program_from(seed)};
  int64_t bytes[3];
  for (int p = 0; p < 3; ++p) bytes[p] = Table(programs[p]->work()).bytes();
  Registry registry(bytes[0] + bytes[1] + bytes[2] - 1);
  Hash names[3];
  for (int p = 0; p < 3; ++p) require(registry.hold(programs[p]->work(), names[p]).empty(), "a right table is refused");
  registry.release(names[0]);
  registry.release(names[1]);
  require(registry.find(names[0]) != nullptr, "there is room for two tables");
  registry.release(names[2]);
  require(registry.find(names[1]) == nullptr, "the table that was not used for longest is kept");
  require(registry.find(names[0]) != nullptr && registry.find(names[2]) != nullptr, "more is dropped than need be");
  require(registry.unheld_bytes() == bytes[0] + bytes[2], "the bytes are wrong");
}

// Threads hold, run and release the same few tables, of which there is room for one or two unheld.
uint64_t check_threads(uint64_t seed, std::chrono::duration<double> time) {
  constexpr int kThreads = 4, kTables = 5;
  Registry registry(20 * int64_t(sizeof(raggeddsl::Task)));
  std::atomic<uint64_t> count{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      std::mt19937_64 random(seed + uint64_t(t));
      std::vector<std::unique_ptr<Program>> programs;
      Hash names[kTables] = {};
      uint64_t from = seed;
      for (int p = 0; p < kTables; ++p) programs.push_back(program_from(from));
      const auto stop = std::chrono::steady_clock::now() + time;  // making programs takes long
      do {
        const auto p = size_t(random() % kTables);
        Hash name;
        require(registry.hold(programs[p]->work(), name).empty(), "a right table is refused");
        require(names[p] == Hash{} || names[p] == name, "a table has two names");
        names[p] = name;
        auto found = registry.find(name);
        require(found != nullptr && *found == Table(programs[p]->work()), "a table that is held is not there");
        const bool early = random() % 2 == 0;
        if (early) registry.release(name);
        require(runs(*programs[p], *found), "a table that was found does not run");
        if (auto later = registry.find(names[random() % kTables]); later != nullptr)
          require(!later->buffers().empty(), "a table that nobody holds is broken");
        if (!early) registry.release(name);
        ++count;
      } while (std::chrono::steady_clock::now() < stop);
    });
  for (std::thread& thread : threads) thread.join();
  return count;
}

}  // namespace
}  // namespace raggeddsl_tests

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 4;
  const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  uint64_t count = 0;
  raggeddsl_tests::check_hash();
  raggeddsl_tests::check_holds(seed);
  raggeddsl_tests::check_order(seed);
  for (int part = 0; part < 2; ++part)
    count += raggeddsl_tests::check_threads(seed + uint64_t(part) * 1000003, std::chrono::duration<double>(seconds / 2));
  std::printf("%llu tables were held, found and let go\n", (unsigned long long)count);
  return 0;
}
