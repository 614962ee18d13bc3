#define RAGGED_ISA isa_avx512
#define RAGGED_VECTOR_BYTES 64
#define RAGGED_REGISTERS 32
#define RAGGED_AVX512 1
#include "arithmetic.inc.h"

namespace raggeddsl {
const Arithmetic& arithmetic_avx512() {
  static const Arithmetic set = {"avx512", isa_avx512::product, isa_avx512::combine, isa_avx512::path};
  return set;
}
}  // namespace raggeddsl
