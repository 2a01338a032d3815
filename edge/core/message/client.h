#pragma once
// Who the client is: the peer's own address, or, when the peer is a trusted proxy, the rightmost address of
// X-Forwarded-For that is not one. Pure functions, value types, any thread.

#include <optional>
#include <string_view>

#include "shared/core/ip.h"
#include "shared/core/prefix_set.h"
#include "shared/http/fields.h"

namespace edge {

struct Client {
  shared::IpAddress address;  // for routing, allow lists, limits, logs and X-Real-IP
  shared::IpAddress peer;     // the other end of the connection
  bool trusted = false;  // the peer is a trusted proxy: its X-Forwarded-*, Forwarded, tier header, ids are believed
};

[[nodiscard]] Client identify_client(const shared::IpAddress& peer, const http::FieldList& fields,
                                     const PrefixSet& trusted);

// One hop of X-Forwarded-For: an address, perhaps with a port or in brackets.
[[nodiscard]] std::optional<shared::IpAddress> parse_hop(std::string_view text);

}  // namespace edge
