// Random correct work, and what it means by plain loops.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "rooms.h"
#include "sizes.h"
#include "table.h"
#include "values.h"

namespace raggeddsl_tests {

// A table with its buffers.  All numbers are whole and so small that every order of summing is exact.
class Program {
 public:
  explicit Program(uint64_t seed, char guard = char(0xa5));

  raggeddsl::Work work() const;

  // Fills inputs with their numbers, and outputs with bytes that mean nothing, `guard`.
  void reset();

  // What is wrong after the table was executed, or nullptr: every byte of every buffer is
  // compared with what plain loops leave there.
  const char* fault() const;

  std::vector<raggeddsl::Task> tasks;
  std::vector<raggeddsl::Job> jobs;
  std::vector<int64_t> phases;
  int64_t local_bytes = 0;
  raggeddsl::Blocks blocks = kUsual;

 private:
  // A block of C that later tasks may read.  `most` bounds the size of its numbers.
  struct Block {
    int32_t buffer;
    int64_t offset, rows, cols, stride;
    DType type;
    double most;
    int64_t job, phase;  // who wrote it
  };
  struct Operand {
    int32_t buffer;
    int64_t offset, rows, cols, row_stride, col_stride;
    DType type;
    double most;
  };

  int64_t pick(int64_t least, int64_t most);
  bool chance(int percent) { return pick(0, 99) < percent; }
  int64_t size();
  DType operand_type(DType c);
  Operand input(DType c, int64_t rows, int64_t cols);
  bool visible(const Block& block) const;
  Operand operand(DType c, int64_t rows, int64_t cols);
  bool place(int64_t m, int64_t n, Block& block);
  void add_task();
  void add_triangle();
  void finish(raggeddsl::Task& t, const Operand& a, const Operand* b, Block& block, bool accumulate);
  void interpret();

  const char guard_;
  std::mt19937_64 random_;
  std::vector<DType> types_;       // of each buffer; the last is local memory, of any type
  std::vector<int64_t> elements_;  // of each buffer
  std::vector<int64_t> used_;      // bytes of outputs, and of local memory by this job
  std::vector<Block> blocks_;
  std::vector<Room> rooms_;
  std::vector<raggeddsl::Buffer> buffers_;
  std::vector<std::vector<char>> wanted_;  // bytes of each buffer, and of local memory, in the end
  int inputs_ = 0, outputs_ = 0;
  int64_t job_ = 0, phase_ = 0;
};

}  // namespace raggeddsl_tests
