// The one file that knows Python, by its buffer protocol: where the elements of NumPy arrays lie.
#include <cstdint>

#include "members.h"

namespace {

// `Py_buffer` as Python's stable ABI has it since 3.11.
struct View {
  void* buf;
  void* obj;
  int64_t len, itemsize;
  int readonly, ndim;
  char* format;
  int64_t *shape, *strides, *suboffsets;
  void* internal;
};

constexpr int kStrided = 0x0010 | 0x0008;  // PyBUF_STRIDES: any strides, read-only will do, no format

// Functions of Python: no library of it is linked, so one binary serves every version.
struct Python {
  void* (*list_item)(void* list, int64_t index);  // borrowed
  int (*get_buffer)(void* object, View* view, int flags);
  void (*release_buffer)(View* view);
};

}  // namespace

// Writes where each array of `list`, `count` long, lies.  Arrays have at most two axes (one: a row) and
// elements of `itemsize` bytes.  The number of arrays that do: less than `count` if one does not, or if
// Python raises.  To be called with the GIL held; the list keeps the arrays alive.
extern "C" __attribute__((visibility("default"))) int64_t raggeddsl_find_members(void* list, int64_t count, int64_t itemsize,
                                                                                 const Python* python,
                                                                                 raggeddsl::Member* members) {
  for (int64_t i = 0; i < count; ++i) {
    void* const array = python->list_item(list, i);
    View view = {};
    if (array == nullptr || python->get_buffer(array, &view, kStrided) != 0) return i;
    const bool fits = view.ndim >= 0 && view.ndim <= 2 && view.itemsize == itemsize && view.suboffsets == nullptr;
    if (fits) {
      raggeddsl::Member& m = members[i];
      m.data = static_cast<const char*>(view.buf);
      m.rows = view.ndim == 2 ? view.shape[0] : 1;
      m.row_stride = view.ndim == 2 ? view.strides[0] : 0;
      m.cols = view.ndim >= 1 ? view.shape[view.ndim - 1] : 1;
      m.col_stride = view.ndim >= 1 ? view.strides[view.ndim - 1] : itemsize;
    }
    python->release_buffer(&view);
    if (!fits) return i;
  }
  return count;
}

// `copy_members`, to be called without the GIL.
extern "C" __attribute__((visibility("default"))) const char* raggeddsl_copy_members(const raggeddsl::Member* members, int64_t count,
                                                                                     int64_t itemsize, char* to, int64_t bytes,
                                                                                     int threads) {
  return raggeddsl::copy_members(members, count, itemsize, to, bytes, threads);
}
