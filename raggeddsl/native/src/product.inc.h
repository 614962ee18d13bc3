// The real product: cuts C into register tiles, packs what pays, and runs the tiles.
// Included inside namespace raggeddsl::RAGGED_ISA by arithmetic_*.cc.
//
// Here and for the other kinds of product there is a plan (what a product's sizes decide), one loop over its
// tiles, and steps that the loop is given: those that run (`RunTiles`), or those that count which code would
// run (census.inc.h).  All are inlined into one another, so that running costs nothing for it.
//
// Loops from outside: runs of k (so that a panel of B stays in the second-level cache), groups
// of columns packed together, blocks of rows, panels of up to four vectors of columns.  Rows,
// columns and k are divided evenly, so that no block is a small remnant.

INLINE int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Part `i` of `total` cut into `parts` nearly equal pieces starts here.
INLINE int64_t cut(int64_t total, int64_t parts, int64_t i) {
  const int64_t base = total / parts, rest = total % parts;
  return i * base + (i < rest ? i : rest);
}

// Elements that fit `bytes`, and one where none does.
template <class C>
INLINE int64_t fitting(int64_t bytes) {
  const int64_t count = bytes / int64_t(sizeof(C));
  return count > 0 ? count : 1;
}

template <class C>
static void write_block(const C* from, int64_t from_row, const Product& q, int64_t row0, int64_t col0, int64_t rows,
                        int64_t cols, bool accumulate) {
  with_real_type(q.c.type, [&](auto* kind) {
    using S = RemovePointer<decltype(kind)>;
    S* to = static_cast<S*>(q.c.data) + row0 * q.c.row_stride + col0;
    for (int64_t i = 0; i < rows; ++i, to += q.c.row_stride, from += from_row)
      for (int64_t j = 0; j < cols; ++j)
        write(to[j], accumulate ? C(Read<C>::of(to[j]) + from[j]) : from[j]);
  });
}

template <class C>
struct Blocking {
  static constexpr int L = Lanes<C>::count;
  int64_t vectors, panels, group_panels, runs, run, row_blocks;
  bool direct_b, direct_a, direct_c, fetch_a;
  Rows rows;
  int widest, rows_most;

  Blocking(const Product& q, const Blocks& blocks) {
    constexpr DType own = TypeOf<C>::value;
    direct_a = q.a.type == own;
    direct_c = q.c.type == own;
    vectors = divide_up(q.n, L);
    panels = divide_up(vectors, kMaxVectors);
    widest = int(divide_up(vectors, panels));
    rows_most = max_rows(widest);
    row_blocks = divide_up(q.m, rows_most);
    runs = divide_up(q.k, fitting<C>(blocks.run_bytes));
    run = divide_up(q.k, runs);
    const bool small_b = q.k * q.n * int64_t(sizeof(C)) <= blocks.direct_bytes;
    direct_b =
        q.b.type == own && q.b.col_stride == 1 && (kMaskedLoads || q.n % L == 0) && (row_blocks <= 2 || small_b);
    const int64_t panel_bytes = run * widest * L * int64_t(sizeof(C));
    const int64_t fit = blocks.group_bytes / panel_bytes;
    group_panels = fit < 1 ? 1 : (fit > panels ? panels : fit);
    group_panels = divide_up(panels, divide_up(panels, group_panels));
    // Columns of A that lie far apart are gathered once when several panels read them.
    if (q.a.col_stride != 1 && q.a.row_stride == 1 && q.k > 64 && group_panels > 1) direct_a = false;
    // While B is packed, A can come nearer.
    fetch_a = !direct_b && direct_a && q.m * q.k * int64_t(sizeof(C)) <= blocks.fetch_bytes;
    const bool neighbours = !direct_a || q.a.row_stride == 1;
    rows = neighbours ? Rows::neighbours : direct_b && !small_b ? Rows::far : Rows::strided;
  }

  int64_t b_elements() const { return direct_b ? 0 : run * group_panels * widest * L; }
  int64_t a_elements() const { return direct_a ? 0 : divide_up(run * rows_most, L) * L; }
  int64_t elements() const { return a_elements() + b_elements() + c_elements(); }
  int64_t c_elements() const { return direct_c ? 0 : int64_t(kMaxRows) * kMaxVectors * L; }
};

// Whether a product is so small that every block of rows reads all of B where it lies: no plan, no
// packing.  Such products are where entry costs would show.
template <class C>
INLINE bool is_small(const Product& q, const Blocks& blocks) {
  constexpr DType own = TypeOf<C>::value;
  constexpr int64_t item = sizeof(C);
  return q.n <= kMaxVectors * Lanes<C>::count && q.k * q.n * item <= blocks.direct_bytes && q.m < (1 << 30) &&
         q.k * item <= blocks.run_bytes && q.b.col_stride == 1 && q.a.type == own && q.b.type == own &&
         q.c.type == own && (kMaskedLoads || q.n % Lanes<C>::count == 0);
}

