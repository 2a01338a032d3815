#include "edge/serve/request/send_rest.h"

#include <cstdint>

#include "edge/serve/io/pump.h"

namespace edge {

shared::TimePoint SendRest::deadline() const { return progress_ + r_.snapshot->settings->timeouts.send; }

bool SendRest::advance() {
  const std::uint64_t before = r_.exchange.octets_sent();
  const Sent sent = r_.exchange.flush();
  if (r_.exchange.octets_sent() != before) progress_ = r_.now();
  if (sent != Sent::blocked) return false;
  discard_body();
  const bool truncated = r_.exchange.body_failure() == BodyFailure::truncated;
  if (truncated || r_.exchange.abandoned()) return give_up("client closed inside the answer");
  return deadline() > r_.now() || give_up("client took no more of the answer");
}

void SendRest::discard_body() {
  std::uint64_t moved = 0;
  while (moved < kPumpShare) {
    const BodyPiece piece = r_.exchange.peek();
    if (piece.state != BodyState::data) return;
    r_.exchange.consume(piece.data.size());
    moved += piece.data.size();
  }
  r_.exchange.waiter().wake_soon();
}

// What went wrong before, if anything did, is what the log tells.
bool SendRest::give_up(std::string_view detail) {
  r_.exchange.cut();
  if (r_.failed) return false;
  r_.error = {.kind = ErrorKind::client_closed, .side = Side::client, .detail = detail};
  r_.failed = r_.cut = true;
  r_.reason = detail;
  return false;
}

}  // namespace edge
