#include "edge/serve/request/password_checker.h"

#include <utility>

#include <crypt.h>

#include "shared/http/authorization.h"
#include "shared/serve/os/thread_setup.h"

namespace edge {

PasswordChecker::~PasswordChecker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool PasswordChecker::submit(std::shared_ptr<PendingPassword> pending) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostWaiting) return false;
    waiting_.push_back(std::move(pending));
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wanted_.notify_one();
  return true;
}

void PasswordChecker::run() {
  shared::begin_thread("passwords");
  while (true) {
    std::shared_ptr<PendingPassword> next;
    {
      std::unique_lock lock(mutex_);
      wanted_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const PasswordCheck& check = next->check;
    const bool good = password_fits(check.password, check.hash) && check.known;
    loop_.post([next = std::move(next), good] {
      next->good = good;
      next->finished = true;
      if (next->waiter != nullptr) next->waiter->wake();
    });
  }
}

bool password_fits(const std::string& password, const std::string& hash) {
  crypt_data data{};
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), &data);
  return made != nullptr && made[0] != '*' && http::equals_in_constant_time(made, hash);
}

}  // namespace edge
