#pragma once
// Readers for values that only the edge's configuration has. Immutable values, any thread.

#include <string>
#include <vector>

#include "edge/load/config.h"
#include "shared/load/containers.h"
#include "shared/load/reader.h"

namespace edge {

using shared::load::Diagnostics;
using shared::load::Node;
using shared::load::Reader;

[[nodiscard]] Reader<std::string> server_address();  // "10.0.1.10:8080", "[2001:db8::1]:80", "api.internal:8080"
[[nodiscard]] Reader<std::string> server_name();     // "backend.internal": a name to resolve, no address
[[nodiscard]] Reader<std::string> service_name();    // "_http._tcp.backend.internal"
[[nodiscard]] Reader<std::string> cookie_name();     // "MERIDIAN": a token
[[nodiscard]] Reader<std::string> cookie_text();     // of an attribute: printable, without ";"
[[nodiscard]] Reader<HashKey> hash_key();            // client, path, {header: NAME}, {cookie: NAME}
[[nodiscard]] Reader<std::string> host_pattern();    // "shop.example", "*.shop.example"; lower case
[[nodiscard]] Reader<std::string> host_header();     // "shop.example", "shop.example:8080"
[[nodiscard]] Reader<std::string> route_path();      // "/x/" or "=/x", normalised
[[nodiscard]] Reader<std::string> request_path();    // "/health?full=1": of a check
[[nodiscard]] Reader<http::Method> method();
[[nodiscard]] Reader<std::string> own_field();        // "X-Auth-User": a name that means nothing else to the edge
[[nodiscard]] Reader<std::string> log_field();        // "query", or the name of a field: "User-Agent"
[[nodiscard]] Reader<StatusRange> status_range();     // 200 or 200-399
[[nodiscard]] Reader<std::string> redirect_target();  // "https://{host}{uri}"
[[nodiscard]] Reader<std::vector<NamedCondition>>
conditions();                                            // of fields or cookies: {NAME: VALUE}, "*" for any value
[[nodiscard]] Reader<HeaderRulesConfig> header_rules();  // {set: {N: V}, add: {N: V}, remove: [N]}
[[nodiscard]] Reader<QueryRulesConfig> query_rules();    // likewise, of a query's parameters
[[nodiscard]] Reader<SecurityHeaders> security_headers();
[[nodiscard]] Reader<std::vector<TierSourceConfig>> tier_sources();                // [{api_key: FILE}, {header: NAME}]
[[nodiscard]] Reader<std::optional<shared::load::Located<std::string>>> absent();  // fail, or the name of a pool

// The host of a server's address, without brackets, and its port. REQUIRES: server_address() took it.
struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
};
[[nodiscard]] HostAndPort split_address(std::string_view address);

}  // namespace edge
