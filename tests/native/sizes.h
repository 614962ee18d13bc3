// Block sizes: those in use, and others down to 1, so that small programs meet what else only large ones do.
#pragma once

#include <cstdint>
#include <random>

#include "types.h"

namespace raggeddsl_tests {

// About the defaults of raggeddsl/tuning.py; nothing depends on their being the same.
constexpr raggeddsl::Blocks kUsual = {1536, 384 << 10, 16 << 10, 24 << 10, 256, 512, 64, 128 << 10, 8 << 20};
constexpr raggeddsl::Blocks kLeast = {1, 1, 1, 1, 1, 1, 1, 1, 1};

// Each as usual, very small, somewhat small or as large as may be.
inline raggeddsl::Blocks some_blocks(std::mt19937_64& random) {
  raggeddsl::Blocks blocks = kUsual;
  if (random() % 3 == 0) return blocks;
  for (int64_t* size : {&blocks.run_bytes, &blocks.group_bytes, &blocks.fetch_bytes, &blocks.direct_bytes, &blocks.sum_side,
                        &blocks.complex_run, &blocks.complex_blocks, &blocks.narrow_bytes, &blocks.huge_bytes})
    switch (random() % 6) {
      case 0:
      case 1: break;
      case 2: *size = 1; break;
      case 3: *size = 1 + int64_t(random() % 40); break;
      case 4: *size = 1 + int64_t(random() % 1000); break;
      default: *size = raggeddsl::kMostBlock;
    }
  return blocks;
}

}  // namespace raggeddsl_tests
