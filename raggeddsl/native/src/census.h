// How often each code runs, down to each register tile: for tests that must have met all of it.  Without functions,
// since code for some processors only includes this.
#pragma once

#include <cstdint>

#include "types.h"

namespace raggeddsl {

// What is counted beside tiles.  First the ways a task goes, one each; then what became of products, of
// the packed parts of their operands, or of their tiles.
enum class Mark : int {
  zero, combine, small, tiles, along_k, complex, provider,  // as in Path
  mirrored, wide_sums, several_sums, several_runs, several_groups, several_panels, several_row_blocks,
  direct_a, packed_a_converted, packed_a_gathered, fetched_a,
  direct_b, packed_b_copied, packed_b_transposed, packed_b_entry_by_entry,
  direct_c, converted_c, added_to_c, whole_vectors, partial_vector, cut_at_diagonal,
  narrow_several_runs, narrow_rest,
  complex_several_runs, complex_several_groups, complex_partial_vector, complex_converted_c,
  count
};

// Tiles of all instruction sets: most have fewer.
struct Census {
  static constexpr int kReaches = 3, kVectors = 4, kRows = 16, kNarrow = 4, kComplexVectors = 2, kComplexRows = 6;

  int64_t tiles[kReaches][kVectors][kRows] = {};  // [how rows of A are reached][vectors - 1][rows - 1]
  int64_t narrow_tiles[kNarrow][kNarrow] = {};    // [columns - 1][rows - 1]
  int64_t complex_tiles[kComplexVectors][kComplexRows] = {};
  int64_t marks[int(Mark::count)] = {};
};
constexpr int kCensusCounts = sizeof(Census) / sizeof(int64_t);

}  // namespace raggeddsl
