#include "edge/serve/upstream/h2_upstreams.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace edge {
namespace {

// Makes room for one more among those that no request is on: of names, which clients may choose (`{host}` in TLS), each
// has connections of its own. Who has waited longest goes first, so that names which nobody else asks for push each
// other out, and not one that is in use.
void close_surplus(std::span<const std::unique_ptr<H2Upstream>> connections, std::ptrdiff_t most) {
  std::vector<H2Upstream*> kept;
  for (const auto& there : connections) {
    if (there->kept()) kept.push_back(there.get());
  }
  const std::ptrdiff_t surplus = std::min(std::ssize(kept) + 1 - most, std::ssize(kept));
  if (surplus <= 0) return;
  std::ranges::partial_sort(kept, kept.begin() + surplus, {}, &H2Upstream::idle_since);
  for (H2Upstream* const longest : std::span(kept).first(static_cast<std::size_t>(surplus))) {
    static_cast<void>(nghttp2_session_terminate_session(longest->session(), NGHTTP2_NO_ERROR));
    longest->want_write();
  }
}

}  // namespace

H2Upstreams::PerServer& H2Upstreams::of(ServerId server) {
  const auto index = static_cast<std::size_t>(server);
  if (index >= servers_.size()) servers_.resize(index + 1);
  return servers_[index];
}

std::span<char> H2Upstreams::scratch() {
  if (scratch_.size() == 0) scratch_ = Octets(kScratch);
  return {scratch_.data(), scratch_.size()};
}

// The oldest first: what is not needed becomes idle, and ends.
std::unique_ptr<H2UpstreamStream> H2Upstreams::open(const Wish& wish, Waiter& waiter) {
  for (const auto& there : of(wish.way.server).connections) {
    if (!there->takes(wish.way) || (wish.fresh && there->stands())) continue;
    if (there->stands()) counters_.upstream_reuses.add();
    return std::make_unique<H2UpstreamStream>(*there, waiter);
  }
  close_surplus(of(wish.way.server).connections, wish.pool.idle.connections);
  auto made = std::make_unique<H2Upstream>(
      *this, H2UpstreamPlan{.server = wish.way.server,
                            .addresses = {wish.way.addresses.begin(), wish.way.addresses.end()},
                            .tls = wish.pool.tls,
                            .name = std::string(wish.way.name),
                            .http2 = wish.pool.http2,
                            .idle = wish.pool.idle,
                            .limits = wish.limits,
                            .patience = wish.patience});
  H2Upstream& connection = *made;
  of(wish.way.server).connections.push_back(std::move(made));
  connection.start();  // it may be over by then, and tells the stream why
  return std::make_unique<H2UpstreamStream>(connection, waiter);
}

void H2Upstreams::remove(H2Upstream& connection, ServerId server) {
  Connections& list = of(server).connections;
  const auto it = std::ranges::find_if(list, [&](const auto& one) { return one.get() == &connection; });
  if (it == list.end()) return;
  gone_.push_back(std::move(*it));
  list.erase(it);
  // One for each: it may have asked for a turn before its end in this one, and is woken before it goes.
  loop_.defer([this] { gone_.erase(gone_.begin()); });
}

void H2Upstreams::close() {
  for (PerServer& server : servers_) {
    for (auto& connection : server.connections) {
      gone_.push_back(std::move(connection));
      loop_.defer([this] { gone_.erase(gone_.begin()); });
    }
  }
  servers_.clear();
}

}  // namespace edge
