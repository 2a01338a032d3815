#pragma once
// Task<T>: a coroutine that starts when it is awaited and gives one value. A task that finishes without suspending
// never suspends its caller either, and the stack does not grow with the number of tasks awaited in a loop, in any
// build (so no symmetric transfer, which needs tail calls that -O0 and sanitizers do not make). Owned by whoever awaits
// it: destroying a suspended task destroys everything below it. One thread.
//
// Compiler rule (GCC 12): write `co_await f(names);` or `auto x = co_await f(names);` only.

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include "edge/serve/io/frame_pool.h"

namespace edge {

template <class T>
class Task;

namespace detail {

struct PromiseBase {
  std::coroutine_handle<> continuation;  // set once the caller really waits

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) noexcept {
      // The continuation may destroy this frame: nothing of it is touched afterwards.
      if (const std::coroutine_handle<> next = self.promise().continuation) next.resume();
    }
    void await_resume() noexcept {}
  };

  static void* operator new(std::size_t size) { return FramePool::of_this_thread().take(size); }
  static void operator delete(void* frame, std::size_t size) { FramePool::of_this_thread().give_back(frame, size); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }  // no exceptions on the data plane
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;

  Task<T> get_return_object();
  void return_value(T result) { value.emplace(std::move(result)); }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
  void take() {}
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // Runs a root task up to its first wait; whoever holds the task is its owner.
  void start() { handle_.resume(); }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> caller) {
    handle_.resume();
    if (handle_.done()) return false;
    handle_.promise().continuation = caller;
    return true;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  Handle handle_;
};

namespace detail {

template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}

inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace detail
}  // namespace edge
