#define RAGGED_ISA isa_avx2
#define RAGGED_VECTOR_BYTES 32
#define RAGGED_REGISTERS 16
#define RAGGED_AVX2 1
#include "arithmetic.inc.h"

namespace raggeddsl {
const Arithmetic& arithmetic_avx2() {
  using namespace isa_avx2;
  static const Arithmetic set = {"avx2", product, combine, path, census, all_paths};
  return set;
}
}  // namespace raggeddsl
