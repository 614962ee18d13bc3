// The floating-point mode that tasks run in, whichever thread runs them.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace raggeddsl {

// Rounds to nearest and takes subnormal numbers for zero, as XLA does on its own threads, until it
// goes out of scope: results must not depend on which thread computed them.
class RoundingMode {
 public:
  RoundingMode(const RoundingMode&) = delete;
  RoundingMode& operator=(const RoundingMode&) = delete;

#if defined(__x86_64__)
  RoundingMode() : before_(_mm_getcsr()) { _mm_setcsr(0x1f80 | kFlush); }  // all exceptions masked
  ~RoundingMode() { _mm_setcsr(before_); }

 private:
  static constexpr unsigned kFlush = 0x8040;  // results and operands
  const unsigned before_;
#elif defined(__aarch64__)
  RoundingMode() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(before_));
    __asm__ volatile("msr fpcr, %0" ::"r"(kFlush));
  }
  ~RoundingMode() { __asm__ volatile("msr fpcr, %0" ::"r"(before_)); }

 private:
  static constexpr uint64_t kFlush = uint64_t(1) << 24;
  uint64_t before_ = 0;
#else
  RoundingMode() {}
#endif
};

}  // namespace raggeddsl
