// The native task table: what the planner wrote, as the executor reads it, and its checks.
#pragma once

#include <cstdint>
#include <string>

#include "types.h"

namespace raggeddsl {

// The version of all that this library is given as bytes: the joined tables, and the arrays of its plain C
// functions.  FORMAT in raggeddsl/native/library.py, and the end of the names of FFI targets.
constexpr int kFormat = 2;

enum class Op : int32_t { product = 0, combine = 1, zero = 2 };
constexpr int32_t kAccumulate = 1;  // C += rather than C =
constexpr int32_t kMirror = 2;      // see Product::mirror

// One task.  Offsets are bytes into the operand's buffer, strides and sizes elements.  The layout
// is that of the NumPy dtype in raggeddsl/kernels/native/table.py.
struct Task {
  Op op;
  int32_t flags;
  int8_t a_type, b_type, c_type, s_type, compute, unused[3];
  int64_t m, n, k;
  int64_t a_row, a_col, b_row, b_col, c_row;
  int32_t a_buffer, b_buffer, c_buffer, s_buffer;  // s_buffer -1: no runtime scalar
  int64_t a_offset, b_offset, c_offset, s_offset;
  double alpha;
};
static_assert(sizeof(Task) == 136, "table.py and the executor must agree");

// Tasks [first, first + count) run one after another on one worker.  Jobs follow each other.
struct Job {
  int64_t first, count;
};

struct Buffer {
  char* data;
  int64_t bytes;
  bool writable;
};

// Everything one call executes.  Jobs [phases[p], phases[p + 1]) are independent of each other;
// a phase starts when the one before it has ended.  Buffer number `buffer_count` is the worker's
// own local memory of `local_bytes`.
struct Work {
  const Task* tasks;
  int64_t task_count;
  const Job* jobs;
  int64_t job_count;
  const int64_t* phases;
  int64_t phase_count;
  const Buffer* buffers;
  int32_t buffer_count;
  int64_t local_bytes;
  Blocks blocks;
};

// Reads the tables of a work, which lie one after another in `bytes` bytes: int64 counts of tasks, jobs and
// phases, the sizes of `Blocks`, then tasks, jobs and phases, with a fence more than there are phases.  False
// if that does not add up, or is not aligned to 8 bytes.
bool read_tables(const void* data, int64_t bytes, Work& work);

// What is wrong with the work, naming the row, or an empty string.  After an empty answer no task
// can touch a byte outside its buffers.
std::string find_fault(const Work& work);
std::string find_fault(const Blocks& blocks);  // the same of block sizes alone

}  // namespace raggeddsl
