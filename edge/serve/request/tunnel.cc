#include "edge/serve/request/tunnel.h"

namespace edge {

Tunnel::Tunnel(Speaks speaks, Counters& counters, std::uint32_t seed)
    : speaks_(speaks),
      counters_(counters),
      masked_close_(masked_going_away(seed)),
      to_server_{.frames = WebSocketFrames(WebSocketFrames::Sender::client),
                 .sender = TunnelEnd::client,
                 .octets = counters.tunnel_octets_in,
                 .close = {masked_close_.data(), masked_close_.size()}},
      to_client_{.frames = WebSocketFrames(WebSocketFrames::Sender::server),
                 .sender = TunnelEnd::server,
                 .octets = counters.tunnel_octets_out,
                 .close = kGoingAway} {
  counters_.tunnels.add();
  counters_.tunnels_open.add();
}

Tunnel::~Tunnel() {
  counters_.tunnels_open.subtract();
  counters_.tunnel_ends[static_cast<std::size_t>(end_)].add();
}

bool Tunnel::leave(TunnelEnd why, shared::TimePoint now) {
  if (speaks_ == Speaks::unknown) return false;
  if (to_client_.stopping) return true;
  ended_by(why);
  to_client_.stopping = true;
  deadline_ = now + kPatience;
  return true;
}

bool Tunnel::go_on(shared::TimePoint now) {
  if (to_server_.stopping) return false;
  to_server_.stopping = true;
  deadline_ = now + kPatience;
  return true;
}

void Tunnel::ended_by(TunnelEnd why) {
  if (ended_) return;
  ended_ = true;
  end_ = why;
}

std::string_view Tunnel::end_name() const { return name_of(end_); }

}  // namespace edge