// The tiles of a small product: its rows are cut evenly, its columns not at all.
template <class C>
struct SmallPlan {
  static constexpr int L = Lanes<C>::count;
  int vectors, tail, blocks, rows, longer;
  Rows how;

  INLINE explicit SmallPlan(const Product& q) {
    const int m = int(q.m);
    vectors = (int(q.n) + L - 1) / L;
    tail = int(q.n) - (vectors - 1) * L;
    const int most = kRowsOf[vectors - 1];
    blocks = m <= most ? 1 : (m + most - 1) / most;
    rows = m / blocks;
    longer = m - rows * blocks;
    how = q.a.row_stride == 1 ? Rows::neighbours : Rows::strided;
  }

  template <class Tile>
  INLINE void each(Tile&& tile) const {
    for (int i = 0; i < blocks; ++i) tile(rows + (i < longer));
  }
};

template <class C>
static void small_product(const Product& q) {
  const SmallPlan<C> plan(q);
  TileArgs<C> t;
  t.k = q.k;
  t.a = static_cast<const C*>(q.a.data);
  t.a_row = q.a.row_stride;
  t.a_col = q.a.col_stride;
  t.b = static_cast<const C*>(q.b.data);
  t.b_row = q.b.row_stride;
  t.c = static_cast<C*>(q.c.data);
  t.c_row = q.c.row_stride;
  t.tail = plan.tail;
  t.alpha = scalar_as<C>(q.alpha);
  t.accumulate = q.accumulate;
  const TileFn<C>* const tiles = kTiles<C>.fn[int(plan.how)][plan.vectors - 1];
  plan.each([&](int rows) {
    tiles[rows - 1](t);
    t.a += rows * t.a_row;
    t.c += rows * t.c_row;
  });
}

// The loops of `plan`.  Of `steps`, `run(k0, k, more)` begins a run of k, `group()` a group of columns, of which
// pack_b(j0, j1) packs each panel in turn; `rows(i0, count)` begins a block of rows, and tile(j0, width, vectors,
// padded) is each of its tiles: `vectors` of C of a panel of `padded` columns, `width` of them live.
template <class C, class Steps>
INLINE void each_tile(const Blocking<C>& plan, const Product& q, Steps&& steps) {
  constexpr int L = Lanes<C>::count;
  const int64_t row0 = q.mirror ? q.n - q.m : q.n;  // row i of C reaches to column row0 + i
  for (int64_t r = 0; r < plan.runs; ++r) {
    const int64_t k0 = cut(q.k, plan.runs, r), k1 = cut(q.k, plan.runs, r + 1);
    steps.run(k0, k1 - k0, r > 0);
    for (int64_t g = 0; g < plan.panels; g += plan.group_panels) {
      const int64_t g_end = g + plan.group_panels < plan.panels ? g + plan.group_panels : plan.panels;
      steps.group();
      for (int64_t s = g; s < g_end && !plan.direct_b; ++s)
        steps.pack_b(cut(plan.vectors, plan.panels, s) * L, cut(plan.vectors, plan.panels, s + 1) * L);
      for (int64_t i = 0; i < plan.row_blocks; ++i) {
        const int64_t i0 = cut(q.m, plan.row_blocks, i), i1 = cut(q.m, plan.row_blocks, i + 1);
        const int64_t reach = divide_up(row0 + i1, L);  // later vectors lie above the diagonal: mirrored
        steps.rows(i0, int(i1 - i0));
        for (int64_t s = g; s < g_end; ++s) {
          const int64_t v0 = cut(plan.vectors, plan.panels, s), v1 = cut(plan.vectors, plan.panels, s + 1);
          if (v0 >= reach) break;
          const int64_t v_end = v1 < reach ? v1 : reach;
          const int64_t j0 = v0 * L, width = (v_end * L < q.n ? v_end * L : q.n) - j0;
          steps.tile(j0, width, v_end - v0, (v1 - v0) * L);
        }
      }
    }
  }
}

// Runs them, with `packed` as scratch.
template <class C>
struct RunTiles {
  static constexpr int L = Lanes<C>::count;
  const Blocking<C>& plan;
  const Product& q;
  TileArgs<C>& t;  // not a member: its address escapes, and all that is beside it would stay in memory
  C* const packed;
  int64_t k0 = 0, i0 = 0;
  int count = 0;
  bool accumulate = false;
  C* to = nullptr;          // where the next panel of B is packed
  const C* from = nullptr;  // where the next one is read

  INLINE C* packed_a() const { return packed + plan.b_elements(); }
  INLINE C* block_c() const { return packed_a() + plan.a_elements(); }

  INLINE void run(int64_t start, int64_t k, bool more) {
    k0 = start;
    t.k = k;
    accumulate = q.accumulate || more;
  }

  INLINE void group() { to = packed; }

