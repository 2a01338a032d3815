#include "edge/serve/io/splice.h"

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace edge {

std::unique_ptr<Pipe> PipePool::take() {
  if (!idle_.empty()) {
    std::unique_ptr<Pipe> pipe = std::move(idle_.back());
    idle_.pop_back();
    return pipe;
  }
  if (open_ == most_) return nullptr;
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  auto pipe = std::make_unique<Pipe>();
  pipe->read.reset(ends[0]);
  pipe->write.reset(ends[1]);
  // A user over the kernel's limit for pipes gets smaller ones, which move single pages.
  if (::fcntl(ends[1], F_SETPIPE_SZ, kCapacity) < 0 && ::fcntl(ends[1], F_GETPIPE_SZ) < static_cast<int>(kWorthwhile)) {
    return nullptr;
  }
  ++open_;
  return pipe;
}

void PipePool::give_back(std::unique_ptr<Pipe> pipe) {
  if (pipe == nullptr) return;
  if (pipe->held == 0) {
    idle_.push_back(std::move(pipe));
  } else {
    --open_;
  }
}

Pumped Splice::advance(Socket& from, Socket& to, std::uint64_t& moved) {
  for (std::uint64_t taken = 0; taken < 4 * kPumpShare;) {
    if (pipe_->held == 0) {
      if (left_ == 0) return Pumped::done;
      const IoResult received = from.splice_to(pipe_->write.get(), std::min<std::uint64_t>(left_, PipePool::kCapacity));
      if (received.status == IoStatus::again) return Pumped::source_waits;
      closed_ = received.status == IoStatus::closed;
      if (received.status != IoStatus::ok) return Pumped::source_failed;
      pipe_->held = received.bytes;
      left_ -= received.bytes;
    }
    const IoResult sent = to.splice_from(pipe_->read.get(), pipe_->held);
    if (sent.status == IoStatus::again) return Pumped::sink_blocked;
    if (sent.status != IoStatus::ok) return Pumped::sink_failed;
    pipe_->held -= sent.bytes;
    moved += sent.bytes;
    taken += sent.bytes;
  }
  return left_ == 0 && pipe_->held == 0 ? Pumped::done : Pumped::turn_over;
}

}  // namespace edge
