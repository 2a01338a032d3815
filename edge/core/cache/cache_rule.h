#pragma once
// CacheRule: what a route says of the cache (`routes.cache`). Immutable, part of a Route, any thread.

#include <cstdint>
#include <string>
#include <vector>

#include "edge/core/cache/cache_control.h"
#include "shared/http/fields.h"

namespace edge {

// Of responses with Set-Cookie: never stored; stored without it; stored as they are.
enum class CookiePolicy : std::uint8_t { pass, strip, store };

// Beside the URL, a field or a cookie of the request; of the URL, parameters of the query: only those that are named,
// or all but those. "utm_*" stands for all that begin so.
struct CacheKeyPart {
  enum class Kind : std::uint8_t { header, cookie, query, query_except };
  Kind kind = Kind::header;
  std::string name{};
  http::FieldId id = http::FieldId::other;
};

struct StatusTtl {
  std::uint16_t status = 200;
  Delta seconds = 0;
};

struct CacheRule {
  std::uint16_t store = 0;     // which of the stores, in the order of the configuration
  std::vector<StatusTtl> ttl;  // for what servers send without a word of its freshness
  std::vector<CacheKeyPart> key;
  bool heuristic = false;            // a tenth of the time since Last-Modified, up to a day (RFC 9111 4.2.2)
  Delta stale_while_revalidate = 0;  // where servers say nothing of it
  Delta stale_if_error = 0;
  CookiePolicy set_cookie = CookiePolicy::pass;
  bool request_directives = true;          // of clients (RFC 9111 5.2.1) mean something
  bool status_field = true;                // Cache-Status (RFC 9211) goes to clients
  std::uint64_t max_object = 8ULL << 20U;  // octets of a body
  std::uint16_t max_variants = 64;         // of one URL
  Delta hit_for_miss = 2;       // for how long requests do not wait for each other behind what was not stored
  std::string session_field{};  // that servers name a client's session in; empty: none
};

}  // namespace edge
