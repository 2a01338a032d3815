#include "edge/serve/io/flow.h"

#include <cstring>
#include <limits>
#include <utility>

namespace edge {

void Flow::keep(std::string_view rest) {
  kept_ = Octets(rest.size());
  kept_begin_ = 0;
  std::memcpy(kept_.data(), rest.data(), rest.size());
}

Flow::Moved Flow::send_kept(Step& step) {
  while (kept_begin_ < kept_.size()) {
    const iovec part{.iov_base = kept_.data() + kept_begin_, .iov_len = kept_.size() - kept_begin_};
    const IoResult sent = ends_.to.send(std::span(&part, 1));
    if (sent.status != IoStatus::ok) {
      step = sent.status == IoStatus::again ? Step::blocked : Step::sink_failed;
      return Moved::stop;
    }
    kept_begin_ += sent.bytes;
    moved_ += sent.bytes;
  }
  kept_ = Octets();
  return Moved::more;
}

void Flow::begin_splice() {
  if (ends_.from.raw() == nullptr || ends_.to.raw() == nullptr) return;
  if (auto pipe = ends_.pipes.take()) {
    splice_.emplace(ends_.pipes, std::move(pipe), std::numeric_limits<std::uint64_t>::max());
  }
}

Flow::Moved Flow::splice(Step& step) {
  const Pumped pumped = splice_->advance(*ends_.from.raw(), *ends_.to.raw(), moved_);
  switch (pumped) {
    case Pumped::source_waits:
      splice_.reset();  // whoever has much at hand now gets the pipe
      step = Step::waiting;
      return Moved::stop;
    case Pumped::sink_blocked:
      step = Step::blocked;
      return Moved::stop;
    case Pumped::source_failed:
      ended_ = splice_->source_closed();
      splice_.reset();
      step = Step::source_failed;
      return ended_ ? Moved::more : Moved::stop;
    case Pumped::sink_failed:
      step = Step::sink_failed;
      return Moved::stop;
    case Pumped::turn_over:
    case Pumped::done:
      break;
  }
  step = Step::turn_over;
  return Moved::stop;
}

Flow::Moved Flow::copy(Step& step) {
  const std::span<char> space = ends_.scratch.space();
  const IoResult received = ends_.from.receive(space);
  if (received.status == IoStatus::closed) {
    ended_ = true;
    return Moved::more;
  }
  if (received.status != IoStatus::ok) {
    step = received.status == IoStatus::again ? Step::waiting : Step::source_failed;
    return Moved::stop;
  }
  std::span<char> rest = space.first(received.bytes);
  while (!rest.empty()) {
    const iovec part{.iov_base = rest.data(), .iov_len = rest.size()};
    const IoResult sent = ends_.to.send(std::span(&part, 1));
    if (sent.status != IoStatus::ok) {
      step = sent.status == IoStatus::again ? Step::blocked : Step::sink_failed;
      if (step == Step::blocked) keep({rest.data(), rest.size()});
      return Moved::stop;
    }
    rest = rest.subspan(sent.bytes);
    moved_ += sent.bytes;
  }
  if (received.bytes == space.size()) begin_splice();
  return Moved::more;
}

// A FIN passes on as one. `blocked`: a layer's words for it have not all gone.
Flow::Step Flow::finish() {
  if (done_) return Step::done;
  const IoStatus said = ends_.to.shutdown();
  if (said == IoStatus::again) return Step::blocked;
  done_ = said == IoStatus::ok;
  return done_ ? Step::done : Step::sink_failed;
}

Flow::Step Flow::advance() {
  auto step = Step::waiting;
  for (const std::uint64_t end = moved_ + kPumpShare; moved_ < end;) {
    if (send_kept(step) == Moved::stop) return step;
    if (ended_) return finish();
    if ((splice_ ? splice(step) : copy(step)) == Moved::stop) return step;
  }
  return Step::turn_over;
}

}  // namespace edge
