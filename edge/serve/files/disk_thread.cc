#include "edge/serve/files/disk_thread.h"

#include <utility>

#include "shared/serve/os/thread_setup.h"

namespace edge {

DiskThread::~DiskThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool DiskThread::run(std::function<void()> work, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kMaxWaiting) return false;
    jobs_.push_back({std::move(work), std::move(done)});
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { turn(); });
  wake_.notify_one();
  return true;
}

void DiskThread::turn() {
  shared::begin_thread("disk");
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job.work();
    loop_.post(std::move(job.done));
  }
}

}  // namespace edge
