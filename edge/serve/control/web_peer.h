#pragma once
// WebPeer: where the control loop posts to: the host of a URL, resolved and followed, never waited for, and an
// HttpClient for its first address. Owned by who posts; control loop.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/load/web_url.h"
#include "shared/core/ip.h"
#include "shared/load/client_tls.h"
#include "shared/serve/client/http_client.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/resolve/name_follower.h"

namespace edge {

class WebPeer {
 public:
  struct Events {
    // There is a client, perhaps another one: what the one before was asked will not be answered.
    std::function<void()> aimed;
    std::function<void(const std::string& reason)> unresolved;
  };

  WebPeer(shared::Loop& loop, shared::NameFollower& follower, Events events)
      : loop_(loop), follower_(follower), events_(std::move(events)) {}
  WebPeer(const WebPeer&) = delete;
  WebPeer& operator=(const WebPeer&) = delete;

  // A literal address aims at once, from within.
  void set(const WebUrl& url, const std::optional<shared::ClientTls>& tls);
  void clear();
  [[nodiscard]] shared::HttpClient* client() { return client_.get(); }  // null: nobody knows where

 private:
  void aim(const std::vector<shared::IpAddress>& addresses);

  shared::Loop& loop_;
  shared::NameFollower& follower_;
  Events events_;
  shared::ClientTlsContexts contexts_;
  WebUrl url_;
  std::optional<shared::ClientTls> tls_;
  shared::NameFollower::Follow follow_;
  std::optional<shared::Endpoint> endpoint_;
  std::unique_ptr<shared::HttpClient> client_;
};

}  // namespace edge
