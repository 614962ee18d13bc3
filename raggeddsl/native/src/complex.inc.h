// The complex product: operands packed with real and imaginary parts apart, four real
// multiplications an entry.  Included inside namespace raggeddsl::RAGGED_ISA by arithmetic_*.cc.

constexpr int kComplexRows = RAGGED_REGISTERS >= 32 ? 6 : 4;
constexpr int kComplexVectors = RAGGED_REGISTERS >= 32 ? 2 : 1;

template <class T>
struct ComplexTileArgs {
  int64_t k;
  const T* a;  // [p][row][re, im]
  const T* b;  // [p][vector][re lanes, im lanes]
  T* c;        // [row][vector][re lanes, im lanes]
  bool more;   // C has sums of earlier runs of k
};

template <class T, int MR, int NV>
static void complex_tile(const ComplexTileArgs<T>& t) {
  constexpr int L = Lanes<T>::count;
  V<T> re[MR][NV] = {}, im[MR][NV] = {};
  const T* a = t.a;
  const T* b = t.b;
  T* c = t.c;
  if (t.more)
    for (int r = 0; r < MR; ++r)
      for (int v = 0; v < NV; ++v) {
        re[r][v] = load(c + (r * NV + v) * 2 * L);
        im[r][v] = load(c + (r * NV + v) * 2 * L + L);
      }
  for (int64_t p = 0; p < t.k; ++p, a += 2 * MR, b += 2 * NV * L) {
    V<T> br[NV], bi[NV];
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v) {
      br[v] = load(b + 2 * v * L);
      bi[v] = load(b + (2 * v + 1) * L);
    }
#pragma GCC unroll 8
    for (int r = 0; r < MR; ++r) {
      const V<T> ar = splat(a[2 * r]), ai = splat(a[2 * r + 1]);
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) {
        re[r][v] += ar * br[v];
        re[r][v] -= ai * bi[v];
        im[r][v] += ar * bi[v];
        im[r][v] += ai * br[v];
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v, c += 2 * L) {
      store(c, re[r][v]);
      store(c + L, im[r][v]);
    }
}

template <class T>
struct ComplexTiles {
  void (*fn[kComplexVectors][kComplexRows])(const ComplexTileArgs<T>&);
};

template <class T, int NV, int MR>
constexpr void fill_complex(ComplexTiles<T>& table) {
  if constexpr (MR <= kComplexRows) {
    table.fn[NV - 1][MR - 1] = complex_tile<T, MR, NV>;
    fill_complex<T, NV, MR + 1>(table);
  }
}

template <class T>
constexpr ComplexTiles<T> make_complex_tiles() {
  ComplexTiles<T> table{};
  fill_complex<T, 1, 1>(table);
  if constexpr (kComplexVectors >= 2) fill_complex<T, 2, 1>(table);
  return table;
}

template <class T>
inline constexpr ComplexTiles<T> kComplexTiles = make_complex_tiles<T>();

// Calls f(read) where read(element index, re, im) reads an operand of any type.
template <class T, class F>
INLINE void with_complex_reader(const Matrix& x, F&& f) {
  if (x.type == DType::c64) {
    const float* data = static_cast<const float*>(x.data);
    return f([=](int64_t at, T& re, T& im) { re = T(data[2 * at]), im = T(data[2 * at + 1]); });
  }
  if (x.type == DType::c128) {
    const double* data = static_cast<const double*>(x.data);
    return f([=](int64_t at, T& re, T& im) { re = T(data[2 * at]), im = T(data[2 * at + 1]); });
  }
  with_real_type(x.type, [&](auto* kind) {
    using S = RemovePointer<decltype(kind)>;
    const S* data = static_cast<const S*>(x.data);
    f([=](int64_t at, T& re, T& im) { re = Read<T>::of(data[at]), im = T(0); });
  });
}

template <class T>
static void pack_complex_a(const Matrix& a, int64_t row0, int64_t k0, int64_t rows, int64_t k, T* to) {
  with_complex_reader<T>(a, [&](auto read) {
    for (int64_t p = k0; p < k0 + k; ++p)
      for (int64_t i = 0; i < rows; ++i, to += 2)
        read((row0 + i) * a.row_stride + p * a.col_stride, to[0], to[1]);
  });
}

template <class T>
static void pack_complex_b(const Matrix& b, int64_t k0, int64_t col0, int64_t width, int vectors, int64_t k, T* to) {
  constexpr int L = Lanes<T>::count;
  with_complex_reader<T>(b, [&](auto read) {
    for (int64_t p = k0; p < k0 + k; ++p)
      for (int v = 0; v < vectors; ++v, to += 2 * L)
        for (int j = 0; j < L; ++j) {
          const int64_t col = int64_t(v) * L + j;
          if (col < width)
            read(p * b.row_stride + (col0 + col) * b.col_stride, to[j], to[L + j]);
          else
            to[j] = to[L + j] = T(0);
        }
  });
}

