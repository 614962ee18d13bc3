// Runs checked work on the calling thread and on whatever other threads are offered.
#pragma once

#include <functional>
#include <string>

#include "table.h"

namespace raggeddsl {

// Other threads: `schedule` may run a function at once, later, never, or on the calling thread.
struct Threads {
  int64_t count = 0;  // how many there are, the caller's own not counted on
  std::function<void(std::function<void()>)> schedule;
};

// Where the time of a call went.  Nanoseconds: spent on all threads together, and since the call
// began when the first task of the section began and the last one ended (first > last: none ran).
struct Section {
  int64_t busy, first, last;
};

// Task `row` is counted under sections[number[row]]; `execute` clears `count` sections and fills them.
struct Profile {
  const int32_t* number;
  Section* sections;
  int64_t count;
};

// Whether calls that begin from now on fill what tasks may read only once it is written with kPoison: all
// results and the scratch arena before the first task, and a worker's own memory before each of its jobs.
// Returns what was set before.
bool set_poison(bool on);

// Runs everything and returns what went wrong, or an empty string.
//
// The caller works too, and waits only for jobs that another thread is already running; a thread
// that comes late finds nothing to do and touches nothing of `work`.  So one thread alone always
// finishes, whatever the others do: it cannot deadlock.  Without a profile no clock is read.
std::string execute(const Work& work, const Arithmetic& arithmetic, const Threads& threads,
                    const Profile* profile = nullptr);

}  // namespace raggeddsl
