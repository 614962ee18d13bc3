// Memory of an exact size whose neighbourhood may not be touched.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace raggeddsl_tests {

// `size` bytes that end where a page that may not be touched begins, or that begin where one ends;
// or of the heap, where AddressSanitizer knows their ends.  Aligned as their size is, up to 16.
class Room {
 public:
  enum class Kind { before_a_guard_page, behind_a_guard_page, heap };

  Room(int64_t size, Kind kind) {
    if (kind == Kind::heap) {
      data_ = static_cast<char*>(std::malloc(size_t(size)));
      return;
    }
    const int64_t page = sysconf(_SC_PAGESIZE);
    const int64_t inner = (size + page - 1) / page * page;
    mapped_ = size_t(inner + 2 * page);
    map_ = static_cast<char*>(mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (map_ == MAP_FAILED || (inner > 0 && mprotect(map_ + page, size_t(inner), PROT_READ | PROT_WRITE) != 0)) std::abort();
    data_ = map_ + page + (kind == Kind::before_a_guard_page ? inner - size : 0);
  }
  Room(Room&& other) noexcept : data_(other.data_), map_(other.map_), mapped_(other.mapped_) {
    other.data_ = other.map_ = nullptr;
  }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() {
    if (map_ != nullptr)
      munmap(map_, mapped_);
    else
      std::free(data_);
  }

  char* data() const { return data_; }

 private:
  char* data_ = nullptr;
  char* map_ = nullptr;
  size_t mapped_ = 0;
};

}  // namespace raggeddsl_tests
