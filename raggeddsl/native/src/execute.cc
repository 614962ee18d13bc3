#include "execute.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "rounding.h"

namespace raggeddsl {
namespace {

constexpr int64_t kKeptBytes = 8 << 20;  // scratch that a thread keeps between calls
constexpr int kSpins = 2000;

using Clock = std::chrono::steady_clock;

std::atomic<bool> poisoning{false};

// A thread's scratch: `packed` for the arithmetic, `local` for intermediates of a job.
struct Scratch {
  Workspace packed, local;
};

Scratch& this_thread() {
  thread_local Scratch scratch;
  return scratch;
}

// What the threads of one call share.  It outlives the call for threads that come late; those see
// `open` false and leave without looking at `work`, which dies with the call.
class Crew {
 public:
  Crew(const Work& work, const Arithmetic& arithmetic, const Profile* profile)
      : work_(work), arithmetic_(arithmetic), profile_(profile), began_(profile == nullptr ? Clock::time_point() : Clock::now()) {
    if (!poison_) return;
    for (int32_t b = 0; b < work.buffer_count; ++b)
      if (work.buffers[b].writable && work.buffers[b].bytes > 0)
        std::memset(work.buffers[b].data, kPoison, size_t(work.buffers[b].bytes));
  }

  void help() noexcept {
    if (!enter()) return;
    run();
    leave();
  }

  std::string lead() noexcept {
    run();
    std::unique_lock<std::mutex> lock(mutex_);
    open_ = false;
    changed_.wait(lock, [&] { return inside_ == 0; });
    return failed_.load() ? "there is no memory for a worker's scratch" : "";
  }

 private:
  bool enter() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!open_) return false;
    ++inside_;
    return true;
  }

  void leave() {
    std::lock_guard<std::mutex> lock(mutex_);
    --inside_;
    changed_.notify_all();
  }

  // Takes jobs, phase by phase, until none are left.  A claimed job is run at once by the thread
  // that claimed it, so waiting for the end of a phase waits only for running threads.
  void run() noexcept {
    const RoundingMode mode;
    Scratch& scratch = this_thread();
    scratch.packed.poison(poison_);
    char* const local = static_cast<char*>(scratch.local.reserve(work_.local_bytes));
    const bool usable = local != nullptr || work_.local_bytes == 0;
    if (!usable) failed_.store(true);
    for (int64_t p = 0; p < work_.phase_count; ++p) {
      const int64_t end = work_.phases[p + 1];
      for (;;) {
        int64_t job = next_.load();
        while (job < end && !next_.compare_exchange_weak(job, job + 1)) {
        }
        if (job >= end) break;
        if (usable && !failed_.load(std::memory_order_relaxed)) run_job(work_.jobs[job], local, scratch);
        if (done_.fetch_add(1) + 1 == end) wake();
      }
      wait_for(end);
    }
    scratch.packed.trim(kKeptBytes);
    scratch.local.trim(kKeptBytes);
  }

  void wake() {
    std::lock_guard<std::mutex> lock(mutex_);
    changed_.notify_all();
  }

