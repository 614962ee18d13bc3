// All arithmetic for one instruction set.  An arithmetic_*.cc defines RAGGED_ISA (a name),
// RAGGED_VECTOR_BYTES and RAGGED_REGISTERS, is compiled with that set's flags, and includes this.

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

template <class C>
bool real_or_narrow(const Product& q, const Blocks& blocks, Workspace& workspace) {
  return is_narrow<C>(q) ? narrow_product<C>(q, blocks, workspace) : real_product<C>(q, blocks, workspace);
}

template <class C>
Path real_path(const Product& q, const Blocks& blocks) {
  if (is_narrow<C>(q)) return Path::along_k;
  return is_small<C>(q, blocks) ? Path::small : Path::tiles;
}

// Which of the ways below `product` takes; never called while it runs.
Path path(const Product& q, const Blocks& blocks) {
  if (q.m == 0 || q.n == 0 || q.k == 0) return Path::zero;
  switch (q.compute) {
    case DType::f32: return real_path<float>(q, blocks);
    case DType::f64: return real_path<double>(q, blocks);
    case DType::i32: return is_small<uint32_t>(q, blocks) ? Path::small : Path::tiles;
    default: return Path::complex;
  }
}

bool product(const Product& q, const Blocks& blocks, Workspace& workspace) {
  if (q.m == 0 || q.n == 0) return true;
  if (q.k == 0) {
    if (!q.accumulate) clear(q);
    return true;
  }
  bool done = false;
  switch (q.compute) {
    case DType::f32: done = real_or_narrow<float>(q, blocks, workspace); break;
    case DType::f64: done = real_or_narrow<double>(q, blocks, workspace); break;
    case DType::i32: done = real_product<uint32_t>(q, blocks, workspace); break;
    case DType::c64: done = complex_product<float>(q, blocks, workspace); break;
    case DType::c128: done = complex_product<double>(q, blocks, workspace); break;
    default: return false;
  }
  if (done && q.mirror) mirror(q);
  return done;
}

}  // namespace
}  // namespace RAGGED_ISA
}  // namespace raggeddsl
