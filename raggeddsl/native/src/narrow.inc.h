// Products with few columns: lanes run along k, and each entry of C is one horizontal sum.
// Included inside namespace raggeddsl::RAGGED_ISA by arithmetic_*.cc.
//
// Vectors along the columns would be mostly empty; here A is read as it lies, row by row, and B
// is packed transposed, so that both operands are contiguous in k.

constexpr int kNarrowRows = 4, kNarrowCols = 4;

// The sums of L vectors at once, lane i that of vector i: one transposition, then a tree.
template <class T>
NOINLINE V<T> horizontal_sums(V<T>* v) {
  constexpr int L = Lanes<T>::count;
  transpose_square<T>(v);
  for (int half = L / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) v[i] += v[i + half];
  return v[0];
}

template <class T, int MR, int NC>
static void narrow_tile(const T* a, int64_t a_row, const T* b, int64_t b_col, int64_t k, T* sums) {
  constexpr int L = Lanes<T>::count;
  V<T> acc[MR][NC];
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < NC; ++j) acc[i][j] = V<T>{};
  int64_t p = 0;
  for (; p + L <= k; p += L) {
    V<T> bv[NC];
#pragma GCC unroll 4
    for (int j = 0; j < NC; ++j) bv[j] = load(b + j * b_col + p);
#pragma GCC unroll 4
    for (int i = 0; i < MR; ++i) {
      const V<T> av = load(a + i * a_row + p);
#pragma GCC unroll 4
      for (int j = 0; j < NC; ++j) acc[i][j] += av * bv[j];
    }
  }
  if (p < k) {
    const int rest = int(k - p);
#pragma GCC unroll 4
    for (int i = 0; i < MR; ++i) {
      const V<T> av = load_partial(a + i * a_row + p, rest);
#pragma GCC unroll 4
      for (int j = 0; j < NC; ++j) acc[i][j] += av * load(b + j * b_col + p);
    }
  }
  V<T> flat[(MR * NC + L - 1) / L * L] = {};
#pragma GCC unroll 4
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < NC; ++j) flat[i * NC + j] = acc[i][j];
  for (int from = 0; from < MR * NC; from += L) {
    const V<T> sum = horizontal_sums<T>(flat + from);
    for (int i = 0; i < L && from + i < MR * NC; ++i) sums[from + i] = sum[i];
  }
}

template <class T>
using NarrowFn = void (*)(const T*, int64_t, const T*, int64_t, int64_t, T*);

template <class T>
inline constexpr NarrowFn<T> kNarrow[kNarrowRows][kNarrowCols] = {
    {narrow_tile<T, 1, 1>, narrow_tile<T, 1, 2>, narrow_tile<T, 1, 3>, narrow_tile<T, 1, 4>},
    {narrow_tile<T, 2, 1>, narrow_tile<T, 2, 2>, narrow_tile<T, 2, 3>, narrow_tile<T, 2, 4>},
    {narrow_tile<T, 3, 1>, narrow_tile<T, 3, 2>, narrow_tile<T, 3, 3>, narrow_tile<T, 3, 4>},
    {narrow_tile<T, 4, 1>, narrow_tile<T, 4, 2>, narrow_tile<T, 4, 3>, narrow_tile<T, 4, 4>},
};

// Whether vectors are so long that lanes along k can pay at all.
template <class C>
constexpr bool kHasNarrow = Lanes<C>::count > 4 && !kSameType<C, uint32_t>;

template <class C>
static bool is_narrow(const Product& q) {
  constexpr int L = Lanes<C>::count;
  constexpr DType own = TypeOf<C>::value;
  // Each 4 x 4 block pays for its horizontal sums: about as much as 140 / n more steps of k.
  return kHasNarrow<C> && q.n * 2 <= L && q.k >= 16 * (q.n + 1) && q.a.type == own && q.c.type == own && q.a.col_stride == 1 &&
         (!q.mirror || q.m == q.n);
}

template <class C>
struct NarrowPlan {
  int64_t runs, depth, col_blocks;

  NarrowPlan(const Product& q, const Blocks& blocks) {
    constexpr int L = Lanes<C>::count;
    runs = divide_up(q.k, fitting<C>(blocks.narrow_bytes));
    depth = divide_up(divide_up(q.k, runs), L) * L;  // B's columns end in zeros
    col_blocks = divide_up(q.n, kNarrowCols);
  }
};

// B as it is packed: transposed.
INLINE Matrix flipped(const Matrix& b) { return {b.data, b.type, b.col_stride, b.row_stride}; }

// The loops of `plan`: steps.run(k0, k, more) begins a run of k, and tile(i0, rows, j0, cols) is each of its tiles.
template <class C, class Steps>
INLINE void each_narrow(const NarrowPlan<C>& plan, const Product& q, Steps&& steps) {
  for (int64_t run = 0; run < plan.runs; ++run) {
    const int64_t k0 = cut(q.k, plan.runs, run), k1 = cut(q.k, plan.runs, run + 1);
    steps.run(k0, k1 - k0, run > 0);
    for (int64_t i = 0; i < q.m; i += kNarrowRows) {
      const int rows = int(q.m - i < kNarrowRows ? q.m - i : kNarrowRows);
      for (int64_t g = 0; g < plan.col_blocks; ++g) {
        const int64_t j0 = cut(q.n, plan.col_blocks, g), j1 = cut(q.n, plan.col_blocks, g + 1);
        steps.tile(i, rows, j0, int(j1 - j0));
      }
    }
  }
}

template <class C>
struct RunNarrow {
  const NarrowPlan<C>& plan;
  const Product& q;
  C* const columns;
  const C alpha;
  int64_t k0 = 0, k = 0;
  bool accumulate = false;

  INLINE void run(int64_t start, int64_t steps, bool more) {
    k0 = start, k = steps;
    accumulate = q.accumulate || more;
    pack_b<C>(flipped(q.b), 0, k0, q.n, k, plan.depth, columns);
  }

  INLINE void tile(int64_t i0, int rows, int64_t j0, int cols) {
    C sums[kNarrowRows * kNarrowCols];
    const C* const a = static_cast<const C*>(q.a.data) + i0 * q.a.row_stride + k0;
    kNarrow<C>[rows - 1][cols - 1](a, q.a.row_stride, columns + j0 * plan.depth, plan.depth, k, sums);
    for (int r = 0; r < rows; ++r) {
      C* to = static_cast<C*>(q.c.data) + (i0 + r) * q.c.row_stride + j0;
      for (int j = 0; j < cols; ++j) to[j] = alpha * sums[r * cols + j] + (accumulate ? to[j] : C(0));
    }
  }
};

template <class C>
static NOINLINE bool narrow_product(const Product& q, const Blocks& blocks, Workspace& workspace) {
  const NarrowPlan<C> plan(q, blocks);
  C* const columns = static_cast<C*>(workspace.reserve(plan.depth * q.n * int64_t(sizeof(C))));
  if (columns == nullptr) return false;
  each_narrow<C>(plan, q, RunNarrow<C>{plan, q, columns, scalar_as<C>(q.alpha)});
  return true;
}
