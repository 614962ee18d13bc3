// Another library's product on one thread, where it may be the faster one: cblas functions that
// were handed over by whoever loaded it.
#pragma once

#include <cstdint>

#include "types.h"

namespace raggeddsl {

using RealGemm32 = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
using RealGemm64 = void (*)(int, int, int, int, int, int, double, const double*, int, const double*, int, double, double*,
                            int);
using ComplexGemm = void (*)(int, int, int, int, int, int, const void*, const void*, int, const void*, int, const void*,
                             void*, int);

// cblas_?gemm with 32-bit integers.  `threads_here(n)` sets the number of threads of calls from the
// calling thread and returns what it was; null where the library runs on one thread anyway.
// Products of fewer than `least` multiplications, and those that cblas has no form for, are ours.
struct Provider {
  RealGemm32 sgemm = nullptr;
  RealGemm64 dgemm = nullptr;
  ComplexGemm cgemm = nullptr, zgemm = nullptr;
  int (*threads_here)(int) = nullptr;
  int64_t least = 0;
};

// Makes `provider` what find_arithmetic("provider") computes with; not while anything runs.
void set_provider(const Provider& provider);

// Its arithmetic, or null before set_provider.
const Arithmetic* provider_arithmetic();

}  // namespace raggeddsl