  INLINE void pack_b(int64_t j0, int64_t j1) {
    ::raggeddsl::RAGGED_ISA::pack_b<C>(q.b, k0, j0, t.k, (j1 < q.n ? j1 : q.n) - j0, j1 - j0, to);
    to += t.k * (j1 - j0);
  }

  INLINE void rows(int64_t start, int rows) {
    i0 = start;
    count = rows;
    from = packed;
    if (plan.direct_a) {
      t.a = static_cast<const C*>(q.a.data) + i0 * q.a.row_stride + k0 * q.a.col_stride;
      t.a_row = q.a.row_stride;
      t.a_col = q.a.col_stride;
    } else {
      pack_a<C>(q.a, i0, k0, rows, t.k, packed_a());
      t.a = packed_a();
      t.a_row = 1;
      t.a_col = rows;
    }
  }

  INLINE void tile(int64_t j0, int64_t width, int64_t vectors, int64_t padded) {
    t.tail = int(width - (vectors - 1) * L);
    if (plan.direct_b) {
      t.b = static_cast<const C*>(q.b.data) + k0 * q.b.row_stride + j0;
      t.b_row = q.b.row_stride;
    } else {
      t.b = from;
      t.b_row = padded;
      from += t.k * padded;
    }
    t.c = plan.direct_c ? static_cast<C*>(q.c.data) + i0 * q.c.row_stride + j0 : block_c();
    t.c_row = plan.direct_c ? q.c.row_stride : padded;
    t.accumulate = plan.direct_c && accumulate;
    kTiles<C>.fn[int(plan.rows)][vectors - 1][count - 1](t);
    if (!plan.direct_c) write_block<C>(block_c(), t.c_row, q, i0, j0, count, width, q.accumulate);
  }
};

template <class C>
static void run_tiles(const Blocking<C>& plan, const Product& q, C* packed) {
  if (plan.fetch_a) fetch_rows(static_cast<const C*>(q.a.data), q.m * q.k, q.m * q.k, 1);
  TileArgs<C> t;
  t.alpha = scalar_as<C>(q.alpha);
  each_tile<C>(plan, q, RunTiles<C>{plan, q, t, packed});
}

// The blocks of C of a product in several runs of k whose result is stored narrower than it is computed: it must
// not be rounded between runs, so that each block is summed in scratch and written once.  block(i0, i1, j0, j1)
// does one; false as soon as it is.
template <class Block>
INLINE bool each_sum(const Product& q, const Blocks& blocks, Block&& block) {
  const int64_t row_blocks = divide_up(q.m, blocks.sum_side), col_blocks = divide_up(q.n, blocks.sum_side);
  const int64_t row0 = q.mirror ? q.n - q.m : q.n;
  for (int64_t i = 0; i < row_blocks; ++i)
    for (int64_t j = 0; j < col_blocks; ++j) {
      const int64_t i0 = cut(q.m, row_blocks, i), i1 = cut(q.m, row_blocks, i + 1);
      const int64_t j0 = cut(q.n, col_blocks, j), j1 = cut(q.n, col_blocks, j + 1);
      if (j0 >= row0 + i1) break;  // above the diagonal: written by mirroring
      if (!block(i0, i1, j0, j1)) return false;
    }
  return true;
}

// The product that sums such a block, but for where its operands lie.
template <class C>
INLINE Product sum_of(const Product& q, int64_t rows, int64_t cols) {
  Product block = q;
  block.m = rows, block.n = cols;
  block.accumulate = block.mirror = false;
  block.c = {nullptr, TypeOf<C>::value, cols};
  return block;
}

template <class C>
static NOINLINE bool wide_sums(const Product& q, const Blocks& blocks, Workspace& workspace) {
  return each_sum(q, blocks, [&](int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
    Product block = sum_of<C>(q, i1 - i0, j1 - j0);
    block.a.data = static_cast<const char*>(q.a.data) + i0 * q.a.row_stride * item_size(q.a.type);
    block.b.data = static_cast<const char*>(q.b.data) + j0 * q.b.col_stride * item_size(q.b.type);
    const Blocking<C> plan(block, blocks);
    const int64_t sums_size = divide_up(block.m * block.n, Lanes<C>::count) * Lanes<C>::count;
    C* const sums = static_cast<C*>(workspace.reserve((sums_size + plan.elements()) * int64_t(sizeof(C))));
    if (sums == nullptr) return false;
    block.c.data = sums;
    run_tiles<C>(plan, block, sums + sums_size);
    write_block<C>(sums, block.n, q, i0, j0, block.m, block.n, q.accumulate);
    return true;
  });
}

template <class C>
static NOINLINE bool tiled_product(const Blocking<C>& plan, const Product& q, Workspace& workspace) {
  C* packed = nullptr;
  if (const int64_t need = plan.elements(); need > 0) {
    packed = static_cast<C*>(workspace.reserve(need * int64_t(sizeof(C))));
    if (packed == nullptr) return false;
  }
  run_tiles<C>(plan, q, packed);
  return true;
}
