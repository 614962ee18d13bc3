// Packing: operands copied, converted to the computed type, into the order tiles read them in.
// Included inside namespace raggeddsl::RAGGED_ISA by arithmetic_*.cc.

// Columns of B [0, width) over rows [0, k) to panel[p * padded + j], zeros up to `padded`
// (a multiple of the lanes).
template <class C, class S>
static void pack_rows(const S* b, int64_t row, int64_t col, int64_t k, int64_t width, int64_t padded, C* panel) {
  for (int64_t p = 0; p < k; ++p, b += row, panel += padded) {
    for (int64_t j = 0; j < width; ++j) panel[j] = Read<C>::of(b[j * col]);
    for (int64_t j = width; j < padded; ++j) panel[j] = C(0);
  }
}

// The same for a B of the computed type whose columns are neighbours: whole vectors.
template <class C>
static void copy_rows(const C* b, int64_t row, int64_t k, int64_t width, int64_t padded, C* panel) {
  constexpr int L = Lanes<C>::count;
  const int64_t vectors = padded / L;
  const int tail = int(width - (padded - L));
  for (int64_t p = 0; p < k; ++p, b += row, panel += padded) {
    fetch_ahead(b, row, vectors);
    for (int64_t v = 0; v < vectors - 1; ++v) store(panel + v * L, load(b + v * L));
    store(panel + padded - L, load_partial(b + padded - L, tail));
  }
}

// Asks for `count` stretches of k elements, which are read across their direction: the processor
// does not foresee that.
template <class C>
INLINE void fetch_rows(const C* b, int64_t col, int64_t k, int64_t count) {
  for (int64_t j = 0; j < count; ++j)
    for (int64_t p = 0; p < k; p += 64 / int64_t(sizeof(C))) __builtin_prefetch(b + j * col + p, 0, 3);
}

// The same for a B of the computed type whose rows are neighbours (stored transposed): squares
// of vectors are transposed in registers.
template <class C>
static void transpose_rows(const C* b, int64_t col, int64_t k, int64_t width, int64_t padded, C* panel) {
  constexpr int L = Lanes<C>::count;
  fetch_rows(b, col, k, width < L ? width : L);
  for (int64_t j0 = 0; j0 < padded; j0 += L) {
    const int live = int(width - j0 < L ? width - j0 : L);
    const C* from = b + j0 * col;
    if (width - j0 > L) fetch_rows(from + L * col, col, k, width - j0 - L < L ? width - j0 - L : L);
    for (int64_t p = 0; p < k; p += L) {
      const int depth = int(k - p < L ? k - p : L);
      V<C> square[L];
      for (int j = 0; j < L; ++j) {
        if (j >= live)
          square[j] = V<C>{};
        else if (depth == L)
          square[j] = load(from + j * col + p);
        else
          square[j] = load_partial(from + j * col + p, depth);
      }
      transpose_square<C>(square);
      for (int q = 0; q < depth; ++q) store(panel + (p + q) * padded + j0, square[q]);
    }
  }
}

enum class Packing { copied, transposed, entry_by_entry };

template <class C>
INLINE Packing packing(const Matrix& b) {
  if (b.type != TypeOf<C>::value) return Packing::entry_by_entry;
  return b.col_stride == 1 ? Packing::copied : b.row_stride == 1 ? Packing::transposed : Packing::entry_by_entry;
}

// Packs the k x width block of `b` that starts at (row0, col0).
template <class C>
static void pack_b(const Matrix& b, int64_t row0, int64_t col0, int64_t k, int64_t width, int64_t padded, C* panel) {
  const Packing how = packing<C>(b);
  with_real_type(b.type, [&](auto* kind) {
    using S = RemovePointer<decltype(kind)>;
    const S* from = static_cast<const S*>(b.data) + row0 * b.row_stride + col0 * b.col_stride;
    if constexpr (kSameType<S, C>) {
      const C* own = reinterpret_cast<const C*>(from);
      if (how == Packing::copied) return copy_rows<C>(own, b.row_stride, k, width, padded, panel);
      if (how == Packing::transposed) return transpose_rows<C>(own, b.col_stride, k, width, padded, panel);
    }
    pack_rows<C, S>(from, b.row_stride, b.col_stride, k, width, padded, panel);
  });
}

// Packs the rows x k block of `a` at (row0, col0) to block[p * rows + i], so that a tile finds
// the rows of one column side by side.
template <class C>
static void pack_a(const Matrix& a, int64_t row0, int64_t col0, int64_t rows, int64_t k, C* block) {
  with_real_type(a.type, [&](auto* kind) {
    using S = RemovePointer<decltype(kind)>;
    const S* from = static_cast<const S*>(a.data) + row0 * a.row_stride + col0 * a.col_stride;
    for (int64_t i = 0; i < rows; ++i, from += a.row_stride)
      for (int64_t p = 0; p < k; ++p) block[p * rows + i] = Read<C>::of(from[p * a.col_stride]);
  });
}
