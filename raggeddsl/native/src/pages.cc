#include "pages.h"

#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace raggeddsl {

#if defined(__linux__) && defined(MADV_HUGEPAGE)
namespace {

constexpr uintptr_t kHugePage = uintptr_t(2) << 20;

bool wanted() {
  static const bool on = [] {
    const char* said = std::getenv("RAGGEDDSL_HUGE_PAGES");
    return said == nullptr || std::strcmp(said, "0") != 0;
  }();
  return on;
}

}  // namespace

void advise_huge_pages(void* data, int64_t bytes, int64_t least) {
  if (bytes < least || !wanted()) return;
  const uintptr_t start = (reinterpret_cast<uintptr_t>(data) + kHugePage - 1) / kHugePage * kHugePage;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + uintptr_t(bytes)) / kHugePage * kHugePage;
  if (start < end) madvise(reinterpret_cast<void*>(start), end - start, MADV_HUGEPAGE);
}
#else
void advise_huge_pages(void*, int64_t, int64_t) {}
#endif

}  // namespace raggeddsl
