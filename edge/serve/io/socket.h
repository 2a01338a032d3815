#pragma once
// Socket: one connected TCP socket with what its edge-triggered events have told so far, so that a call that can only
// answer EAGAIN is never made. Waiter: the one place where a coroutine sleeps: until any event of the sockets bound to
// it, or its deadline. Owned by connections and upstream pools of one worker; that worker's thread only.

#include <coroutine>
#include <cstdint>
#include <span>

#include <sys/uio.h>

#include "shared/core/ip.h"
#include "shared/serve/loop/worker_loop.h"
#include "shared/serve/os/unique_fd.h"

namespace edge {

enum class Wake : std::uint8_t { event, deadline };

class Waiter {
 public:
  explicit Waiter(shared::WorkerLoop& loop)
      : loop_(loop), deadline_(&Waiter::on_deadline, this), soon_(&Waiter::on_soon, this) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // auto wake = co_await waiter.until(deadline); May wake for nothing: look at the sockets.
  auto until(shared::TimePoint deadline);
  void wake() { resume(Wake::event); }
  // Behind the others of this turn: for who has more to do but lets them go first.
  void wake_soon() { loop_.soon(soon_); }
  shared::WorkerLoop& loop() { return loop_; }

 private:
  static void on_deadline(void* self) { static_cast<Waiter*>(self)->resume(Wake::deadline); }
  static void on_soon(void* self) { static_cast<Waiter*>(self)->resume(Wake::event); }
  void resume(Wake reason);

  shared::WorkerLoop& loop_;
  shared::Deadline deadline_;
  shared::Soon soon_;
  std::coroutine_handle<> sleeper_;
  Wake reason_ = Wake::event;
};

inline auto Waiter::until(shared::TimePoint deadline) {
  struct Awaiter {
    Waiter& waiter;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> sleeper) const noexcept { waiter.sleeper_ = sleeper; }
    Wake await_resume() const noexcept { return waiter.reason_; }
  };
  loop_.timers().set(deadline_, deadline);
  return Awaiter{*this};
}

enum class IoStatus : std::uint8_t {
  ok,      // bytes > 0
  again,   // nothing now: wait
  closed,  // the peer has sent everything (receive only)
  failed,  // reset, timed out, unreachable
};

struct IoResult {
  IoStatus status;
  std::size_t bytes;
};

class Socket {
 public:
  // Takes the descriptor (non-blocking). is_open() is false when the loop could not watch it.
  Socket(shared::WorkerLoop& loop, int fd);
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }
  // Whether a call may give more than EAGAIN.
  [[nodiscard]] bool readable() const { return readable_; }
  [[nodiscard]] bool writable() const { return writable_; }
  // For who is about to close: what has come and no event has told yet is read, too.
  void assume_readable() { readable_ = readable_ || is_open(); }
  // The peer has sent FIN, or the connection is broken.
  [[nodiscard]] bool peer_closed() const { return peer_closed_; }
  // Reset, or closed both ways.
  [[nodiscard]] bool broken() const { return broken_; }

  [[nodiscard]] IoResult receive(std::span<char> into);
  [[nodiscard]] IoResult receive(std::span<const iovec> into);
  // Receives up to `size` octets and throws them away in the kernel.
  [[nodiscard]] IoResult discard(std::size_t size);
  // `more`: another send follows at once, and the kernel may wait for it with what does not fill a segment.
  enum class Then : std::uint8_t { nothing, more };
  [[nodiscard]] IoResult send(std::span<const iovec> parts, Then then = Then::nothing);
  // The same through a pipe, inside the kernel (splice(2)). REQUIRES: the pipe that is filled is empty, the other holds
  // at least `size` octets; SIGPIPE is ignored.
  [[nodiscard]] IoResult splice_to(int pipe, std::size_t size);
  [[nodiscard]] IoResult splice_from(int pipe, std::size_t size);
  // The octets of a file, inside the kernel (sendfile(2)); none, with `ok`: the file has no more. Reads from the disk
  // what is not in memory.
  [[nodiscard]] IoResult send_file(int file, std::uint64_t offset, std::size_t size);
  void close();
  // The descriptor, which is not watched any more.
  [[nodiscard]] shared::UniqueFd release();
  // Closes with RST: what was sent so far cannot pass for a whole message.
  void abort();
  void shutdown_send();
  // The connection is over, as if the peer had broken it; whoever uses the socket finds that out.
  void break_off();
  // For a connect() in progress: 0 when it stands, else errno. One getsockopt.
  [[nodiscard]] int connect_error() const;

  // Who is woken by events; null: nobody, see on_idle_event.
  void bind(Waiter* waiter) { waiter_ = waiter; }
  // Called for an event while no waiter is bound. May destroy the socket.
  void on_idle_event(shared::Watch watch) { idle_ = watch; }

 private:
  static void on_event(void* self, std::uint32_t events);
  IoResult received(ssize_t n, std::size_t wanted);
  IoResult sent(ssize_t n, std::size_t wanted);

  shared::WorkerLoop& loop_;
  int fd_;
  bool readable_ = false;
  bool writable_ = false;
  bool peer_closed_ = false;
  bool broken_ = false;
  Waiter* waiter_ = nullptr;
  shared::Watch watch_;
  shared::Watch idle_{};
};

// A non-blocking connect that has been started, or the errno that was known at once (no route, out of descriptors).
struct ConnectStart {
  shared::UniqueFd fd;
  int error = 0;
};
[[nodiscard]] ConnectStart start_connect(const shared::Endpoint& to);

}  // namespace edge
