#include "shared/serve/loop/worker_loop.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace shared {
namespace {

constexpr int kAhead = 3;  // events

}  // namespace

void Soon::leave() {
  if (before_ == nullptr) return;
  before_->after_ = after_;
  after_->before_ = before_;
  before_ = after_ = nullptr;
}

WorkerLoop::WorkerLoop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wakeup_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      wakeup_watch_{.handler = [](void*, std::uint32_t) {}, .owner = this},
      now_(Clock::now()),
      timers_(now_) {
  // A worker without a loop cannot exist; both calls fail only when the process is out of descriptors or memory.
  soon_.before_ = soon_.after_ = &soon_;
  if (epoll_ < 0 || wakeup_ < 0 || !watch(wakeup_, EPOLLIN | EPOLLET, wakeup_watch_)) std::abort();
}

WorkerLoop::~WorkerLoop() {
  while (soon_.after_ != &soon_) soon_.after_->leave();
  ::close(wakeup_);
  ::close(epoll_);
}

bool WorkerLoop::watch(int fd, std::uint32_t events, Watch& watch) {
  epoll_event event{.events = events, .data = {.ptr = &watch}};
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void WorkerLoop::rewatch(int fd, std::uint32_t events, Watch& watch) {
  epoll_event event{.events = events, .data = {.ptr = &watch}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void WorkerLoop::unwatch(const Watch& watch, int fd) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  forget(watch);
}

void WorkerLoop::forget(const Watch& watch) {
  for (int i = pending_begin_; i < pending_end_; ++i) {
    epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr == &watch) event.data.ptr = nullptr;
  }
}

void WorkerLoop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  if (woken_.exchange(true)) return;
  const std::uint64_t one = 1;
  // Cannot fail: the counter never gets near its limit.
  [[maybe_unused]] const ssize_t written = ::write(wakeup_, &one, sizeof one);
}

void WorkerLoop::run_posted() {
  if (!woken_.load(std::memory_order_relaxed)) return;
  woken_.store(false);
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  for (auto& item : work) item();
}

void WorkerLoop::soon(Soon& soon) {
  if (soon.before_ != nullptr) return;
  soon.before_ = soon_.before_;
  soon.after_ = &soon_;
  soon_.before_->after_ = &soon;
  soon_.before_ = &soon;
}

// Those who have asked so far, in a ring of their own: whom one of them destroys leaves it, and who asks again waits.
void WorkerLoop::run_soon() {
  if (soon_.after_ == &soon_) return;
  Soon now{nullptr, nullptr};
  now.before_ = soon_.before_;
  now.after_ = soon_.after_;
  now.before_->after_ = now.after_->before_ = &now;
  soon_.before_ = soon_.after_ = &soon_;
  while (now.after_ != &now) {
    Soon& next = *now.after_;
    next.leave();
    next.handler_(next.owner_);
  }
}

int WorkerLoop::wait_time() const {
  if (soon_.after_ != &soon_ || !deferred_.empty()) return 0;
  const auto next = timers_.until_next(now_);
  if (pulse_.beat != nullptr && (!next || *next > kPulse)) return static_cast<int>(kPulse.count());
  if (!next) return -1;
  // Rounded up: waking a moment early would only turn the loop once more.
  return static_cast<int>(std::chrono::ceil<milliseconds>(*next).count());
}

void WorkerLoop::run_deferred() {
  std::vector<std::function<void()>> work;
  work.swap(deferred_);
  for (auto& item : work) item();
}

void WorkerLoop::turn(int patience_ms) {
  const int count = ::epoll_wait(epoll_, events_.data(), kBatch, patience_ms);
  now_ = Clock::now();
  pending_begin_ = 0;
  pending_end_ = std::max(count, 0);
  run_posted();  // first: who posted it may have told whose bytes are among these events
  while (pending_begin_ < pending_end_) {
    // Where many connections take turns, the next ones' memory is cold.
    if (pending_begin_ + kAhead < pending_end_) {
      __builtin_prefetch(events_[static_cast<std::size_t>(pending_begin_ + kAhead)].data.ptr);
    }
    const epoll_event event = events_[static_cast<std::size_t>(pending_begin_++)];
    if (event.data.ptr == nullptr) continue;
    const Watch& watch = *static_cast<const Watch*>(event.data.ptr);
    watch.handler(watch.owner, event.events);
  }
  timers_.advance(now_);
  if (pulse_.beat != nullptr) pulse_.beat(pulse_.owner);
  run_soon();
  run_deferred();
}

void WorkerLoop::run() {
  running_ = true;
  while (running_) turn(wait_time());
}

}  // namespace shared
