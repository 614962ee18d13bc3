// Reading any element type as the type that is computed in, and writing it back rounded.
// Included inside namespace raggeddsl::RAGGED_ISA by arithmetic_*.cc.

struct bf16 { uint16_t bits; };
struct half { uint16_t bits; };

INLINE float float_of_bits(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, 4);
  return x;
}

INLINE uint32_t bits_of_float(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  return bits;
}

INLINE float widen(bf16 x) { return float_of_bits(uint32_t(x.bits) << 16); }

INLINE float widen(half x) {  // exact: every binary16 is a binary32
  const uint32_t sign = uint32_t(x.bits & 0x8000) << 16;
  const uint32_t rest = uint32_t(x.bits & 0x7fff) << 13;
  if (rest >= 0x0f800000) return float_of_bits(sign | 0x70000000 | rest);  // infinities and NaN
  if (rest < 0x00800000)  // subnormal; by integers, since a thread may flush subnormal floats
    return float_of_bits(sign | bits_of_float(float(x.bits & 0x3ff) * 0x1p-24f));
  return float_of_bits(sign | (rest + 0x38000000));
}

INLINE bf16 narrow_bf16(float x) {  // round to nearest, ties to even; NaN stays NaN
  const uint32_t bits = bits_of_float(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return bf16{uint16_t((bits >> 16) | 0x40)};
  return bf16{uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

INLINE half narrow_half(float x) {  // round to nearest, ties to even; NaN stays NaN
  const uint32_t bits = bits_of_float(x);
  const uint16_t sign = uint16_t((bits >> 16) & 0x8000);
  const uint32_t size = bits & 0x7fffffff;
  if (size > 0x7f800000) return half{uint16_t(sign | 0x7e00)};
  if (size >= 0x477ff000) return half{uint16_t(sign | 0x7c00)};
  if (size < 0x38800000) {  // subnormal: adding 0.5 leaves the rounded bits at the bottom
    const uint32_t low = bits_of_float(float_of_bits(size) + 0.5f) - 0x3f000000;
    return half{uint16_t(sign | low)};
  }
  return half{uint16_t(sign | ((size - 0x38000000 + 0xfff + ((size >> 13) & 1)) >> 13))};
}

template <class C>
struct Read {
  static INLINE C of(float x) { return C(x); }
  static INLINE C of(double x) { return C(x); }
  static INLINE C of(bf16 x) { return C(widen(x)); }
  static INLINE C of(half x) { return C(widen(x)); }
  static INLINE C of(int8_t x) { return C(x); }
  static INLINE C of(int32_t x) { return C(x); }
};
template <>
struct Read<uint32_t> {  // integers wrap; unsigned, so that overflow is defined
  static INLINE uint32_t of(int8_t x) { return uint32_t(int32_t(x)); }
  static INLINE uint32_t of(int32_t x) { return uint32_t(x); }
  template <class S>
  static INLINE uint32_t of(S) { return 0; }  // never planned
};

template <class C>
INLINE void write(float& to, C x) { to = float(x); }
template <class C>
INLINE void write(double& to, C x) { to = double(x); }
template <class C>
INLINE void write(bf16& to, C x) { to = narrow_bf16(float(x)); }
template <class C>
INLINE void write(half& to, C x) { to = narrow_half(float(x)); }
template <class C>
INLINE void write(int8_t& to, C x) { to = int8_t(uint8_t(uint32_t(int64_t(x)))); }
template <class C>
INLINE void write(int32_t& to, C x) { to = int32_t(uint32_t(int64_t(x))); }

// Calls f with a null pointer of the element type of a real `type`.
template <class F>
INLINE void with_real_type(DType type, F&& f) {
  switch (type) {
    case DType::f32: return f((float*)nullptr);
    case DType::f64: return f((double*)nullptr);
    case DType::bf16: return f((bf16*)nullptr);
    case DType::f16: return f((half*)nullptr);
    case DType::i8: return f((int8_t*)nullptr);
    case DType::i32: return f((int32_t*)nullptr);
    case DType::c64:
    case DType::c128: return;  // complex code has its own readers
  }
}

template <class T> struct TypeOf;
template <> struct TypeOf<float> { static constexpr DType value = DType::f32; };
template <> struct TypeOf<double> { static constexpr DType value = DType::f64; };
template <> struct TypeOf<uint32_t> { static constexpr DType value = DType::i32; };

template <class C>
INLINE C scalar_as(const Scalar& s) { return C(s.re); }
template <>
INLINE uint32_t scalar_as<uint32_t>(const Scalar& s) { return uint32_t(s.whole); }
