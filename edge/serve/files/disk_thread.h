#pragma once
// DiskThread: what may wait for a disk is done here, so that a worker never does: one thread for each worker, started
// when the first file is not in memory. Jobs run one at a time, in order. Owned by a worker's OpenFiles; that thread.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "shared/serve/loop/worker_loop.h"

namespace edge {

class DiskThread {
 public:
  static constexpr std::size_t kMaxWaiting = 1024;

  explicit DiskThread(shared::WorkerLoop& loop) : loop_(loop) {}
  ~DiskThread();  // after the job that it is in; others are dropped
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;

  // Runs `work` on the thread and then `done` on the loop's. Both are copied there, so what they hold may die on
  // either. False: too many wait already.
  [[nodiscard]] bool run(std::function<void()> work, std::function<void()> done);

 private:
  struct Job {
    std::function<void()> work;
    std::function<void()> done;
  };

  void turn();

  shared::WorkerLoop& loop_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;   // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace edge
