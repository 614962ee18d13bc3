// Chooses the instruction set at run time, and holds each worker's scratch.
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "provider.h"
#include "types.h"

namespace raggeddsl {

Workspace::~Workspace() { std::free(data_); }

void* Workspace::reserve(int64_t bytes) {
  if (bytes <= size_) return data_;
  const size_t rounded = (size_t(bytes) + 4095) / 4096 * 4096;
  std::free(data_);
  data_ = std::aligned_alloc(4096, rounded);
  size_ = data_ == nullptr || poison_ ? 0 : int64_t(rounded);  // poisoned, it is new each time
  if (data_ != nullptr && poison_) std::memset(data_, kPoison, rounded);
  return data_;
}

void Workspace::poison(bool on) noexcept {
  poison_ = on;
  if (on) size_ = 0;
}

void Workspace::trim(int64_t bytes) {
  if (size_ <= bytes) return;
  std::free(data_);
  data_ = nullptr;
  size_ = 0;
}

const Arithmetic* find_arithmetic(const char* name) {
  if (std::strcmp(name, "base") == 0) return &arithmetic_base();
  if (std::strcmp(name, "provider") == 0) return provider_arithmetic();
#if defined(__x86_64__) && !defined(RAGGEDDSL_PORTABLE)
  __builtin_cpu_init();
  if (std::strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return &arithmetic_avx2();
#if !defined(RAGGEDDSL_NO_AVX512)
  if (std::strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    return &arithmetic_avx512();
#endif
#endif
  return nullptr;
}

const Arithmetic& best_arithmetic() {
  static const Arithmetic* const best = [] {
    for (const char* name : {"avx512", "avx2"})
      if (const Arithmetic* found = find_arithmetic(name)) return found;
    return &arithmetic_base();
  }();
  return *best;
}

}  // namespace raggeddsl
