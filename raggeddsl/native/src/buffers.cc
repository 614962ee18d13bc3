// The one file that knows Python, by its buffer protocol: copies arrays of NumPy and JAX into one buffer.
#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

#include "members.h"

namespace {

using raggeddsl::Member;

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
constexpr int64_t kSmall = 4096;           // bytes of a member whose view takes longer than its copy
constexpr int64_t kFew = 4, kMany = 256;   // views held at a time: few, and malloc gives JAX the same memory again

// Functions of Python: no library of it is linked, so one binary serves every version.
struct Python {
  void* (*list_item)(void* list, int64_t index);  // borrowed
  int (*get_buffer)(void* object, View* view, int flags);
  void (*release_buffer)(View* view);
  void (*clear_error)();
  void* (*release_gil)();
  void (*take_gil)(void* state);
};

// Where the elements of a view lie; false if it has more than two axes (one: a row) or other elements.
bool describe(const View& view, int64_t itemsize, Member* m) {
  if (view.ndim < 0 || view.ndim > 2 || view.itemsize != itemsize || view.suboffsets != nullptr) return false;
  m->data = static_cast<const char*>(view.buf);
  m->rows = view.ndim == 2 ? view.shape[0] : 1;
  m->row_stride = view.ndim == 2 ? view.strides[0] : 0;
  m->cols = view.ndim >= 1 ? view.shape[view.ndim - 1] : 1;
  m->col_stride = view.ndim >= 1 ? view.strides[view.ndim - 1] : itemsize;
  return true;
}

// Views of some arrays, released when this goes.  Nobody can free or reuse what a view shows.
class Views {
 public:
  Views(const Python& python, int64_t most) : python_(python) {
    views_.reserve(size_t(most));
    members_.reserve(size_t(most));
  }
  ~Views() {
    for (View& view : views_) python_.release_buffer(&view);
  }
  Views(const Views&) = delete;

  bool add(void* array, int64_t itemsize) {
    View view = {};
    if (python_.get_buffer(array, &view, kStrided) != 0) {
      python_.clear_error();
      return false;
    }
    views_.push_back(view);
    members_.emplace_back();
    if (describe(view, itemsize, &members_.back())) return true;
    members_.pop_back();
    return false;
  }

  const std::vector<Member>& members() const { return members_; }

 private:
  const Python& python_;
  std::vector<View> views_;
  std::vector<Member> members_;
};

// Lets other threads of Python run while this lives.
class WithoutGil {
 public:
  explicit WithoutGil(const Python& python) : python_(python), state_(python.release_gil()) {}
  ~WithoutGil() { python_.take_gil(state_); }
  WithoutGil(const WithoutGil&) = delete;

 private:
  const Python& python_;
  void* const state_;
};

}  // namespace

// Copies the arrays of `list` from `*done` up to `count` row-major and end to end into `to`, from
// byte `*at` up to `bytes`, and moves both on.  They have at most two axes and elements of `itemsize`
// bytes.  It stops before the first array that has others, or no buffer: then `*done` < `count`.
// Null, or what is wrong; then no one may rely on what `to` holds.  To be called with the GIL held,
// which is given up while elements are copied; nobody else may change the list meanwhile.
extern "C" __attribute__((visibility("default"))) const char* raggeddsl_pack_members(void* list, int64_t count, int64_t itemsize,
                                                                                     const Python* python, char* to, int64_t bytes,
                                                                                     int threads, int64_t* done, int64_t* at) try {
  const int64_t most = count > 0 && bytes / count < kSmall ? kFew : kMany;
  for (bool more = true; more && *done < count;) {
    const int64_t stop = std::min(*done + most, count);
    Views views(*python, stop - *done);
    for (int64_t i = *done; more && i < stop; ++i) more = views.add(python->list_item(list, i), itemsize);
    const std::vector<Member>& members = views.members();
    int64_t size = 0;
    if (const char* fault = raggeddsl::total_bytes(members.data(), int64_t(members.size()), itemsize, &size)) return fault;
    if (size > bytes - *at) return "the members are larger than the buffer";
    const WithoutGil others_run(*python);
    if (const char* fault = raggeddsl::copy_members(members.data(), int64_t(members.size()), itemsize, to + *at, size, threads))
      return fault;
    *done += int64_t(members.size());
    *at += size;
  }
  return *done == count && *at != bytes ? "the members do not fill the buffer" : nullptr;
} catch (const std::bad_alloc&) {
  return "there is no memory to describe the members in";
}
