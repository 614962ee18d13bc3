// The steps that count where those of the products' own files run: the loops are the same, so that no count can
// differ from what runs.  Included inside namespace raggeddsl::RAGGED_ISA by arithmetic_*.cc.

static_assert(kRows == Census::kReaches && kMaxVectors == Census::kVectors && kMaxRows == Census::kRows, "tiles");
static_assert(kNarrowRows == Census::kNarrow && kNarrowCols == Census::kNarrow, "narrow tiles");
static_assert(kComplexVectors <= Census::kComplexVectors && kComplexRows <= Census::kComplexRows, "complex tiles");

static_assert(int(Mark::zero) == int(Path::zero) && int(Mark::provider) == int(Path::provider), "ways");

static Mark mark_of(Packing how) {
  if (how == Packing::copied) return Mark::packed_b_copied;
  return how == Packing::transposed ? Mark::packed_b_transposed : Mark::packed_b_entry_by_entry;
}

static void count(Mark mark, Census& census) { ++census.marks[int(mark)]; }

static void count_tile(int64_t width, int64_t vectors, int lanes, bool accumulate, Census& census) {
  count(width < vectors * lanes ? Mark::partial_vector : Mark::whole_vectors, census);
  if (accumulate) count(Mark::added_to_c, census);
}

template <class C>
struct CountTiles {
  const Blocking<C>& plan;
  const Product& q;
  Census& census;
  int height = 0;
  bool more = false;

  void run(int64_t, int64_t, bool again) { more = again; }
  void group() { if (plan.direct_b) count(Mark::direct_b, census); }
  void pack_b(int64_t, int64_t) { count(mark_of(packing<C>(q.b)), census); }

  void rows(int64_t, int rows) {
    height = rows;
    const bool own = q.a.type == TypeOf<C>::value;
    count(plan.direct_a ? Mark::direct_a : own ? Mark::packed_a_gathered : Mark::packed_a_converted, census);
  }

  void tile(int64_t, int64_t width, int64_t vectors, int64_t padded) {
    ++census.tiles[int(plan.rows)][vectors - 1][height - 1];
    count(plan.direct_c ? Mark::direct_c : Mark::converted_c, census);
    count_tile(width, vectors, Lanes<C>::count, q.accumulate || more, census);
    if (vectors * Lanes<C>::count < padded) count(Mark::cut_at_diagonal, census);
  }
};

template <class C>
struct CountNarrow {
  const Product& q;
  Census& census;
  int64_t k = 0;

  void run(int64_t, int64_t steps, bool more) {
    k = steps;
    count(mark_of(packing<C>(flipped(q.b))), census);
    if (more) count(Mark::narrow_several_runs, census);
  }

  void tile(int64_t, int rows, int64_t, int cols) {
    ++census.narrow_tiles[cols - 1][rows - 1];
    if (k % Lanes<C>::count != 0) count(Mark::narrow_rest, census);
  }
};

template <class T>
struct CountComplex {
  Census& census;
  int vectors = 0;

  void columns(int64_t, int64_t width, int wide) {
    vectors = wide;
    if (width < int64_t(wide) * Lanes<T>::count) count(Mark::complex_partial_vector, census);
  }
  void run(int64_t, int64_t, bool) {}
  void tile(int64_t, int64_t, int rows, bool, bool) { ++census.complex_tiles[vectors - 1][rows - 1]; }
};

// What `Running` (arithmetic.inc.h) does with a product, counted.
struct Counting {
  const Blocks& blocks;
  Census& census;

  void empty(const Product&) {}
  void mirrored(const Product&) { count(Mark::mirrored, census); }

  template <class C>
  bool small(const Product& q) {
    const SmallPlan<C> plan(q);
    plan.each([&](int rows) {
      ++census.tiles[int(plan.how)][plan.vectors - 1][rows - 1];
      count_tile(q.n, plan.vectors, Lanes<C>::count, q.accumulate, census);
    });
    return true;
  }

  template <class C>
  bool tiled(const Blocking<C>& plan, const Product& q) {
    if (plan.fetch_a) count(Mark::fetched_a, census);
    if (plan.runs > 1) count(Mark::several_runs, census);
    if (plan.group_panels < plan.panels) count(Mark::several_groups, census);
    if (plan.panels > 1) count(Mark::several_panels, census);
    if (plan.row_blocks > 1) count(Mark::several_row_blocks, census);
    each_tile<C>(plan, q, CountTiles<C>{plan, q, census});
    return true;
  }

  template <class C>
  bool wide(const Product& q) {
    int64_t sums = 0;
    count(Mark::wide_sums, census);
    each_sum(q, blocks, [&](int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
      const Product block = sum_of<C>(q, i1 - i0, j1 - j0);
      ++sums;
      return tiled<C>(Blocking<C>(block, blocks), block);
    });
    if (sums > 1) count(Mark::several_sums, census);
    return true;
  }

  template <class C>
  bool narrow(const Product& q) {
    each_narrow<C>(NarrowPlan<C>(q, blocks), q, CountNarrow<C>{q, census});
    return true;
  }

  template <class T>
  bool complex(const Product& q) {
    const ComplexPlan<T> plan(q, blocks);
    if (plan.runs > 1) count(Mark::complex_several_runs, census);
    if (plan.groups > 1) count(Mark::complex_several_groups, census);
    if (q.c.type != (sizeof(T) == 4 ? DType::c64 : DType::c128)) count(Mark::complex_converted_c, census);
    each_complex<T>(plan, q, CountComplex<T>{census});
    return true;
  }
};

// Beside those that lie in a row.
constexpr Mark kRealMarks[] = {Mark::zero, Mark::combine, Mark::small, Mark::tiles};
constexpr Mark kNarrowMarks[] = {Mark::along_k, Mark::narrow_several_runs, Mark::narrow_rest};
constexpr Mark kComplexMarks[] = {Mark::zero, Mark::combine, Mark::complex};

// Adds one for every path that products computed in C have: those of `Counting`, wherever their sizes lead.
template <class C>
static void add_real_paths(Census& all) {
  for (int how = 0; how < kRows; ++how)
    for (int v = 0; v < kMaxVectors; ++v)
      for (int r = 0; r < kMaxRows; ++r) all.tiles[how][v][r] += kTiles<C>.fn[how][v][r] != nullptr;
  for (int mark = int(Mark::mirrored); mark < int(Mark::narrow_several_runs); ++mark) count(Mark(mark), all);
  for (const Mark mark : kRealMarks) count(mark, all);
  if constexpr (kHasNarrow<C>) {
    for (auto& row : all.narrow_tiles)
      for (int64_t& tile : row) ++tile;
    for (const Mark mark : kNarrowMarks) count(mark, all);
  }
}

template <class T>
static void add_complex_paths(Census& all) {
  for (int v = 0; v < kComplexVectors; ++v)
    for (int r = 0; r < kComplexRows; ++r) all.complex_tiles[v][r] += kComplexTiles<T>.fn[v][r] != nullptr;
  for (int mark = int(Mark::complex_several_runs); mark < int(Mark::count); ++mark) count(Mark(mark), all);
  for (const Mark mark : kComplexMarks) count(mark, all);
}
