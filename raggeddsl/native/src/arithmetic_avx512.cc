#define RAGGED_ISA isa_avx512
#define RAGGED_VECTOR_BYTES 64
#define RAGGED_REGISTERS 32
#define RAGGED_AVX512 1
#include "arithmetic.inc.h"

namespace raggeddsl {
const Arithmetic& arithmetic_avx512() {
  using namespace isa_avx512;
  static const Arithmetic set = {"avx512", product, combine, path, census, all_paths};
  return set;
}
}  // namespace raggeddsl
