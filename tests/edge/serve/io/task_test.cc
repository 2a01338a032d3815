#include "edge/serve/io/task.h"

#include <coroutine>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

namespace edge::task_test {
namespace {

Task<int> value(int n) { co_return n; }

Task<int> sum_of_many() {
  int sum = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const int one = co_await value(1);
    sum += one;
  }
  co_return sum;
}

Task<> store(int& out) {
  const int sum = co_await sum_of_many();
  out = sum;
}

TEST(Task, AMillionAwaitsInALoopNeedNoStack) {
  int out = 0;
  Task<> task = store(out);
  task.start();
  EXPECT_EQ(out, 1'000'000);
}

// Sleeps until it is woken by hand.
struct Sleep {
  std::coroutine_handle<>& sleeper;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const noexcept { sleeper = handle; }
  void await_resume() const noexcept {}
};

Task<int> later(std::coroutine_handle<>& sleeper, std::shared_ptr<int> held) {
  Sleep sleep{sleeper};
  co_await sleep;
  co_return *held;
}

Task<> caller(std::coroutine_handle<>& sleeper, std::shared_ptr<int> held, int& out) {
  const int value = co_await later(sleeper, std::move(held));
  out = value;
}

TEST(Task, GoesOnWhereItWaited) {
  std::coroutine_handle<> sleeper;
  int out = 0;
  Task<> task = caller(sleeper, std::make_shared<int>(7), out);
  task.start();
  EXPECT_EQ(out, 0);
  sleeper.resume();
  EXPECT_EQ(out, 7);
}

TEST(Task, DestroyedWhileItWaitsItTakesEverythingBelowWithIt) {
  std::coroutine_handle<> sleeper;
  int out = 0;
  auto held = std::make_shared<int>(7);
  {
    std::optional<Task<>> task;
    task.emplace(caller(sleeper, held, out));
    task->start();
    EXPECT_GT(held.use_count(), 1);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(out, 0);
}

}  // namespace
}  // namespace edge::task_test
