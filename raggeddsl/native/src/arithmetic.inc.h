// All arithmetic for one instruction set.  An arithmetic_*.cc defines RAGGED_ISA (a name),
// RAGGED_VECTOR_BYTES and RAGGED_REGISTERS, is compiled with that set's flags, and includes this.

#include "census.h"
#include "types.h"

#if RAGGED_AVX2 || RAGGED_AVX512
#include <immintrin.h>
#endif

#define INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

namespace raggeddsl {
namespace RAGGED_ISA {
namespace {

template <int... I>
struct Indices {};
template <int N, int... I>
struct MakeIndices : MakeIndices<N - 1, N - 1, I...> {};
template <int... I>
struct MakeIndices<0, I...> {
  using type = Indices<I...>;
};

template <class T> struct RemovePointerImpl;
template <class T> struct RemovePointerImpl<T*> { using type = T; };
template <class T> using RemovePointer = typename RemovePointerImpl<T>::type;
template <class A, class B> inline constexpr bool kSameType = false;
template <class A> inline constexpr bool kSameType<A, A> = true;
template <> inline constexpr bool kSameType<int32_t, uint32_t> = true;

#include "lanes.inc.h"
#include "convert.inc.h"
#include "tile.inc.h"
#include "pack.inc.h"
#include "product.inc.h"
#include "narrow.inc.h"
#include "complex.inc.h"
#include "combine.inc.h"
#include "census.inc.h"

template <class C>
INLINE Path real_path(const Product& q, const Blocks& blocks) {
  if constexpr (kHasNarrow<C>)
    if (is_narrow<C>(q)) return Path::along_k;
  return is_small<C>(q, blocks) ? Path::small : Path::tiles;
}

// What is below is done by `how`: `Running`, or `Counting` (census.inc.h).  All but small products is in functions of
// its own, so that those do not pay for its registers and its stack.

template <class C, class How>
static NOINLINE bool tiled_or_wide(const Product& q, const Blocks& blocks, How how) {
  const Blocking<C> plan(q, blocks);
  return plan.runs > 1 && !plan.direct_c ? how.template wide<C>(q) : how.template tiled<C>(plan, q);
}

// A product of at least one entry and one step of k.
template <class C, class How>
INLINE bool real_product(const Product& q, const Blocks& blocks, How how) {
  switch (real_path<C>(q, blocks)) {
    case Path::small: return how.template small<C>(q);
    case Path::along_k:
      if constexpr (kHasNarrow<C>) return how.template narrow<C>(q);
      [[fallthrough]];
    default: return tiled_or_wide<C>(q, blocks, how);
  }
}

template <class How>
INLINE bool any_product(const Product& q, const Blocks& blocks, How how) {
  if (q.m == 0 || q.n == 0) return true;
  if (q.k == 0) return how.empty(q), true;
  bool done = false;
  switch (q.compute) {
    case DType::f32: done = real_product<float>(q, blocks, how); break;
    case DType::f64: done = real_product<double>(q, blocks, how); break;
    case DType::i32: done = real_product<uint32_t>(q, blocks, how); break;
    case DType::c64: done = how.template complex<float>(q); break;
    case DType::c128: done = how.template complex<double>(q); break;
    default: return false;
  }
  if (done && q.mirror) how.mirrored(q);
  return done;
}

struct Running {
  const Blocks& blocks;
  Workspace& workspace;

  void empty(const Product& q) { if (!q.accumulate) clear(q); }
  void mirrored(const Product& q) { mirror(q); }
  template <class C> bool small(const Product& q) { return small_product<C>(q), true; }
  template <class C> bool narrow(const Product& q) { return narrow_product<C>(q, blocks, workspace); }
  template <class C> bool wide(const Product& q) { return wide_sums<C>(q, blocks, workspace); }
  template <class C> bool tiled(const Blocking<C>& plan, const Product& q) { return tiled_product<C>(plan, q, workspace); }
  template <class T> bool complex(const Product& q) { return complex_product<T>(q, blocks, workspace); }
};

bool product(const Product& q, const Blocks& blocks, Workspace& workspace) {
  return any_product(q, blocks, Running{blocks, workspace});
}

// Which of these ways `product` takes; never called while it runs.
Path path(const Product& q, const Blocks& blocks) {
  if (q.m == 0 || q.n == 0 || q.k == 0) return Path::zero;
  switch (q.compute) {
    case DType::f32: return real_path<float>(q, blocks);
    case DType::f64: return real_path<double>(q, blocks);
    case DType::i32: return real_path<uint32_t>(q, blocks);
    default: return Path::complex;
  }
}

void census(const Product& q, const Blocks& blocks, Census& census) {
  count(Mark(path(q, blocks)), census);
  any_product(q, blocks, Counting{blocks, census});
}

void all_paths(DType compute, Census& all) {
  switch (compute) {
    case DType::f32: return add_real_paths<float>(all);
    case DType::f64: return add_real_paths<double>(all);
    case DType::i32: return add_real_paths<uint32_t>(all);
    case DType::c64: return add_complex_paths<float>(all);
    case DType::c128: return add_complex_paths<double>(all);
    default: return;
  }
}

}  // namespace
}  // namespace RAGGED_ISA
}  // namespace raggeddsl
