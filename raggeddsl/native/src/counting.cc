// How products are counted is in census.inc.h.
#include "counting.h"

namespace raggeddsl {
namespace {

const char* name_of(Mark mark) {
  switch (mark) {
    case Mark::zero: return "zero";
    case Mark::combine: return "combine";
    case Mark::small: return "small";
    case Mark::tiles: return "tiles";
    case Mark::along_k: return "along k";
    case Mark::complex: return "complex";
    case Mark::provider: return "provider";
    case Mark::mirrored: return "mirrored";
    case Mark::wide_sums: return "wide sums";
    case Mark::several_sums: return "wide sums, several blocks";
    case Mark::several_runs: return "several runs of k";
    case Mark::several_groups: return "several groups of columns";
    case Mark::several_panels: return "several panels";
    case Mark::several_row_blocks: return "several blocks of rows";
    case Mark::direct_a: return "direct A";
    case Mark::packed_a_converted: return "packed A, converted";
    case Mark::packed_a_gathered: return "packed A, gathered";
    case Mark::fetched_a: return "fetched A";
    case Mark::direct_b: return "direct B";
    case Mark::packed_b_copied: return "packed B, copied";
    case Mark::packed_b_transposed: return "packed B, transposed";
    case Mark::packed_b_entry_by_entry: return "packed B, entry by entry";
    case Mark::direct_c: return "direct C";
    case Mark::converted_c: return "converted C";
    case Mark::added_to_c: return "added to C";
    case Mark::whole_vectors: return "whole vectors";
    case Mark::partial_vector: return "partial vector";
    case Mark::cut_at_diagonal: return "cut at the diagonal";
    case Mark::narrow_several_runs: return "along k, several runs of k";
    case Mark::narrow_rest: return "along k, partial vector";
    case Mark::complex_several_runs: return "complex, several runs of k";
    case Mark::complex_several_groups: return "complex, several groups of rows";
    case Mark::complex_partial_vector: return "complex, partial vector";
    case Mark::complex_converted_c: return "complex, converted C";
    case Mark::count: break;
  }
  return "";
}

std::string size(const char* kind, int columns, int rows, const char* how = "") {
  return std::string(kind) + " " + std::to_string(columns) + "x" + std::to_string(rows) + how;
}

// Whether sizes are so small that none of the products of two with an element's size overflows, and types known.
bool is_plain(const Task& t) {
  for (const int8_t type : {t.a_type, t.b_type, t.c_type, t.compute})
    if (type < 0 || type >= kDTypes) return false;
  for (const int64_t size : {t.m, t.n, t.k, t.a_row, t.a_col, t.b_row, t.b_col, t.c_row})
    if (size < 0 || size > kMostBlock) return false;
  constexpr double kMost = 0x1p56;
  const double m = double(t.m), n = double(t.n), k = double(t.k);
  return m * k < kMost && k * n < kMost && m * n < kMost && ((t.flags & kMirror) == 0 || t.n >= t.m);
}

}  // namespace

std::string census_name(int place) {
  static constexpr const char* kReached[Census::kReaches] = {" strided", " neighbours", " far"};
  constexpr int kTiles = Census::kReaches * Census::kVectors * Census::kRows, kNarrow = Census::kNarrow * Census::kNarrow;
  constexpr int kComplex = Census::kComplexVectors * Census::kComplexRows;
  if (place < kTiles)
    return size("tile", place / Census::kRows % Census::kVectors + 1, place % Census::kRows + 1,
                kReached[place / (Census::kVectors * Census::kRows)]);
  if (place -= kTiles; place < kNarrow) return size("along k", place / Census::kNarrow + 1, place % Census::kNarrow + 1);
  if (place -= kNarrow; place < kComplex) return size("complex tile", place / Census::kComplexRows + 1, place % Census::kComplexRows + 1);
  return name_of(Mark(place - kComplex));
}

Product shape_of(const Task& t) {
  return {t.m, t.n, t.k, {nullptr, DType(t.a_type), t.a_row, t.a_col}, {nullptr, DType(t.b_type), t.b_row, t.b_col},
          {nullptr, DType(t.c_type), t.c_row}, {}, DType(t.compute), (t.flags & kAccumulate) != 0, (t.flags & kMirror) != 0};
}

std::string count_paths(const Task* tasks, int64_t count, const Arithmetic& arithmetic, const Blocks& blocks, Census& census) {
  if (std::string fault = find_fault(blocks); !fault.empty()) return fault;
  for (int64_t row = 0; row < count; ++row) {
    const Task& t = tasks[row];
    if (!is_plain(t)) return "task " + std::to_string(row) + " has a size, stride or type that no table may have";
    if (t.m == 0 || t.n == 0) continue;
    if (t.op == Op::product)
      arithmetic.census(shape_of(t), blocks, census);
    else
      ++census.marks[int(t.op == Op::combine ? Mark::combine : Mark::zero)];
  }
  return {};
}

}  // namespace raggeddsl
