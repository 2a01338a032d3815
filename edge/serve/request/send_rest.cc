#include "edge/serve/request/send_rest.h"

#include <cstdint>

namespace edge {

shared::TimePoint SendRest::deadline() const { return progress_ + r_.snapshot->settings->timeouts.send; }

bool SendRest::advance() {
  const std::uint64_t before = r_.exchange.sink.octets_sent();
  const Sent sent = send();
  if (r_.exchange.sink.octets_sent() != before) progress_ = r_.now();
  // What a request has fetched for the cache is done when that has it, and its client may be behind.
  const bool behind = r_.done && r_.cached != nullptr && r_.cached->own() != nullptr;
  if (sent == Sent::failed && behind) return give_up("client closed inside the answer");
  if (sent != Sent::blocked) return false;
  discard_body();
  const bool truncated = r_.exchange.source.failure() == BodyFailure::truncated;
  if (truncated || r_.exchange.source.abandoned()) return give_up("client closed inside the answer");
  if (deadline() > r_.now()) return true;
  if (r_.file == nullptr || !r_.file->waits_for_disk()) return give_up("client took no more of the answer");
  r_.file->cut("the disk did not answer in time");
  return false;
}

Sent SendRest::send() {
  if (!r_.page && r_.file == nullptr) return r_.exchange.sink.flush();
  switch (move()) {
    case Pumped::done:
      return Sent::all;
    case Pumped::turn_over:
      r_.exchange.waiter.wake_soon();
      return Sent::blocked;
    case Pumped::sink_blocked:
    case Pumped::source_waits:
      return Sent::blocked;
    case Pumped::sink_failed:
    case Pumped::source_failed:
      break;
  }
  return Sent::failed;
}

// A file that cannot be sent has a page in its place.
Pumped SendRest::move() {
  std::uint64_t moved = 0;
  if (!r_.page) {
    const Pumped pumped = r_.file->advance();
    if (!r_.page) return pumped;
  }
  return pump(*r_.page, r_.exchange.sink, moved);
}

void SendRest::discard_body() {
  std::uint64_t moved = 0;
  while (moved < kPumpShare) {
    const BodyPiece piece = r_.exchange.source.peek();
    if (piece.state != BodyState::data) return;
    r_.exchange.source.consume(piece.data.size());
    r_.discarded += piece.data.size();
    moved += piece.data.size();
  }
  r_.exchange.waiter.wake_soon();
}

// What went wrong before, if anything did, is what the log tells.
bool SendRest::give_up(std::string_view detail) {
  r_.exchange.sink.cut();
  if (r_.failed) return false;
  r_.error = {.kind = ErrorKind::client_closed, .side = Side::client, .detail = detail};
  r_.failed = r_.cut = true;
  r_.reason = detail;
  return false;
}

}  // namespace edge