  void wait_for(int64_t jobs) {
    for (int spin = 0; spin < kSpins; ++spin) {
      if (done_.load() >= jobs) return;
      if (spin % 64 == 63) std::this_thread::yield();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return done_.load() >= jobs; });
  }

  char* address(int32_t buffer, int64_t offset, char* local) const {
    return (buffer == work_.buffer_count ? local : work_.buffers[buffer].data) + offset;
  }

  Scalar scale(const Task& t, char* local) const {
    Scalar s;
    s.re = t.alpha;
    s.whole = t.c_type >= int8_t(DType::i8) ? int64_t(t.alpha) : 0;
    if (t.s_buffer == -1) return s;
    // A 1 x 1 combine reads a scalar of any type exactly as an operand would be read.
    const Matrix value = {address(t.s_buffer, t.s_offset, local), DType(t.s_type), 1, 1};
    double number[2] = {0, 0};
    int32_t whole = 0;
    if (t.s_type >= int8_t(DType::i8)) {
      arithmetic_.combine({1, 1, value, {&whole, DType::i32, 1}, Scalar{}, false});
      number[0] = whole;
    } else {
      arithmetic_.combine({1, 1, value, {number, DType::c128, 1}, Scalar{}, false});
    }
    s.im = s.re * number[1];
    s.re *= number[0];
    s.whole = int64_t(uint64_t(s.whole) * uint64_t(int64_t(whole)));
    return s;
  }

  void run_job(const Job& job, char* local, Scratch& scratch) noexcept {
    if (poison_ && local != nullptr) std::memset(local, kPoison, size_t(work_.local_bytes));
    if (profile_ != nullptr) return run_timed(job, local, scratch);
    for (int64_t row = job.first; row < job.first + job.count; ++row)
      if (!run_task(work_.tasks[row], local, scratch.packed)) return failed_.store(true);
  }

  // The same, and counts the time of each stretch of tasks of one section.
  void run_timed(const Job& job, char* local, Scratch& scratch) noexcept {
    int64_t from = nanoseconds();
    for (int64_t row = job.first; row < job.first + job.count; ++row) {
      if (!run_task(work_.tasks[row], local, scratch.packed)) return failed_.store(true);
      const int32_t number = profile_->number[row];
      if (row + 1 < job.first + job.count && profile_->number[row + 1] == number) continue;
      const int64_t until = nanoseconds();
      count(profile_->sections[number], from, until);
      from = until;
    }
  }

  int64_t nanoseconds() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - began_).count();
  }

  static void count(Section& section, int64_t from, int64_t until) {
    __atomic_fetch_add(&section.busy, until - from, __ATOMIC_RELAXED);
    int64_t seen = __atomic_load_n(&section.first, __ATOMIC_RELAXED);
    while (from < seen && !__atomic_compare_exchange_n(&section.first, &seen, from, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    seen = __atomic_load_n(&section.last, __ATOMIC_RELAXED);
    while (until > seen && !__atomic_compare_exchange_n(&section.last, &seen, until, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
  }

  // False if there was no memory for packing.
  bool run_task(const Task& t, char* local, Workspace& packed) {
    if (t.m == 0 || t.n == 0) return true;
    char* const c = address(t.c_buffer, t.c_offset, local);
    const Result result = {c, DType(t.c_type), t.c_row};
    if (t.op == Op::zero) {
      const int64_t item = item_size(DType(t.c_type));
      for (int64_t i = 0; i < t.m; ++i) std::memset(c + i * t.c_row * item, 0, size_t(t.n * item));
      return true;
    }
    const Matrix a = {address(t.a_buffer, t.a_offset, local), DType(t.a_type), t.a_row, t.a_col};
    const bool accumulate = (t.flags & kAccumulate) != 0;
    if (t.op == Op::combine) {
      arithmetic_.combine({t.m, t.n, a, result, scale(t, local), accumulate});
      return true;
    }
    const Matrix b = {address(t.b_buffer, t.b_offset, local), DType(t.b_type), t.b_row, t.b_col};
    return arithmetic_.product({t.m, t.n, t.k, a, b, result, scale(t, local), DType(t.compute), accumulate,
                                (t.flags & kMirror) != 0},
                               work_.blocks, packed);
  }

  const Work work_;
  const Arithmetic& arithmetic_;
  const Profile* const profile_;
  const Clock::time_point began_;
  const bool poison_ = poisoning.load(std::memory_order_relaxed);
  std::atomic<int64_t> next_{0}, done_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int64_t inside_ = 0;
};

}  // namespace

bool set_poison(bool on) { return poisoning.exchange(on); }

std::string execute(const Work& work, const Arithmetic& arithmetic, const Threads& threads, const Profile* profile) {
  for (int64_t s = 0; profile != nullptr && s < profile->count; ++s)
    profile->sections[s] = {0, std::numeric_limits<int64_t>::max(), 0};
  const auto crew = std::make_shared<Crew>(work, arithmetic, profile);
  int64_t widest = 0;
  for (int64_t p = 0; p < work.phase_count; ++p) widest = std::max(widest, work.phases[p + 1] - work.phases[p]);
  const int64_t helpers = std::min(threads.count, widest) - 1;
  try {
    for (int64_t h = 0; h < helpers; ++h) threads.schedule([crew] { crew->help(); });
  } catch (...) {  // no memory for another helper: those that there are, or none, do
  }
  return crew->lead();
}

}  // namespace raggeddsl
