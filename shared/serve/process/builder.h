#pragma once
// Builder: the thread for work that may block or take seconds: parse, check and build the next world. Jobs run one at a
// time in order. It is also where old snapshots die, so that freeing a million records never stalls a worker. It is
// nicer than the workers, and a job in the background has only what they leave, at first: docs/decisions/014. Owned by
// main; run() and dispose() may be called from any thread.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <sys/types.h>

#include <boost/asio/post.hpp>

#include "shared/core/time.h"
#include "shared/serve/loop/loop.h"

namespace shared {

enum class Pace : std::uint8_t {
  steady,      // a tenth of a core that a worker wants, too
  background,  // with what follows from it: nothing of such a core, until another job comes, or for kBackground
};

class Builder {
 public:
  static constexpr Duration kBackground = seconds(2);

  explicit Builder(const char* thread_name = "builder");
  ~Builder();  // stop()
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  void run(std::function<void()> job) { add({.work = std::move(job), .background = 0}); }

  // Runs `work()` here and then `done(result)` on `loop`. The result must be movable. On the loop's thread, which ends
  // before the Builder does.
  template <class Work, class Done>
  void run_then(Loop& loop, Work work, Done done, Pace pace = Pace::steady) {
    const std::uint64_t background = pace == Pace::background ? bound_background(loop) : 0;
    auto job = [&loop, work = std::move(work), done = std::move(done)]() mutable {
      auto result = std::make_shared<decltype(work())>(work());
      asio::post(loop, [result = std::move(result), done = std::move(done)]() mutable { done(std::move(*result)); });
    };
    add({.work = std::move(job), .background = background});
  }

  // Takes over what may be the last reference and drops it here, before the next job.
  void dispose(std::shared_ptr<const void> old);

  // Ends the thread after the job that it is in; jobs not begun are dropped. What is given later dies at the caller.
  void stop();

 private:
  struct Job {
    std::function<void()> work;
    std::uint64_t background;  // number of its time in the background; 0: none
  };

  void add(Job job);
  [[nodiscard]] std::uint64_t bound_background(Loop& loop);
  void begin_background(std::uint64_t number);
  void leave_background();
  void loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;                               // guarded by mutex_
  std::vector<std::shared_ptr<const void>> disposed_;  // guarded by mutex_
  bool stopping_ = false;                              // guarded by mutex_
  std::uint64_t backgrounds_ = 0;                      // times in the background that were given; of the loop's thread
  std::atomic<std::uint64_t> background_{0};           // number of the one that it has, 0: none
  std::atomic<std::uint64_t> over_{0};                 // of the last one that is over
  std::atomic<pid_t> thread_id_{0};
  const char* name_;  // of the thread
  std::thread thread_;
};

}  // namespace shared
