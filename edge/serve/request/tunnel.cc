#include "edge/serve/request/tunnel.h"

#include <cstring>
#include <utility>

namespace edge {
namespace {

constexpr int kInTurn = 4;                      // messages, or pieces of a long one; others want their turn
constexpr std::size_t kRideOctets = 16 * 1024;  // at a time: what is not taken is kept

}  // namespace

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
  if (riding()) static_cast<void>(dismount());
  counters_.tunnels_open.subtract();
  counters_.tunnel_ends[static_cast<std::size_t>(end_)].add();
}

void Tunnel::ride(const Road& road) {
  road_ = road;
  passed_ = {};
  road_.client->bind(nullptr);
  road_.server->bind(nullptr);
  road_.client->on_idle_event({.handler = &Tunnel::on_client, .owner = this});
  road_.server->on_idle_event({.handler = &Tunnel::on_server, .owner = this});
}

Tunnel::Passed Tunnel::dismount() {
  const Road road = std::exchange(road_, {});
  for (Socket* const socket : {road.client, road.server}) {
    socket->on_idle_event({});
    socket->bind(road.waiter);
  }
  return passed_;
}

void Tunnel::on_client(void* self, std::uint32_t /*events*/) {
  Tunnel& tunnel = *static_cast<Tunnel*>(self);
  tunnel.carry(*tunnel.road_.client, *tunnel.road_.server, tunnel.to_server_);
}

void Tunnel::on_server(void* self, std::uint32_t /*events*/) {
  Tunnel& tunnel = *static_cast<Tunnel*>(self);
  tunnel.carry(*tunnel.road_.server, *tunnel.road_.client, tunnel.to_client_);
}

// The tunnel may be gone when the request has been woken.
void Tunnel::carry(Socket& from, Socket& to, Direction& direction) {
  Waiter& waiter = *road_.waiter;
  for (int i = 0; i < kInTurn; ++i) {
    if (from.peer_closed()) return waiter.wake();
    if (!from.readable()) return;
    const std::span<char> space = road_.scratch->space().first(kRideOctets);
    const IoResult received = from.receive(space);
    if (received.status == IoStatus::again) return;
    if (received.status != IoStatus::ok) return waiter.wake();
    const iovec part{.iov_base = space.data(), .iov_len = received.bytes};
    const IoResult sent = to.send(std::span(&part, 1));
    const std::size_t n = sent.status == IoStatus::ok ? sent.bytes : 0;
    direction.octets.add(n);
    if (&direction == &to_server_) {
      passed_.in += received.bytes;  // what is kept, too: it is the client's no more
    } else {
      passed_.out += n;
    }
    passed_.at = waiter.loop().now();
    if (speaks_ == Speaks::websocket) direction.frames.follow({space.data(), n});
    if (direction.frames.closed()) ended_by(direction.sender);
    if (n < received.bytes) {
      direction.kept = Octets(received.bytes - n);
      std::memcpy(direction.kept.data(), space.data() + n, direction.kept.size());
      return waiter.wake();
    }
    if (direction.frames.closed()) return waiter.wake();
  }
  waiter.wake_soon();
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
