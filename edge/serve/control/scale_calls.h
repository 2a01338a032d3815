#pragma once
// ScaleCalls: tells a webhook how many servers pools shall have: the newest message of each pool, one call at a time
// and at most one in kPause; what is not answered with 2xx is told again, after 1 s, 2 s ... kLongest, until it is, or
// a newer message of its pool stands in its place. So what waits is bounded by the number of pools. The host is
// resolved and followed, never waited for. Owned by Scaling; control loop.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "edge/load/scaler.h"
#include "edge/serve/control/web_peer.h"
#include "shared/core/result.h"
#include "shared/serve/client/http_client.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/resolve/name_follower.h"

namespace edge {

class ScaleCalls {
 public:
  static constexpr shared::Duration kPause = shared::seconds(1);
  static constexpr shared::Duration kLongest = shared::seconds(60);

  struct Counts {
    std::uint64_t delivered = 0;
    std::uint64_t failed = 0;  // calls
    std::string problem;       // of the last one; empty: it went well
  };

  ScaleCalls(shared::Loop& loop, shared::NameFollower& follower);
  ScaleCalls(const ScaleCalls&) = delete;
  ScaleCalls& operator=(const ScaleCalls&) = delete;

  // Whom to tell from now on; nothing: nobody, and what waits is dropped.
  void set(const std::optional<ScalerPlan::Webhook>& webhook);
  // What waits of this pool is not told any more: it is not to be scaled now, or by somebody else.
  void forget(const std::string& pool) { waiting_.erase(pool); }
  // A body for the receiver; in place of one of the same pool that waits.
  void tell(const std::string& pool, std::string body);

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  void unresolved(const std::string& reason);
  void wait(shared::Duration how_long);
  void call();
  void answered(const std::string& pool, const std::string& body, const shared::Result<shared::HttpAnswer>& answer);

  WebPeer peer_;
  std::optional<ScalerPlan::Webhook> webhook_;
  std::map<std::string, std::string> waiting_;  // bodies, by pool
  std::string last_;                            // pool that was told last: they take turns
  bool busy_ = false;                           // a call is out, or the pause behind one
  shared::Duration backoff_ = kPause;
  shared::Timer timer_;
  Counts counts_;
};

}  // namespace edge
