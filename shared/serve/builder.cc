#include "shared/serve/builder.h"

#include <sys/resource.h>

#include "shared/serve/thread_setup.h"

namespace shared {

namespace {

// On top of the process's own: a tenth of a core that a worker wants, and a worker that wakes may wait a millisecond
// for it. With 19 it would wait next to never, but a reload on a machine that is busy elsewhere would take a minute.
constexpr int kNice = 10;

}  // namespace

Builder::Builder() : thread_([this] { loop(); }) {}

Builder::~Builder() { stop(); }

void Builder::run(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Builder::retire(std::shared_ptr<const void> old) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    retired_.push_back(std::move(old));
  }
  wake_.notify_one();
}

void Builder::stop() {
  std::deque<std::function<void()>> dropped;  // destroyed outside the lock: a job may own anything
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(jobs_);
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Builder::loop() {
  begin_thread("builder");
  (void)::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + kNice);  // of this thread alone
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty() || !retired_.empty(); });
    std::vector<std::shared_ptr<const void>> dying;
    dying.swap(retired_);
    std::function<void()> job;
    if (!jobs_.empty()) {
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    if (stopping_ && !job && dying.empty()) return;
    lock.unlock();
    dying.clear();
    if (job) job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace shared
