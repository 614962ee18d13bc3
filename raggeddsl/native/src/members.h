// Members in, one packed buffer out: matrices anywhere in memory, copied row-major and end to end.
#pragma once

#include <cstdint>

namespace raggeddsl {

// A matrix of `rows` x `cols` elements; strides are in bytes and may be negative.
struct Member {
  const char* data;
  int64_t rows, cols, row_stride, col_stride;
};

// The sum of the members' sizes in bytes.  Null, or what is wrong with them.
const char* total_bytes(const Member* members, int64_t count, int64_t itemsize, int64_t* total);

// Copies the members one after another to `to`, `bytes` long, on the caller's thread and up to
// `threads` - 1 more.  Null, or what is wrong with the arguments: then nothing has been written.
const char* copy_members(const Member* members, int64_t count, int64_t itemsize, char* to, int64_t bytes, int threads);

}  // namespace raggeddsl
