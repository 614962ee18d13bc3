// Drives the engine as XLA does, with thread pools of all kinds: `native_driver [seconds] [seed]`.
//
// Every program is random, its results are compared byte by byte with plain loops, and its buffers
// end at pages that may not be touched.  Meant to be run under the sanitizers too.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "counting.h"
#include "execute.h"
#include "naive_blas.h"
#include "pools.h"
#include "program.h"
#include "self_test.h"
#include "sizes.h"

namespace raggeddsl_tests {
namespace {

using Clock = std::chrono::steady_clock;
using raggeddsl::Arithmetic;
using raggeddsl::Threads;

std::vector<const Arithmetic*> instruction_sets() {
  std::vector<const Arithmetic*> found;
  for (const char* name : {"base", "avx2", "avx512", "provider"})
    if (const Arithmetic* set = raggeddsl::find_arithmetic(name)) found.push_back(set);
  return found;
}

[[noreturn]] void fail(uint64_t seed, const char* way, const Arithmetic& set, const std::string& what) {
  std::fprintf(stderr, "program %llu, %s, %s: %s\n", (unsigned long long)seed, way, set.name, what.c_str());
  std::exit(1);
}

void run(Program& program, uint64_t seed, const char* way, const Arithmetic& set, const Threads& threads) {
  program.reset();
  if (std::string failure = raggeddsl::execute(program.work(), set, threads); !failure.empty())
    fail(seed, way, set, failure);
  if (const char* fault = program.fault()) fail(seed, way, set, fault);
}

// The same with a watch: each section that has tasks was seen, and none ended before it began.
void run_timed(Program& program, uint64_t seed, const Arithmetic& set, const Threads& threads) {
  constexpr int64_t kSections = 3;
  const raggeddsl::Work work = program.work();
  std::vector<int32_t> numbers(size_t(work.task_count));
  for (size_t row = 0; row < numbers.size(); ++row) numbers[row] = int32_t((row * 7 + seed) % kSections);
  raggeddsl::Section sections[kSections + 1] = {};
  sections[kSections] = {-1, -1, -1};  // beyond the end
  const raggeddsl::Profile profile = {numbers.data(), sections, kSections};
  program.reset();
  if (std::string failure = raggeddsl::execute(work, set, threads, &profile); !failure.empty()) fail(seed, "timed", set, failure);
  if (const char* fault = program.fault()) fail(seed, "timed", set, fault);
  for (int32_t s = 0; s < int32_t(kSections); ++s) {
    const bool any = std::find(numbers.begin(), numbers.end(), s) != numbers.end();
    const raggeddsl::Section& found = sections[s];
    if (any != (found.first <= found.last) || found.busy < 0 || (!any && found.busy != 0)) fail(seed, "timed", set, "a section's times are wrong");
  }
  if (sections[kSections].busy != -1) fail(seed, "timed", set, "a time is written past the sections");
}

// Each product goes one way, which is the one that the set says; the rest is for the sanitizers to see.
void check_census(const Program& program, uint64_t seed, const Arithmetic& set) {
  raggeddsl::Census census;
  if (std::string fault = raggeddsl::count_paths(program.tasks.data(), int64_t(program.tasks.size()), set, program.blocks, census);
      !fault.empty())
    fail(seed, "counted", set, fault);
  for (const raggeddsl::Task& t : program.tasks)
    if (t.m > 0 && t.n > 0 && t.op == raggeddsl::Op::product) --census.marks[int(set.path(raggeddsl::shape_of(t), program.blocks))];
  raggeddsl::Census all;
  for (int type = 0; type < raggeddsl::kDTypes; ++type) set.all_paths(DType(type), all);
  const auto* const counts = reinterpret_cast<const int64_t*>(&census);
  const auto* const known = reinterpret_cast<const int64_t*>(&all);
  for (int place = 0; place < raggeddsl::kCensusCounts; ++place)
    if (counts[place] < 0 || (counts[place] > 0 && known[place] == 0)) fail(seed, "counted", set, "no such path: " + raggeddsl::census_name(place));
}

void check(uint64_t seed, const std::vector<const Arithmetic*>& sets, Pool& prompt, Pool& slow) {
  const Arithmetic& set = *sets[seed % sets.size()];
  Absent absent;
  const bool poison = seed % 3 == 0;  // then what nothing writes is poison in the end
  raggeddsl::set_poison(poison);
  {
    Program program(seed, poison ? char(raggeddsl::kPoison) : char(0xa5));
    if (std::string fault = raggeddsl::find_fault(program.work()); !fault.empty()) fail(seed, "checked", set, fault);
    check_census(program, seed, set);
    run(program, seed, "alone", set, Threads{});
    run(program, seed, "with threads", set, prompt.threads());
    if (seed % 4 == 0) run(program, seed, "with slow threads", set, slow.threads());
    run(program, seed, "with threads that never come", set, absent.threads());
    run(program, seed, "with a pool that runs inline", set, inline_threads());
    run_timed(program, seed, set, prompt.threads());
  }
  absent.run_late();  // the program and its buffers are gone
  raggeddsl::set_poison(false);
}

// Several callers at once share a pool of few threads, as independent calls of one XLA program do.
void check_callers(uint64_t seed, const std::vector<const Arithmetic*>& sets, Pool& pool) {
  std::vector<std::thread> callers;
  for (uint64_t c = 0; c < 6; ++c)
    callers.emplace_back([&, c] {
      Program program(seed + c);
      for (int repeat = 0; repeat < 3; ++repeat)
        run(program, seed + c, "beside other callers", *sets[(seed + c) % sets.size()], pool.threads());
    });
  for (std::thread& caller : callers) caller.join();
}

// Rows more than 2^31 elements apart, in address space of which little is ever touched.
void check_far(const Arithmetic& set, const raggeddsl::Blocks& blocks) {
  using raggeddsl::DType;
  constexpr int64_t kBytes = int64_t(1) << 37, kRow = (int64_t(1) << 31) + 24, kRows = 4, kCols = 37;
  raggeddsl::Buffer buffers[3];
  for (auto& buffer : buffers) {
    void* const data = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) return;  // a machine that promises no more memory than it has
    buffer = {static_cast<char*>(data), kBytes, true};
  }
  for (const DType type : {DType::f32, DType::bf16, DType::c64, DType::i32})
    for (const bool flipped : {false, true}) {
      raggeddsl::Task t{};
      t.a_type = t.b_type = t.c_type = int8_t(type);
      t.compute = int8_t(type == DType::bf16 ? DType::f32 : type);
      t.m = t.k = kRows, t.n = kCols, t.alpha = 1, t.s_buffer = -1;
      t.a_buffer = 0, t.b_buffer = 1, t.c_buffer = 2;
      t.a_row = flipped ? 1 : kRow, t.a_col = flipped ? kRow : 1, t.b_row = kRow, t.b_col = 1, t.c_row = kRow;
      t.c_offset = kBytes - ((kRows - 1) * kRow + kCols) * raggeddsl::item_size(type);
      t.c_offset -= t.c_offset % 16;
      for (int64_t i = 0; i < kRows; ++i) {
        for (int64_t p = 0; p < kRows; ++p) write(type, buffers[0].data, i * t.a_row + p * t.a_col, double(i - 2 * p));
        for (int64_t j = 0; j < kCols; ++j) write(type, buffers[1].data, i * t.b_row + j, double(i + j % 5));
      }
      const raggeddsl::Job job = {0, 1};
      const int64_t phases[] = {0, 1};
      const raggeddsl::Work work = {&t, 1, &job, 1, phases, 1, buffers, 3, 0, blocks};
      if (std::string fault = raggeddsl::find_fault(work); !fault.empty()) fail(0, "far", set, fault);
      raggeddsl::execute(work, set, Threads{});
      for (int64_t i = 0; i < kRows; ++i)
        for (int64_t j = 0; j < kCols; ++j) {
          double sum = 0;
          for (int64_t p = 0; p < kRows; ++p) sum += double(i - 2 * p) * double(p + j % 5);
          if (read(type, buffers[2].data + t.c_offset, i * t.c_row + j) != Value(sum)) fail(0, "far", set, "a product is wrong");
        }
    }
  for (auto& buffer : buffers) munmap(buffer.data, kBytes);
}

// Poisoned scratch holds nothing of what was in it before.
void check_workspace() {
  raggeddsl::Workspace workspace;
  workspace.poison(true);
  for (const int64_t bytes : {100, 50, 9000, 4096, 1}) {
    auto* const data = static_cast<unsigned char*>(workspace.reserve(bytes));
    if (data == nullptr || std::any_of(data, data + bytes, [](unsigned char x) { return x != raggeddsl::kPoison; })) {
      std::fprintf(stderr, "scratch is not poisoned\n");
      std::exit(1);
    }
    std::fill(data, data + bytes, uint8_t(0));
  }
}

int main_(double seconds, uint64_t seed) {
  check_workspace();
  set_naive_provider();
  const auto sets = instruction_sets();
  for (const Arithmetic* set : sets)
    for (const raggeddsl::Blocks& blocks : {kUsual, kLeast}) {
      if (const char* fault = raggeddsl::self_test(*set, blocks)) fail(0, "self-test", *set, fault);
      check_far(*set, blocks);
    }
  Pool prompt(3, std::chrono::microseconds(0)), slow(4, std::chrono::microseconds(300));
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  uint64_t count = 0;
  for (; count < 20 || Clock::now() < end; ++count) {
    alarm(60);  // a program takes milliseconds: more is a hang
    check(seed + count, sets, prompt, slow);
    if (count % 8 == 0) check_callers(seed + 1000000 + count * 6, sets, prompt);
  }
  std::printf("%llu programs from seed %llu are right on", (unsigned long long)count, (unsigned long long)seed);
  for (const Arithmetic* set : sets) std::printf(" %s", set->name);
  std::printf("\n");
  return 0;
}

}  // namespace
}  // namespace raggeddsl_tests

int main(int argc, char** argv) {
  return raggeddsl_tests::main_(argc > 1 ? std::atof(argv[1]) : 5, argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
}
