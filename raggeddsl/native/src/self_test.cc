// The self-test: whole numbers so small that every element type holds every sum exactly.
#include "self_test.h"

#include <cstring>

#include "execute.h"
#include "table.h"

namespace raggeddsl {
namespace {

constexpr int kMost = 1024;  // elements of the largest matrix
constexpr int kRoom = 16 * kMost + 64;

struct Whole {
  int re, im;
};

// bf16 and f16 of a whole number of at most 8 bits, and back, by their definitions.
uint16_t narrow(DType type, int x) {
  const uint16_t sign = x < 0 ? 0x8000 : 0;
  int size = x < 0 ? -x : x, exponent = 0;
  if (size == 0) return sign;
  while ((size >> (exponent + 1)) != 0) ++exponent;
  const int digits = type == DType::bf16 ? 7 : 10, bias = type == DType::bf16 ? 127 : 15;
  const int fraction = (size << digits >> exponent) - (1 << digits);
  return uint16_t(sign | ((exponent + bias) << digits) | fraction);
}

template <class T>
void put(void* data, int64_t at, T x) {
  std::memcpy(static_cast<char*>(data) + at * int64_t(sizeof(T)), &x, sizeof(T));
}

void put(DType type, void* data, int64_t at, Whole x) {
  switch (type) {
    case DType::f32: return put(data, at, float(x.re));
    case DType::f64: return put(data, at, double(x.re));
    case DType::bf16:
    case DType::f16: return put(data, at, narrow(type, x.re));
    case DType::c64: return put(data, 2 * at, float(x.re)), put(data, 2 * at + 1, float(x.im));
    case DType::c128: return put(data, 2 * at, double(x.re)), put(data, 2 * at + 1, double(x.im));
    case DType::i8: return put(data, at, int8_t(x.re));
    case DType::i32: return put(data, at, int32_t(x.re));
  }
}

struct Shape {
  int m, n, k;
  bool a_t, b_t, mirror;
};

// Tiles with remnants on every side; few columns with a long k; all vectors of a wide tile; a triangle.
constexpr Shape kShapes[] = {
    {7, 19, 21, false, false, false}, {6, 3, 71, false, true, false}, {13, 70, 5, true, false, false},
    {9, 21, 8, true, true, false},    {26, 26, 6, false, true, true},
};

Whole a_entry(int i, int p) { return {(i * 7 + p * 3) % 3 - 1, (i + p * 5) % 3 - 1}; }
Whole b_entry(int p, int j) { return {(p * 5 + j * 2) % 3 - 1, (p * 2 + j) % 3 - 1}; }

// A, B and s as whole numbers, and what C = s * A @ B + 2 * (A @ B) must be.
struct Expected {
  Whole a[kMost], b[kMost], c[kMost];

  Expected(const Shape& x, bool complex) {
    for (int i = 0; i < x.m; ++i)
      for (int p = 0; p < x.k; ++p) at(a, i, p, x.m, x.k, x.a_t) = part(a_entry(i, p), complex);
    for (int p = 0; p < x.k; ++p)
      for (int j = 0; j < x.n; ++j)
        at(b, p, j, x.k, x.n, x.b_t) = part(x.mirror ? a_entry(j, p) : b_entry(p, j), complex);
    for (int i = 0; i < x.m; ++i)
      for (int j = 0; j < x.n; ++j) {
        Whole sum = {0, 0};
        for (int p = 0; p < x.k; ++p) {
          const Whole u = at(a, i, p, x.m, x.k, x.a_t), v = at(b, p, j, x.k, x.n, x.b_t);
          sum.re += u.re * v.re - u.im * v.im;
          sum.im += u.re * v.im + u.im * v.re;
        }
        c[i * x.n + j] = {sum.re, sum.im};
      }
  }

  static Whole part(Whole x, bool complex) { return {x.re, complex ? x.im : 0}; }

  static Whole& at(Whole* x, int i, int j, int rows, int cols, bool transposed) {
    return transposed ? x[j * rows + i] : x[i * cols + j];
  }
};

struct Memory {
  alignas(64) char a[kRoom], b[kRoom], s[16], c[kRoom], wanted[kRoom];
};

DType computed(DType type) {
  switch (type) {
    case DType::bf16:
    case DType::f16: return DType::f32;
    case DType::i8: return DType::i32;
    default: return type;
  }
}

// local = A @ B; C = 2 * local; C += s * A @ B with s = -1: so C must be A @ B again.
const char* run(const Arithmetic& arithmetic, const Blocks& blocks, const Shape& x, DType type, const Expected& expected, Memory& memory) {
  const int64_t size = item_size(type), count = int64_t(x.m) * x.n;
  for (int at = 0; at < x.m * x.k; ++at) put(type, memory.a, at, expected.a[at]);
  for (int at = 0; at < x.k * x.n; ++at) put(type, memory.b, at, expected.b[at]);
  for (int at = 0; at < count; ++at) put(type, memory.wanted, at, expected.c[at]);
  put(type, memory.s, 0, {-1, 0});
  std::memset(memory.c, 0x5a, size_t(count * size) + 64);
  Task product{};
  product.a_type = product.b_type = product.c_type = product.s_type = int8_t(type);
  product.compute = int8_t(computed(type));
  product.m = x.m, product.n = x.n, product.k = x.k;
  product.a_row = x.a_t ? 1 : x.k, product.a_col = x.a_t ? x.m : 1;
  product.b_row = x.b_t ? 1 : x.n, product.b_col = x.b_t ? x.k : 1;
  product.c_row = x.n;
  product.a_buffer = 0, product.b_buffer = 1, product.s_buffer = -1, product.c_buffer = 4;
  product.alpha = 1;
  if (x.mirror && !is_complex(type)) product.flags = kMirror;
  Task doubled = product;
  doubled.op = Op::combine;
  doubled.flags = 0;
  doubled.a_buffer = 4, doubled.a_row = x.n, doubled.a_col = 1, doubled.c_buffer = 3;
  doubled.alpha = 2;
  Task added = product;
  added.flags |= kAccumulate;
  added.s_buffer = 2, added.c_buffer = 3;
  const Task tasks[] = {product, doubled, added};
  const Job job = {0, 3};
  const int64_t phases[] = {0, 1};
  const Buffer buffers[] = {{memory.a, x.m * x.k * size, false},
                            {memory.b, x.k * x.n * size, false},
                            {memory.s, size, false},
                            {memory.c, count * size, true}};
  const Work work = {tasks, 3, &job, 1, phases, 1, buffers, 4, count * size, blocks};
  if (!find_fault(work).empty()) return "the checker refuses a correct table";
  if (!execute(work, arithmetic, Threads{}).empty()) return "there is no memory";
  if (std::memcmp(memory.c, memory.wanted, size_t(count * size)) != 0) return "a product is wrong";
  for (int at = 0; at < 64; ++at)
    if (memory.c[count * size + at] != 0x5a) return "a product writes past its result";
  return nullptr;
}

}  // namespace

const char* self_test(const Arithmetic& arithmetic, const Blocks& blocks) {
  Memory memory;
  for (const Shape& shape : kShapes)
    for (const bool complex : {false, true}) {
      const Expected expected(shape, complex);
      for (int type = 0; type < kDTypes; ++type) {
        if (is_complex(DType(type)) != complex) continue;
        if (const char* fault = run(arithmetic, blocks, shape, DType(type), expected, memory)) return fault;
      }
    }
  return nullptr;
}

}  // namespace raggeddsl
