// The register tile: an MR x NV-vectors block of C held in registers over a whole run of k.
// Included inside namespace raggeddsl::RAGGED_ISA by arithmetic_*.cc.

// How the rows of A are reached: any row stride, or neighbours (packed, or stored transposed); `far`
// is `strided`, and B is so large that it is not in a cache: its rows are fetched ahead.
enum class Rows { strided, neighbours, far };
constexpr int kRows = 3;

template <class T>
struct TileArgs {
  int64_t k;
  const T* a;
  int64_t a_row, a_col;  // elements between rows and between columns of A
  const T* b;
  int64_t b_row;         // elements between rows of B; its columns are neighbours
  T* c;
  int64_t c_row;
  int tail;              // live columns of the last vector, 1..lanes
  T alpha;
  bool accumulate;
};

template <class T>
using TileFn = void (*)(const TileArgs<T>&);

// The last vector of a row of B is read only up to `tail`, so that B may be the caller's own memory.
template <class T, int MR, int NV, Rows ROWS>
static void tile(const TileArgs<T>& t) {
  constexpr int L = Lanes<T>::count;
  constexpr int kGroups = (MR + 2) / 3;  // rows in threes: base, base + s, base + 2s address them
  V<T> acc[MR][NV];
#pragma GCC unroll 32
  for (int r = 0; r < MR; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) acc[r][v] = V<T>{};
  const int64_t row = ROWS == Rows::neighbours ? 1 : t.a_row;
  const T* group[kGroups];
#pragma GCC unroll 16
  for (int g = 0; g < kGroups; ++g) group[g] = t.a + 3 * g * row;
  const T* b = t.b;
  const int tail = t.tail;
  for (int64_t p = 0; p < t.k; ++p) {
    if constexpr (ROWS == Rows::far) fetch_ahead(b, t.b_row, NV);
    V<T> bv[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v)
      bv[v] = kMaskedLoads && v == NV - 1 ? load_partial(b + v * L, tail) : load(b + v * L);
#pragma GCC unroll 32
    for (int r = 0; r < MR; ++r) {
      const V<T> av = splat(group[r / 3][(r % 3) * row]);
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[r][v] += av * bv[v];
    }
#pragma GCC unroll 16
    for (int g = 0; g < kGroups; ++g) group[g] += t.a_col;
    b += t.b_row;
  }
  const V<T> alpha = splat(t.alpha);
  T* c = t.c;
#pragma GCC unroll 32
  for (int r = 0; r < MR; ++r, c += t.c_row) {
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) {
      V<T> x = acc[r][v] * alpha;
      T* to = c + v * L;
      if (v == NV - 1 && tail < L) {
        if (t.accumulate) x += load_partial(to, tail);
        store_partial(to, x, tail);
      } else {
        if (t.accumulate) x += load(to);
        store(to, x);
      }
    }
  }
}

// Rows that fit the registers beside NV vectors of B and a broadcast: of 32 (AVX-512) or 16.
constexpr int max_rows(int nv) {
  return RAGGED_REGISTERS >= 32 ? (nv == 1 ? 16 : nv == 2 ? 12 : nv == 3 ? 8 : 6)
                                : (nv == 1 ? 8 : nv == 2 ? 5 : nv == 3 ? 3 : 2);
}
constexpr int kMaxVectors = 4;
constexpr int kMaxRows = 16;
constexpr int kRowsOf[kMaxVectors] = {max_rows(1), max_rows(2), max_rows(3), max_rows(4)};

template <class T>
struct TileTable {
  TileFn<T> fn[kRows][kMaxVectors][kMaxRows];  // [Rows][NV - 1][MR - 1]
};

template <class T, int NV, int MR>
constexpr void fill_rows(TileTable<T>& table) {
  if constexpr (MR <= max_rows(NV)) {
    table.fn[int(Rows::strided)][NV - 1][MR - 1] = tile<T, MR, NV, Rows::strided>;
    table.fn[int(Rows::neighbours)][NV - 1][MR - 1] = tile<T, MR, NV, Rows::neighbours>;
    table.fn[int(Rows::far)][NV - 1][MR - 1] = tile<T, MR, NV, Rows::far>;
    fill_rows<T, NV, MR + 1>(table);
  }
}

template <class T>
constexpr TileTable<T> make_tiles() {
  TileTable<T> table{};
  fill_rows<T, 1, 1>(table);
  fill_rows<T, 2, 1>(table);
  fill_rows<T, 3, 1>(table);
  fill_rows<T, 4, 1>(table);
  return table;
}

template <class T>
inline constexpr TileTable<T> kTiles = make_tiles<T>();
