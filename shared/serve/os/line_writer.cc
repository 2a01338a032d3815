#include "shared/serve/os/line_writer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "shared/serve/os/thread_setup.h"

namespace shared {
namespace {

std::uint64_t lines_in(std::string_view text) { return static_cast<std::uint64_t>(std::ranges::count(text, '\n')); }

bool takes_now(int descriptor) {
  pollfd one{.fd = descriptor, .events = POLLOUT, .revents = 0};
  return ::poll(&one, 1, 0) == 1 && (one.revents & POLLOUT) != 0;
}

// What could not be written, because of an error: empty when all is well. Waits where the descriptor waits.
std::string_view write_rest(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(descriptor, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {  // somebody else has made it so
      pollfd one{.fd = descriptor, .events = POLLOUT, .revents = 0};
      ::poll(&one, 1, -1);
    } else if (errno != EINTR) {
      break;
    }
  }
  return text;
}

// A line that a full disk has torn ends before the next one begins.
class Output {
 public:
  explicit Output(int descriptor) : descriptor_(descriptor) {}

  // Who calls it is the only one now. What could not be written.
  std::string_view write(std::string_view text) {
    if (torn_ && !write_rest(descriptor_, "\n").empty()) return text;
    torn_ = false;
    const std::string_view left = write_rest(descriptor_, text);
    const std::size_t done = text.size() - left.size();
    torn_ = !left.empty() && done > 0 && text[done - 1] != '\n';
    return left;
  }

 private:
  const int descriptor_;
  bool torn_ = false;
};

}  // namespace

struct LineWriter::State {
  const int descriptor;
  Output output;  // of the thread while it runs, else guarded by mutex
  const Missing missing;
  const std::size_t bound;
  std::atomic<std::uint64_t> dropped{0};

  std::mutex mutex;
  std::condition_variable wake;  // there is something to write, or it is time to end
  std::condition_variable done;  // the thread has ended
  std::string queue;             // guarded by mutex, like the rest
  std::uint64_t untold = 0;      // lines dropped that no line has told of
  bool running = false;
  bool ending = false;

  State(int fd, Missing tell, std::size_t most) : descriptor(fd), output(fd), missing(std::move(tell)), bound(most) {}

  void drop(std::uint64_t lines) {
    dropped.fetch_add(lines, std::memory_order_relaxed);
    untold += lines;
  }

  void add(std::string_view line) {
    const std::lock_guard lock(mutex);
    if (!running && queue.empty() && takes_now(descriptor)) {
      return drop(lines_in(output.write(line)));
    }
    if (queue.size() + line.size() > bound) return drop(lines_in(line));
    queue += line;
    if (running) wake.notify_one();
  }

  void run() {
    begin_thread("log");
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return !queue.empty() || ending; });
      if (queue.empty()) break;
      std::string batch = std::exchange(queue, {});
      if (const std::uint64_t lost = std::exchange(untold, 0); lost > 0) batch += missing(lost);
      lock.unlock();
      const std::string_view left = output.write(batch);
      lock.lock();
      drop(lines_in(left));
    }
    running = false;
    done.notify_all();
  }
};

LineWriter::LineWriter(int descriptor, Missing missing, std::size_t bound)
    : state_(std::make_shared<State>(descriptor, std::move(missing), bound)) {}

LineWriter::~LineWriter() { finish(Duration::zero()); }

void LineWriter::write(std::string_view line) { state_->add(line); }

void LineWriter::start() {
  const std::lock_guard lock(state_->mutex);
  if (std::exchange(state_->running, true)) return;
  state_->ending = false;
  // Detached: the state lives as long as either of the two.
  std::thread([state = state_] { state->run(); }).detach();
}

void LineWriter::finish(Duration patience) {
  std::unique_lock lock(state_->mutex);
  if (!state_->running) return;
  state_->ending = true;
  state_->wake.notify_one();
  state_->done.wait_for(lock, patience, [this] { return !state_->running; });
}

std::uint64_t LineWriter::dropped() const { return state_->dropped.load(std::memory_order_relaxed); }

}  // namespace shared
