// Thread pools that a careless executor would hang on, or be destroyed by.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "execute.h"

namespace raggeddsl_tests {

// Real threads that take queued functions, each only after `delay`.
class Pool {
 public:
  Pool(int threads, std::chrono::microseconds delay) : delay_(delay) {
    for (int t = 0; t < threads; ++t) threads_.emplace_back([this] { serve(); });
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  raggeddsl::Threads threads() {
    return {int64_t(threads_.size()), [this](std::function<void()> task) {
              {
                std::lock_guard<std::mutex> lock(mutex_);
                queue_.push_back(std::move(task));
              }
              changed_.notify_one();
            }};
  }

 private:
  void serve() {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
        if (queue_.empty()) return;
        task = std::move(queue_.front());
        queue_.pop_front();
      }
      if (delay_.count() > 0) std::this_thread::sleep_for(delay_);
      task();
    }
  }

  const std::chrono::microseconds delay_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

// Eight threads that are promised and never come; what they were to run can be run when all is over.
class Absent {
 public:
  raggeddsl::Threads threads() {
    return {8, [this](std::function<void()> task) { kept_.push_back(std::move(task)); }};
  }
  void run_late() {
    for (auto& task : kept_) task();
    kept_.clear();
  }

 private:
  std::vector<std::function<void()>> kept_;
};

// Runs on the calling thread what is given to it, as a pool does whose queue is full.
inline raggeddsl::Threads inline_threads() {
  return {4, [](std::function<void()> task) { task(); }};
}

}  // namespace raggeddsl_tests
