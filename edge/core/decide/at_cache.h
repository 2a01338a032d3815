#pragma once
// ask_cache(): what a request that has come to its route's cache is looked for by, or why it is not looked for at all.
// Requests and explain() both ask it, before they look into the store. Pure, any thread.

#include <string>
#include <string_view>

#include "edge/core/cache/cache_control.h"
#include "edge/core/cache/cache_rule.h"
#include "edge/core/decide/decide.h"
#include "edge/core/message/tier.h"
#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace edge {

struct CacheAsker {
  const http::RequestHead& head;
  const http::RequestFraming& framing;
  std::string_view scheme;
  const Tiers& tiers;
  bool certified = false;  // the client has shown a certificate
};

struct CacheQuestion {
  std::string url;
  std::string selector;
  RequestDirectives directives;    // none where they are ignored
  std::string_view forward{};      // it goes to a server and is not looked for (RFC 9211 2.2); empty: it is
  std::string_view why_forward{};  // a literal; may be empty
};

// REQUIRES: the decision is for a pool, by a route with a cache.
[[nodiscard]] CacheQuestion ask_cache(const Decision& decision, const CacheAsker& asker);

}  // namespace edge
