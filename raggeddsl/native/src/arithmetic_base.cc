#define RAGGED_ISA isa_base
#define RAGGED_VECTOR_BYTES 16
#if defined(__aarch64__)
#define RAGGED_REGISTERS 32
#else
#define RAGGED_REGISTERS 16
#endif

#include "arithmetic.inc.h"

namespace raggeddsl {
const Arithmetic& arithmetic_base() {
  using namespace isa_base;
  static const Arithmetic set = {"base", product, combine, path, census, all_paths};
  return set;
}
}  // namespace raggeddsl
