#include "edge/serve/control/web_peer.h"

namespace edge {

void WebPeer::set(const WebUrl& url, const std::optional<shared::ClientTls>& tls) {
  clear();
  url_ = url;
  tls_ = tls;
  if (const auto literal = shared::IpAddress::parse(url_.host)) return aim({*literal});
  follow_ = follower_.follow(url_.host, shared::ResolveFamily::any, shared::NameFollower::Tell::changes,
                             [this](const shared::Result<shared::Resolved>& found) {
                               if (found && !found->addresses.empty()) return aim(found->addresses);
                               events_.unresolved(found ? "its name has no address" : found.error().message);
                             });
}

void WebPeer::clear() {
  follow_ = {};
  endpoint_.reset();
  client_.reset();
}

void WebPeer::aim(const std::vector<shared::IpAddress>& addresses) {
  const shared::Endpoint first{addresses.front(), url_.port};
  if (endpoint_ == first) return;
  endpoint_ = first;
  client_ = std::make_unique<shared::HttpClient>(loop_, contexts_, shared::HttpServer{first, tls_});
  events_.aimed();
}

}  // namespace edge
