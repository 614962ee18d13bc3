#include "registry.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace raggeddsl {
namespace {

constexpr int64_t kMostUnheld = int64_t(1) << 30;

template <class T>
int64_t size_of(const std::vector<T>& rows) {
  return int64_t(rows.size() * sizeof(T));
}

template <class T>
bool same(const std::vector<T>& one, const std::vector<T>& other) {
  return one.size() == other.size() && (one.empty() || std::memcmp(one.data(), other.data(), one.size() * sizeof(T)) == 0);
}

}  // namespace

Table::Table(const Work& work)
    : tasks_(work.tasks, work.tasks + work.task_count),
      jobs_(work.jobs, work.jobs + work.job_count),
      phases_(work.phases, work.phases + work.phase_count + 1),
      local_bytes_(work.local_bytes),
      blocks_(work.blocks) {
  for (int32_t b = 0; b < work.buffer_count; ++b) buffers_.push_back({nullptr, work.buffers[b].bytes, work.buffers[b].writable});
}

Hash Table::hash() const {
  std::vector<int64_t> sizes = {local_bytes_};
  for (const Buffer& buffer : buffers_) sizes.insert(sizes.end(), {buffer.bytes, buffer.writable});
  Hash hash = hash_of(tasks_.data(), size_of(tasks_));
  hash = hash_of(jobs_.data(), size_of(jobs_), hash);
  hash = hash_of(phases_.data(), size_of(phases_), hash);
  hash = hash_of(&blocks_, sizeof blocks_, hash);
  return hash_of(sizes.data(), size_of(sizes), hash);
}

bool Table::operator==(const Table& other) const {
  return local_bytes_ == other.local_bytes_ && same(tasks_, other.tasks_) && same(jobs_, other.jobs_) &&
         same(phases_, other.phases_) && std::memcmp(&blocks_, &other.blocks_, sizeof blocks_) == 0 && fits(other.buffers_);
}

bool Table::fits(const std::vector<Buffer>& buffers) const {
  const auto alike = [](const Buffer& a, const Buffer& b) { return a.bytes == b.bytes && a.writable == b.writable; };
  return std::equal(buffers_.begin(), buffers_.end(), buffers.begin(), buffers.end(), alike);
}

int64_t Table::bytes() const { return size_of(tasks_) + size_of(jobs_) + size_of(phases_); }

Work Table::on(const std::vector<Buffer>& buffers) const {
  return {tasks_.data(),  int64_t(tasks_.size()),      jobs_.data(),   int64_t(jobs_.size()), phases_.data(),
          int64_t(phases_.size()) - 1, buffers.data(), int32_t(buffers.size()), local_bytes_, blocks_};
}

std::string Registry::hold(const Work& work, Hash& name) try {
  if (std::string fault = find_fault(work); !fault.empty()) return fault;
  auto table = std::make_shared<const Table>(work);
  name = table->hash();
  std::list<Hash> place(1, name);
  std::lock_guard<std::mutex> lock(mutex_);
  const auto [found, fresh] = entries_.try_emplace(name);
  Entry& entry = found->second;
  if (fresh) {
    entry = {std::move(table), 0, place.begin()};
    held_.splice(held_.end(), place);
  } else if (!(*entry.table == *table)) {
    return "another table has the same name";
  } else if (entry.holds == 0) {
    unheld_bytes_ -= entry.table->bytes();
    held_.splice(held_.end(), unheld_, entry.place);
  }
  ++entry.holds;
  return {};
} catch (const std::bad_alloc&) {
  return "there is no memory for the table";
}

void Registry::release(const Hash& name) noexcept {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second.holds == 0 || --found->second.holds > 0) return;
  unheld_bytes_ += found->second.table->bytes();
  unheld_.splice(unheld_.end(), held_, found->second.place);
  while (unheld_bytes_ > most_unheld_ && unheld_.size() > 1) {  // a call that runs keeps its own
    const auto oldest = entries_.find(unheld_.front());
    unheld_bytes_ -= oldest->second.table->bytes();
    entries_.erase(oldest);
    unheld_.pop_front();
  }
}

std::shared_ptr<const Table> Registry::find(const Hash& name) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return nullptr;
  Entry& entry = found->second;
  if (entry.holds == 0) unheld_.splice(unheld_.end(), unheld_, entry.place);
  return entry.table;
}

int64_t Registry::unheld_bytes() {
  std::lock_guard<std::mutex> lock(mutex_);
  return unheld_bytes_;
}

Registry& registry() {
  static Registry* const all = new Registry(kMostUnheld);  // never destroyed: a call may run while the process ends
  return *all;
}

}  // namespace raggeddsl
