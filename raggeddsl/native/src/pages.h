// Huge pages for fresh results.
#pragma once

#include <cstdint>

namespace raggeddsl {

// Asks the system to back a result of `least` bytes or more with huge pages, so that writing it first costs one page
// fault in 2 MiB, not one in 4 KiB.  Only whole huge pages inside the result are advised, so no
// neighbour on the heap is touched; small results are left alone.  RAGGEDDSL_HUGE_PAGES=0 turns
// it off; elsewhere than on Linux it does nothing.
void advise_huge_pages(void* data, int64_t bytes, int64_t least);

}  // namespace raggeddsl