template <class T, class S>
static void write_complex(const T* from, const Product& q, int64_t row0, int64_t col0, int rows, int64_t width,
                          int vectors) {
  constexpr int L = Lanes<T>::count;
  const T re = T(q.alpha.re), im = T(q.alpha.im);
  for (int i = 0; i < rows; ++i) {
    S* to = static_cast<S*>(q.c.data) + 2 * ((row0 + i) * q.c.row_stride + col0);
    const T* line = from + int64_t(i) * vectors * 2 * L;
    for (int64_t j = 0; j < width; ++j) {
      const T xr = line[j / L * 2 * L + j % L], xi = line[j / L * 2 * L + L + j % L];
      const T yr = xr * re - xi * im, yi = xr * im + xi * re;
      to[2 * j] = S(q.accumulate ? T(to[2 * j]) + yr : yr);
      to[2 * j + 1] = S(q.accumulate ? T(to[2 * j + 1]) + yi : yi);
    }
  }
}

template <class T>
struct ComplexPlan {
  static constexpr int L = Lanes<T>::count;
  static constexpr int64_t kBlock = int64_t(kComplexRows) * kComplexVectors * 2 * L;  // sums of one block of rows
  int64_t vectors, panels, row_blocks, groups, runs, run;

  ComplexPlan(const Product& q, const Blocks& blocks) {
    vectors = divide_up(q.n, L);
    panels = divide_up(vectors, kComplexVectors);
    row_blocks = divide_up(q.m, kComplexRows);
    groups = divide_up(row_blocks, blocks.complex_blocks);
    runs = divide_up(q.k, blocks.complex_run);
    run = divide_up(q.k, runs);
  }

  int64_t b_elements() const { return run * kComplexVectors * 2 * L; }
  int64_t a_elements() const { return divide_up(run * kComplexRows * 2, L) * L; }
  int64_t elements() const { return b_elements() + a_elements() + divide_up(row_blocks, groups) * kBlock; }
};

// The loops of `plan`: steps.columns(j0, width, vectors) begins a panel of columns, run(k0, k, fresh) a run
// of k, whose part of B is another one if `fresh`, and tile(at, i0, rows, more, last) is the at-th block of rows of it.
template <class T, class Steps>
INLINE void each_complex(const ComplexPlan<T>& plan, const Product& q, Steps&& steps) {
  constexpr int L = Lanes<T>::count;
  for (int64_t s = 0; s < plan.panels; ++s) {
    const int64_t v0 = cut(plan.vectors, plan.panels, s), v1 = cut(plan.vectors, plan.panels, s + 1);
    steps.columns(v0 * L, (v1 * L < q.n ? v1 * L : q.n) - v0 * L, int(v1 - v0));
    for (int64_t g = 0; g < plan.groups; ++g) {
      const int64_t first = cut(plan.row_blocks, plan.groups, g), end = cut(plan.row_blocks, plan.groups, g + 1);
      for (int64_t r = 0; r < plan.runs; ++r) {
        const int64_t k0 = cut(q.k, plan.runs, r), k1 = cut(q.k, plan.runs, r + 1);
        steps.run(k0, k1 - k0, plan.runs > 1 || g == 0);
        for (int64_t i = first; i < end; ++i) {
          const int64_t i0 = cut(q.m, plan.row_blocks, i), i1 = cut(q.m, plan.row_blocks, i + 1);
          steps.tile(i - first, i0, int(i1 - i0), r > 0, r + 1 == plan.runs);
        }
      }
    }
  }
}

template <class T>
struct RunComplex {
  const ComplexPlan<T>& plan;
  const Product& q;
  T* const packed_b;
  int64_t j0 = 0, width = 0, k0 = 0, k = 0;
  int vectors = 0;

  INLINE T* packed_a() const { return packed_b + plan.b_elements(); }
  INLINE T* sums(int64_t at) const { return packed_a() + plan.a_elements() + at * plan.kBlock; }

  INLINE void columns(int64_t start, int64_t live, int count) { j0 = start, width = live, vectors = count; }

  INLINE void run(int64_t start, int64_t steps, bool fresh) {
    k0 = start, k = steps;
    if (fresh) pack_complex_b<T>(q.b, k0, j0, width, vectors, k, packed_b);
  }

  INLINE void tile(int64_t at, int64_t i0, int rows, bool more, bool last) {
    pack_complex_a<T>(q.a, i0, k0, rows, k, packed_a());
    kComplexTiles<T>.fn[vectors - 1][rows - 1]({k, packed_a(), packed_b, sums(at), more});
    if (!last) return;
    if (q.c.type == DType::c64)
      write_complex<T, float>(sums(at), q, i0, j0, rows, width, vectors);
    else
      write_complex<T, double>(sums(at), q, i0, j0, rows, width, vectors);
  }
};

template <class T>
static NOINLINE bool complex_product(const Product& q, const Blocks& blocks, Workspace& workspace) {
  const ComplexPlan<T> plan(q, blocks);
  T* const packed = static_cast<T*>(workspace.reserve(plan.elements() * int64_t(sizeof(T))));
  if (packed == nullptr) return false;
  each_complex<T>(plan, q, RunComplex<T>{plan, q, packed});
  return true;
}
