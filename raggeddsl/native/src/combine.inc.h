// Scaled sums, zeros and mirrored triangles: everything that is not a product.
// Included inside namespace raggeddsl::RAGGED_ISA by arithmetic_*.cc.

constexpr int64_t kSquare = 32;  // transposed reads go square by square, to use whole cache lines

template <class F>
INLINE void each_square(int64_t m, int64_t n, F&& f) {
  for (int64_t i0 = 0; i0 < m; i0 += kSquare)
    for (int64_t j0 = 0; j0 < n; j0 += kSquare)
      f(i0, i0 + kSquare < m ? i0 + kSquare : m, j0, j0 + kSquare < n ? j0 + kSquare : n);
}

template <class C, class To, class From>
static void combine_real(const Combine& q) {
  const C alpha = scalar_as<C>(q.alpha);
  const From* const a = static_cast<const From*>(q.a.data);
  To* const c = static_cast<To*>(q.c.data);
  if (q.a.col_stride == 1) {
    for (int64_t i = 0; i < q.m; ++i) {
      const From* from = a + i * q.a.row_stride;
      To* to = c + i * q.c.row_stride;
      if (q.accumulate)
        for (int64_t j = 0; j < q.n; ++j) write(to[j], C(alpha * Read<C>::of(from[j]) + Read<C>::of(to[j])));
      else
        for (int64_t j = 0; j < q.n; ++j) write(to[j], C(alpha * Read<C>::of(from[j])));
    }
    return;
  }
  each_square(q.m, q.n, [&](int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
    for (int64_t i = i0; i < i1; ++i)
      for (int64_t j = j0; j < j1; ++j) {
        To& to = c[i * q.c.row_stride + j];
        const C x = alpha * Read<C>::of(a[i * q.a.row_stride + j * q.a.col_stride]);
        write(to, q.accumulate ? C(x + Read<C>::of(to)) : x);
      }
  });
}

template <class To>
static void combine_complex(const Combine& q) {
  const double re = q.alpha.re, im = q.alpha.im;
  with_complex_reader<double>(q.a, [&](auto read) {
    each_square(q.m, q.n, [&](int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
      for (int64_t i = i0; i < i1; ++i)
        for (int64_t j = j0; j < j1; ++j) {
          double xr, xi;
          read(i * q.a.row_stride + j * q.a.col_stride, xr, xi);
          To* to = static_cast<To*>(q.c.data) + 2 * (i * q.c.row_stride + j);
          to[0] = To(xr * re - xi * im + (q.accumulate ? double(to[0]) : 0.0));
          to[1] = To(xr * im + xi * re + (q.accumulate ? double(to[1]) : 0.0));
        }
    });
  });
}

template <class C, class To>
static void combine_from(const Combine& q) {
  with_real_type(q.a.type, [&](auto* from) { combine_real<C, To, RemovePointer<decltype(from)>>(q); });
}

static void combine(const Combine& q) {
  switch (q.c.type) {
    case DType::f32: return combine_from<float, float>(q);
    case DType::f64: return combine_from<double, double>(q);
    case DType::bf16: return combine_from<float, bf16>(q);
    case DType::f16: return combine_from<float, half>(q);
    case DType::i8: return combine_from<uint32_t, int8_t>(q);
    case DType::i32: return combine_from<uint32_t, int32_t>(q);
    case DType::c64: return combine_complex<float>(q);
    case DType::c128: return combine_complex<double>(q);
  }
}

// to = from transposed, `from` m x n: squares of vectors in registers.  Both have rows of one stride.
template <class T>
static void flip(const T* from, int64_t m, int64_t n, T* to, int64_t row_stride) {
  constexpr int L = Lanes<T>::count;
  for (int64_t i0 = 0; i0 < m; i0 += L)
    for (int64_t j0 = 0; j0 < n; j0 += L) {
      const int rows = int(m - i0 < L ? m - i0 : L), cols = int(n - j0 < L ? n - j0 : L);
      V<T> square[L] = {};
      for (int i = 0; i < rows; ++i) {
        const T* row = from + (i0 + i) * row_stride + j0;
        square[i] = cols == L ? load(row) : load_partial(row, cols);
      }
      transpose_square<T>(square);
      for (int j = 0; j < cols; ++j) {
        T* row = to + (j0 + j) * row_stride + i0;
        if (rows == L)
          store(row, square[j]);
        else
          store_partial(row, square[j], rows);
      }
    }
}

// Copies what lies below the diagonal of a symmetric product to above it (see types.h).
static NOINLINE void mirror(const Product& q) {
  const int64_t row0 = q.n - q.m;
  with_real_type(q.c.type, [&](auto* kind) {
    using S = RemovePointer<decltype(kind)>;
    S* const c = static_cast<S*>(q.c.data);
    each_square(q.m, q.n, [&](int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
      if constexpr (sizeof(S) >= 4)
        if (j1 <= row0 + i0)  // wholly below
          return flip<S>(c + i0 * q.c.row_stride + j0, i1 - i0, j1 - j0, c + (j0 - row0) * q.c.row_stride + row0 + i0,
                         q.c.row_stride);
      for (int64_t j = j0; j < j1; ++j) {
        S* const to = c + (j - row0) * q.c.row_stride + row0;
        for (int64_t i = i0 > j - row0 + 1 ? i0 : j - row0 + 1; i < i1; ++i) to[i] = c[i * q.c.row_stride + j];
      }
    });
  });
}

// C = 0 for a product over an empty k that does not accumulate.
static NOINLINE void clear(const Product& q) {
  const int64_t bytes = q.n * item_size(q.c.type);
  for (int64_t i = 0; i < q.m; ++i)
    __builtin_memset(static_cast<char*>(q.c.data) + i * q.c.row_stride * item_size(q.c.type), 0, static_cast<unsigned long>(bytes));
}
