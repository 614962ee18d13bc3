// Element types and the plain structs that describe one task to the arithmetic code.
#pragma once

#include <cstddef>
#include <cstdint>

namespace raggeddsl {

// The numbers are part of the table's format (raggeddsl/kernels/native/table.py).
enum class DType : int32_t { f32 = 0, f64 = 1, bf16 = 2, f16 = 3, c64 = 4, c128 = 5, i8 = 6, i32 = 7 };
constexpr int kDTypes = 8;

constexpr int64_t item_size(DType type) {
  switch (type) {
    case DType::f32: return 4;
    case DType::f64: return 8;
    case DType::bf16: return 2;
    case DType::f16: return 2;
    case DType::c64: return 8;
    case DType::c128: return 16;
    case DType::i8: return 1;
    case DType::i32: return 4;
  }
  return 0;
}

constexpr bool is_complex(DType type) { return type == DType::c64 || type == DType::c128; }

struct Scalar {  // alpha * s; integers stay exact in `whole`
  double re = 1, im = 0;
  int64_t whole = 1;
};

// Element (i, j) is at data + (i * row_stride + j * col_stride) elements.
struct Matrix {
  const void* data;
  DType type;
  int64_t row_stride, col_stride;
};

struct Result {
  void* data;
  DType type;
  int64_t row_stride;  // columns are neighbours
};

// C = alpha * A @ B (+ C), A m x k, B k x n.  With `mirror`, n = row0 + m, the block is rows
// row0.. of a symmetric matrix up to its diagonal, and its first row0 columns are also written,
// transposed, above the diagonal: C[j - row0][row0 + i] = C[i][j] for j < row0.
struct Product {
  int64_t m, n, k;
  Matrix a, b;
  Result c;
  Scalar alpha;
  DType compute;  // f32, f64, i32, c64 or c128
  bool accumulate;
  bool mirror;
};

// C = alpha * A (+ C), A m x n.
struct Combine {
  int64_t m, n;
  Matrix a;
  Result c;
  Scalar alpha;
  bool accumulate;
};

// The block sizes of the arithmetic, each from 1 to kMostBlock: BlockTuning in raggeddsl/tuning.py, field by
// field, which says what each decides and has the values in use.  None changes a result beyond rounding.
struct Blocks {
  int64_t run_bytes, group_bytes, fetch_bytes, direct_bytes, sum_side, complex_run, complex_blocks, narrow_bytes, huge_bytes;
};
constexpr int kBlockSizes = sizeof(Blocks) / sizeof(int64_t);

// Sizes of matrices are no larger either, so that no product of such a size with an element's size, with the
// lanes and registers of a tile, or a sum of such products, overflows.
constexpr int64_t kMostBlock = int64_t(1) << 40;

// A byte of which every float is a NaN and every integer -1: what was read before it was written shows.
constexpr int kPoison = 0xff;

// Aligned scratch of one worker; `reserve` may move it and forgets what was in it.
class Workspace {
 public:
  Workspace() = default;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace();
  void* reserve(int64_t bytes);  // nullptr if there is no memory; 64-byte aligned
  void trim(int64_t bytes);      // frees it if it is larger than `bytes`
  void poison(bool on) noexcept;  // whether `reserve` fills it with kPoison each time

 private:
  void* data_ = nullptr;
  int64_t size_ = 0;  // what may be used without more ado
  bool poison_ = false;
};

// Which code a product runs in, as `explain` says it; the numbers are those of report.py.
enum class Path : int8_t { zero = 0, combine = 1, small = 2, tiles = 3, along_k = 4, complex = 5, provider = 6 };

struct Census;  // census.h

// One instruction set's arithmetic.  `product` returns false if it could not get workspace; `census` counts the code
// it would run in, and `all_paths` adds one for all code that products computed in a type can run in.
struct Arithmetic {
  const char* name;
  bool (*product)(const Product&, const Blocks&, Workspace&);
  void (*combine)(const Combine&);
  Path (*path)(const Product&, const Blocks&);
  void (*census)(const Product&, const Blocks&, Census&);
  void (*all_paths)(DType compute, Census&);
};

const Arithmetic& arithmetic_base();
#if defined(__x86_64__) && !defined(RAGGEDDSL_PORTABLE)
const Arithmetic& arithmetic_avx2();
const Arithmetic& arithmetic_avx512();
#endif
const Arithmetic& best_arithmetic();                // for this processor
const Arithmetic* find_arithmetic(const char* name);  // nullptr: unknown, or not on this processor
// ("provider": see provider.h)

}  // namespace raggeddsl
