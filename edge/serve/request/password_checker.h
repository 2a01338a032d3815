#pragma once
// PasswordChecker: looks at passwords on a thread of its own, as a hash of one costs tens of milliseconds on purpose. A
// request leaves what is to be checked and sleeps; what came of it is told on the worker's loop. The queue is short:
// who finds it full is asked to come again. The thread begins with the first password. Owned by a worker's context; its
// thread.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "edge/core/access/auth.h"
#include "edge/serve/io/socket.h"
#include "shared/serve/loop/worker_loop.h"

namespace edge {

// One password, shared by the request that wants to know and by the checker; the members below belong to the worker.
struct PendingPassword {
  PasswordCheck check;
  Waiter* waiter = nullptr;  // null: nobody waits any more
  bool finished = false;
  bool good = false;
};

class PasswordChecker {
 public:
  static constexpr std::size_t kMostWaiting = 32;

  explicit PasswordChecker(shared::WorkerLoop& loop) : loop_(loop) {}
  ~PasswordChecker();
  PasswordChecker(const PasswordChecker&) = delete;
  PasswordChecker& operator=(const PasswordChecker&) = delete;

  // False: too many are waiting.
  [[nodiscard]] bool submit(std::shared_ptr<PendingPassword> pending);

 private:
  void run();

  shared::WorkerLoop& loop_;
  std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<std::shared_ptr<PendingPassword>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

// Blocks for as long as the hash wants. False also where the hash is none.
[[nodiscard]] bool password_fits(const std::string& password, const std::string& hash);

}  // namespace edge
