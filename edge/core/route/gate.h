#pragma once
// Gate: what is asked of a request before its route's action, and how it is rewritten for servers. Most routes have
// none, and pay one test of a pointer. Immutable, part of a Route, any thread.

#include <chrono>
#include <cstdint>
#include <optional>

#include "edge/core/access/access_list.h"
#include "edge/core/access/auth.h"
#include "edge/core/access/cors.h"
#include "edge/core/message/path_rules.h"
#include "edge/core/message/query_rules.h"
#include "shared/core/mode.h"
#include "shared/core/prefix_set.h"

namespace edge {

// The route is being worked on: 503, with Retry-After, for all but those who work on it.
struct Maintenance {
  PrefixSet bypass;
  std::chrono::seconds retry_after{300};
  shared::Mode mode = shared::Mode::enforce;
};

struct Gate {
  AccessLists access;  // those of all routes, of its host and its own, in file order
  std::optional<Maintenance> maintenance;
  std::optional<Cors> cors;
  AuthPolicies auth;                      // any will do; empty: nobody is asked
  std::optional<std::uint64_t> max_body;  // octets of a request's body; over it 413
  PathRules path;
  QueryRules query;
};

}  // namespace edge
