// Vectors of T in the width of the instruction set being compiled, with partial loads and stores.
// Included inside namespace raggeddsl::RAGGED_ISA by arithmetic_*.cc; uses no std:: inline
// function, so that no other file can be linked to code for the wrong processor.

template <class T>
struct Lanes {
  static constexpr int count = RAGGED_VECTOR_BYTES / sizeof(T);
  typedef T V __attribute__((vector_size(RAGGED_VECTOR_BYTES)));
  typedef T U __attribute__((vector_size(RAGGED_VECTOR_BYTES), aligned(alignof(T)), may_alias));
};

template <class T>
using V = typename Lanes<T>::V;

template <class T>
INLINE V<T> load(const T* p) {
  return *reinterpret_cast<const typename Lanes<T>::U*>(p);
}

template <class T>
INLINE void store(T* p, V<T> v) {
  *reinterpret_cast<typename Lanes<T>::U*>(p) = v;
}

template <class T>
INLINE V<T> splat(T x) {
  return V<T>{} + x;
}

// Whether load_partial costs no more than load; where it does, tiles read whole vectors from packed,
// padded memory only.
#if RAGGED_AVX512 || RAGGED_AVX2
constexpr bool kMaskedLoads = true;
#else
constexpr bool kMaskedLoads = false;
#endif

#if RAGGED_AVX512
template <class T>
INLINE V<T> load_partial(const T* p, int count) {
  if constexpr (sizeof(T) == 4)
    return (V<T>)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
  else
    return (V<T>)_mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1), p);
}

template <class T>
INLINE void store_partial(T* p, V<T> v, int count) {
  if constexpr (sizeof(T) == 4)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
  else
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << count) - 1), (__m512d)v);
}
#elif RAGGED_AVX2
template <class T>
INLINE __m256i partial_mask(int count) {
  if constexpr (sizeof(T) == 4)
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  else
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}

template <class T>
INLINE V<T> load_partial(const T* p, int count) {
  if constexpr (sizeof(T) == 4)
    return (V<T>)_mm256_maskload_ps((const float*)p, partial_mask<T>(count));
  else
    return (V<T>)_mm256_maskload_pd((const double*)p, partial_mask<T>(count));
}

template <class T>
INLINE void store_partial(T* p, V<T> v, int count) {
  if constexpr (sizeof(T) == 4)
    _mm256_maskstore_ps((float*)p, partial_mask<T>(count), (__m256)v);
  else
    _mm256_maskstore_pd((double*)p, partial_mask<T>(count), (__m256d)v);
}
#else
template <class T>
INLINE V<T> load_partial(const T* p, int count) {
  V<T> v = {};
  for (int i = 0; i < count; ++i) v[i] = p[i];
  return v;
}

template <class T>
INLINE void store_partial(T* p, V<T> v, int count) {
  for (int i = 0; i < count; ++i) p[i] = v[i];
}
#endif

// Transposes a square of vectors in place: log2(L) rounds of perfect shuffles, out[2i] and
// out[2i + 1] interleaving in[i] with in[i + L/2].
template <class T, int... I>
INLINE V<T> interleave_low(V<T> a, V<T> b, Indices<I...>) {
  constexpr int L = Lanes<T>::count;
  return __builtin_shufflevector(a, b, ((I & 1) ? L + I / 2 : I / 2)...);
}

template <class T, int... I>
INLINE V<T> interleave_high(V<T> a, V<T> b, Indices<I...>) {
  constexpr int L = Lanes<T>::count;
  return __builtin_shufflevector(a, b, ((I & 1) ? L + L / 2 + I / 2 : L / 2 + I / 2)...);
}

template <class T>
NOINLINE void transpose_square(V<T>* rows) {
  constexpr int L = Lanes<T>::count;
  using All = typename MakeIndices<L>::type;
  for (int round = 1; round < L; round *= 2) {
    V<T> next[L];
    for (int i = 0; i < L / 2; ++i) {
      next[2 * i] = interleave_low<T>(rows[i], rows[i + L / 2], All{});
      next[2 * i + 1] = interleave_high<T>(rows[i], rows[i + L / 2], All{});
    }
    for (int i = 0; i < L; ++i) rows[i] = next[i];
  }
}

// Rows of B that lie far apart are asked for this many rows ahead: the processor foresees only what
// lies within a page.
constexpr int64_t kRowsAhead = 16;

template <class C>
INLINE void fetch_ahead(const C* row, int64_t stride, int64_t vectors) {
#pragma GCC unroll 8
  for (int64_t v = 0; v < vectors; ++v) __builtin_prefetch(row + kRowsAhead * stride + v * Lanes<C>::count, 0, 3);
}
