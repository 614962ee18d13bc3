#include "provider.h"

#include <climits>

#include "census.h"

namespace raggeddsl {
namespace {

constexpr int kRowMajor = 101, kPlain = 111, kTransposed = 112;

Provider& chosen() {
  static Provider provider;
  return provider;
}

// An operand as cblas wants it; `fits` is false where it has no form for these strides.
struct Side {
  bool fits;
  int transposed, row;
};

Side side(const Matrix& x, int64_t rows, int64_t cols) {
  const bool plain = x.col_stride == 1 || cols == 1;
  const bool flipped = !plain && (x.row_stride == 1 || rows == 1);
  int64_t row = plain ? x.row_stride : x.col_stride;
  const int64_t least = plain ? cols : rows;
  if ((plain ? rows : cols) == 1) row = least;  // one row: its stride means nothing
  return {(plain || flipped) && row >= least && row <= INT_MAX, plain ? kPlain : kTransposed, int(row)};
}

int64_t row_of_c(const Product& q) { return q.m == 1 ? q.n : q.c.row_stride; }

bool takes(const Product& q) {
  if (q.a.type != q.compute || q.b.type != q.compute || q.c.type != q.compute || q.compute == DType::i32 || q.mirror) return false;
  if (q.m < 1 || q.n < 1 || q.k < 1 || q.m > INT_MAX || q.n > INT_MAX || q.k > INT_MAX) return false;
  const bool large = double(q.m) * double(q.n) * double(q.k) >= double(chosen().least);
  return large && side(q.a, q.m, q.k).fits && side(q.b, q.k, q.n).fits && row_of_c(q) >= q.n && row_of_c(q) <= INT_MAX;
}

void call(const Product& q, const Side& a, const Side& b, int c_row) {
  const Provider& p = chosen();
  const int m = int(q.m), n = int(q.n), k = int(q.k);
  const double beta = q.accumulate ? 1 : 0;
  switch (q.compute) {
    case DType::f32:
      return p.sgemm(kRowMajor, a.transposed, b.transposed, m, n, k, float(q.alpha.re), static_cast<const float*>(q.a.data),
                     a.row, static_cast<const float*>(q.b.data), b.row, float(beta), static_cast<float*>(q.c.data), c_row);
    case DType::f64:
      return p.dgemm(kRowMajor, a.transposed, b.transposed, m, n, k, q.alpha.re, static_cast<const double*>(q.a.data), a.row,
                     static_cast<const double*>(q.b.data), b.row, beta, static_cast<double*>(q.c.data), c_row);
    case DType::c64: {
      const float alpha[2] = {float(q.alpha.re), float(q.alpha.im)}, add[2] = {float(beta), 0};
      return p.cgemm(kRowMajor, a.transposed, b.transposed, m, n, k, alpha, q.a.data, a.row, q.b.data, b.row, add, q.c.data, c_row);
    }
    default: {
      const double alpha[2] = {q.alpha.re, q.alpha.im}, add[2] = {beta, 0};
      return p.zgemm(kRowMajor, a.transposed, b.transposed, m, n, k, alpha, q.a.data, a.row, q.b.data, b.row, add, q.c.data, c_row);
    }
  }
}

bool product(const Product& q, const Blocks& blocks, Workspace& workspace) {
  if (!takes(q)) return best_arithmetic().product(q, blocks, workspace);
  const auto threads_here = chosen().threads_here;
  const int before = threads_here == nullptr ? 0 : threads_here(1);
  call(q, side(q.a, q.m, q.k), side(q.b, q.k, q.n), int(row_of_c(q)));
  if (threads_here != nullptr) threads_here(before);
  return true;
}

Path path(const Product& q, const Blocks& blocks) { return takes(q) ? Path::provider : best_arithmetic().path(q, blocks); }

void census(const Product& q, const Blocks& blocks, Census& census) {
  if (!takes(q)) return best_arithmetic().census(q, blocks, census);
  ++census.marks[int(Mark::provider)];
}

void all_paths(DType compute, Census& all) {
  best_arithmetic().all_paths(compute, all);
  if (compute != DType::i32) ++all.marks[int(Mark::provider)];
}

void combine(const Combine& q) { best_arithmetic().combine(q); }

}  // namespace

void set_provider(const Provider& provider) { chosen() = provider; }

const Arithmetic* provider_arithmetic() {
  static const Arithmetic set = {"provider", product, combine, path, census, all_paths};
  return chosen().sgemm == nullptr ? nullptr : &set;
}

}  // namespace raggeddsl
