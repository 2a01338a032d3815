#pragma once
// build_learned(): the part of a sticky pool whose servers make the sessions themselves, from its configuration; and
// SessionLives, which keeps what is known of sessions over builds. Builder's thread.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "edge/core/pool/learned_sessions.h"
#include "edge/core/pool/pool.h"
#include "edge/load/config.h"
#include "shared/core/siphash.h"

namespace edge {

// By pool, while anybody uses them. A pool may have several: a build that comes to nothing leaves those that serve.
class SessionLives {
 public:
  // The one of before, if nothing has changed that it depends on.
  [[nodiscard]] std::shared_ptr<SessionsLive> of(const std::string& pool, const StickyConfig& config,
                                                 std::uint64_t seed);

 private:
  struct Known {
    std::weak_ptr<SessionsLive> live;
    std::uint32_t remember = 0;
    shared::Duration ttl{};
  };
  std::multimap<std::string, Known, std::less<>> lives_;
};

// REQUIRES: store is redis, at least one key, and the pool has its servers. `service` seeds the hash, as that of
// balance: consistent_hash.
[[nodiscard]] std::shared_ptr<const LearnedSessions> build_learned(const StickyConfig& config, const Pool& pool,
                                                                   std::span<const shared::SipKey> keys,
                                                                   std::string_view service, SessionLives& lives);

}  // namespace edge
