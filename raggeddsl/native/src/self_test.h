// A few products of every element type, small enough to run whenever the library is loaded.
#pragma once

#include "types.h"

namespace raggeddsl {

// Runs products, sums and symmetric products whose results are known exactly through the checker
// and the executor on the calling thread.  Null, or what came out wrong; takes well under a millisecond.
const char* self_test(const Arithmetic& arithmetic, const Blocks& blocks);

}  // namespace raggeddsl
