#pragma once
// Builder: the thread for work that may block or take seconds: parse, check and build the next world. Jobs run one at a
// time in order. It is also where old snapshots die, so that freeing a million records never stalls a worker. It is
// nicer than the workers, so that where they share a core they need not wait for it. Owned by main; run() and retire()
// may be called from any thread.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "shared/serve/loop.h"

namespace shared {

class Builder {
 public:
  Builder();
  ~Builder();  // stop()
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  void run(std::function<void()> job);

  // Runs `work()` here and then `done(result)` on `loop`. The result must be movable.
  template <class Work, class Done>
  void run_then(Loop& loop, Work work, Done done) {
    run([&loop, work = std::move(work), done = std::move(done)]() mutable {
      auto result = std::make_shared<decltype(work())>(work());
      asio::post(loop, [result = std::move(result), done = std::move(done)]() mutable { done(std::move(*result)); });
    });
  }

  // Takes over what may be the last reference and drops it here, before the next job.
  void retire(std::shared_ptr<const void> old);

  // Ends the thread after the job that it is in; jobs not begun are dropped. What is retired later dies at the caller.
  void stop();

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;            // guarded by mutex_
  std::vector<std::shared_ptr<const void>> retired_;  // guarded by mutex_
  bool stopping_ = false;                             // guarded by mutex_
  std::thread thread_;
};

}  // namespace shared
