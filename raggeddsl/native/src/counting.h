// The census of whole tasks, and the names of what it counts.
#pragma once

#include <string>

#include "census.h"
#include "table.h"

namespace raggeddsl {

// The name of a place in a Census, read as that many int64.
std::string census_name(int place);

// A product as a task describes it, but for where its matrices and its scalar lie.
Product shape_of(const Task& task);

// Counts the code that each task runs in.  What is wrong with a task or the block sizes, or an empty string.
std::string count_paths(const Task* tasks, int64_t count, const Arithmetic& arithmetic, const Blocks& blocks, Census& census);

}  // namespace raggeddsl
