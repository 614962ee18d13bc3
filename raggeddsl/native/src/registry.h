// Tables that compiled programs name by what they hold, so that a program's size does not depend on theirs.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "hash.h"
#include "table.h"

namespace raggeddsl {

// A copy of all that one call executes, but for where its buffers lie.  It has been checked: no task
// touches a byte outside buffers of these sizes.
class Table {
 public:
  explicit Table(const Work& work);

  Hash hash() const;
  bool operator==(const Table& other) const;
  int64_t bytes() const;
  const std::vector<Buffer>& buffers() const { return buffers_; }  // without data
  bool fits(const std::vector<Buffer>& buffers) const;  // whether it was checked for buffers of these sizes
  // The work on other buffers, of the same sizes; both have to outlive it.
  Work on(const std::vector<Buffer>& buffers) const;

 private:
  std::vector<Task> tasks_;
  std::vector<Job> jobs_;
  std::vector<int64_t> phases_;
  std::vector<Buffer> buffers_;
  int64_t local_bytes_;
  Blocks blocks_;
};

// The tables of a process.  One that somebody holds is there; one that nobody holds any more may still
// be named by a program that runs, which nothing tells, so it stays until `most_unheld` bytes of
// others like it have been used since.  Safe to use from any thread.
class Registry {
 public:
  explicit Registry(int64_t most_unheld) : most_unheld_(most_unheld) {}

  // Checks the work, copies its tables and holds them, once more if they are there already.  What is
  // wrong with it, and then nothing is held, or an empty string and its name.
  std::string hold(const Work& work, Hash& name);
  void release(const Hash& name) noexcept;  // one hold; no more often than it was held
  std::shared_ptr<const Table> find(const Hash& name);  // null: there is none
  int64_t unheld_bytes();

 private:
  struct Entry {
    std::shared_ptr<const Table> table;
    int64_t holds = 0;
    std::list<Hash>::iterator place;  // in held_ or unheld_
  };
  struct Bits {
    size_t operator()(const Hash& name) const { return size_t(name.low); }
  };

  const int64_t most_unheld_;
  std::mutex mutex_;
  std::unordered_map<Hash, Entry, Bits> entries_;
  std::list<Hash> held_, unheld_;  // of unheld_ the longest unused one first
  int64_t unheld_bytes_ = 0;
};

Registry& registry();  // of this process

}  // namespace raggeddsl
