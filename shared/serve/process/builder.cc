#include "shared/serve/process/builder.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/serve/os/thread_setup.h"

namespace shared {

namespace {

constexpr int kNice = 10;  // on top of the process's own

bool set_policy(pid_t thread, int policy) {
  const sched_param none{};
  return ::sched_setscheduler(thread, policy, &none) == 0;
}

// Coming back from SCHED_IDLE takes the same leave as going back to this niceness from a higher one (RLIMIT_NICE):
// tried on a thread that is of no other use, since what cannot come back stays.
bool may_come_back(int niceness) {
  constexpr int kHighest = 19;
  if (niceness >= kHighest) return false;
  bool may = false;
  std::thread([niceness, &may] {
    begin_thread("builder-trial");
    may = ::setpriority(PRIO_PROCESS, 0, niceness + 1) == 0 && ::setpriority(PRIO_PROCESS, 0, niceness) == 0;
  }).join();
  return may;
}

}  // namespace

Builder::Builder(const char* thread_name) : name_(thread_name), thread_([this] { loop(); }) {}

Builder::~Builder() { stop(); }

void Builder::add(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    jobs_.push_back(std::move(job));
  }
  leave_background();
  wake_.notify_one();
}

std::uint64_t Builder::bound_background(Loop& loop) {
  const std::uint64_t number = ++backgrounds_;
  const auto over = std::make_shared<Timer>(loop, kBackground);
  over->async_wait([this, over, number](error_code error) {
    if (error) return;
    over_ = number;
    if (background_ == number) leave_background();
  });
  return number;
}

// Who takes us back while we go finds the number in background_, or we find it gone.
void Builder::begin_background(std::uint64_t number) {
  if (set_policy(0, SCHED_IDLE) && (background_ != number || over_ >= number)) set_policy(0, SCHED_OTHER);
}

void Builder::leave_background() {
  if (background_.exchange(0) != 0) set_policy(thread_id_, SCHED_OTHER);
}

void Builder::dispose(std::shared_ptr<const void> old) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    disposed_.push_back(std::move(old));
  }
  wake_.notify_one();
}

void Builder::stop() {
  std::deque<Job> dropped;  // destroyed outside the lock: a job may own anything
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(jobs_);
  }
  leave_background();
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Builder::loop() {
  begin_thread(name_);
  thread_id_ = ::gettid();
  const int niceness = ::getpriority(PRIO_PROCESS, 0) + kNice;
  (void)::setpriority(PRIO_PROCESS, 0, niceness);  // of this thread alone
  const bool may = may_come_back(niceness);        // into the background
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty() || !disposed_.empty(); });
    std::vector<std::shared_ptr<const void>> dying;
    dying.swap(disposed_);
    Job job{};
    if (!jobs_.empty()) {
      job = std::move(jobs_.front());
      jobs_.pop_front();
      if (may && job.background != 0 && jobs_.empty()) background_ = job.background;  // before others may come
    }
    if (stopping_ && !job.work && dying.empty()) return;
    lock.unlock();
    dying.clear();
    if (job.background != 0 && background_ == job.background) begin_background(job.background);
    if (job.work) job.work();
    job.work = nullptr;
    lock.lock();
  }
}

}  // namespace shared
