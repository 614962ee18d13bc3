// Elements of every type as complex doubles, read and rounded by the definition of each type.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <cstring>
#include <limits>

#include "types.h"

namespace raggeddsl_tests {

using raggeddsl::DType;
using Value = std::complex<double>;

// A float of `digits` fraction bits and the given smallest normal exponent.
struct Format {
  int digits, least, most;
};
constexpr Format kHalf = {10, -14, 15}, kBrain = {7, -126, 127};

inline double rounded(double x, Format f) {
  if (x == 0 || !std::isfinite(x)) return x;
  const int exponent = std::max(std::ilogb(x), f.least) - f.digits;
  const double y = std::ldexp(std::nearbyint(std::ldexp(x, -exponent)), exponent);
  return std::ilogb(y) > f.most ? std::copysign(std::numeric_limits<double>::infinity(), x) : y;
}

inline uint16_t encode(double x, Format f) {
  const int bias = f.most;
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  if (x == 0) return sign;
  if (std::isinf(x)) return uint16_t(sign | ((2 * bias + 1) << f.digits));
  const int exponent = std::max(std::ilogb(x), f.least);
  const auto fraction = uint16_t(std::ldexp(std::fabs(x), f.digits - exponent));  // with the leading one
  const bool normal = fraction >> f.digits != 0;
  return uint16_t(sign | (normal ? ((exponent + bias - 1) << f.digits) + fraction : fraction));
}

inline double decode(uint16_t bits, Format f) {
  const int exponent = (bits & 0x7fff) >> f.digits, fraction = bits & ((1 << f.digits) - 1);
  const double size = exponent == 0 ? std::ldexp(fraction, f.least - f.digits)
                                    : std::ldexp(fraction + (1 << f.digits), exponent - f.most - f.digits);
  return bits & 0x8000 ? -size : size;
}

template <class T>
T get(const void* data, int64_t at) {
  T x;
  std::memcpy(&x, static_cast<const char*>(data) + at * int64_t(sizeof(T)), sizeof(T));
  return x;
}

template <class T>
void put(void* data, int64_t at, T x) {
  std::memcpy(static_cast<char*>(data) + at * int64_t(sizeof(T)), &x, sizeof(T));
}

inline Value read(DType type, const void* data, int64_t at) {
  switch (type) {
    case DType::f32: return get<float>(data, at);
    case DType::f64: return get<double>(data, at);
    case DType::bf16: return decode(get<uint16_t>(data, at), kBrain);
    case DType::f16: return decode(get<uint16_t>(data, at), kHalf);
    case DType::c64: return {get<float>(data, 2 * at), get<float>(data, 2 * at + 1)};
    case DType::c128: return {get<double>(data, 2 * at), get<double>(data, 2 * at + 1)};
    case DType::i8: return get<int8_t>(data, at);
    case DType::i32: return get<int32_t>(data, at);
  }
  return 0;
}

inline void write(DType type, void* data, int64_t at, Value x) {
  switch (type) {
    case DType::f32: return put(data, at, float(x.real()));
    case DType::f64: return put(data, at, x.real());
    case DType::bf16: return put(data, at, encode(rounded(x.real(), kBrain), kBrain));
    case DType::f16: return put(data, at, encode(rounded(x.real(), kHalf), kHalf));
    case DType::c64: return put(data, 2 * at, float(x.real())), put(data, 2 * at + 1, float(x.imag()));
    case DType::c128: return put(data, 2 * at, x.real()), put(data, 2 * at + 1, x.imag());
    case DType::i8: return put(data, at, int8_t(uint8_t(uint64_t(int64_t(x.real())))));
    case DType::i32: return put(data, at, int32_t(uint32_t(uint64_t(int64_t(x.real())))));
  }
}

}  // namespace raggeddsl_tests
