#pragma once
// What a stored response is found by: the URL, as servers are asked for it, and the selector, all else that servers are
// told and may answer by: scheme, tier, the route where the URL does not say which, and what the rule names. Whatever
// goes to a server and is in neither would let one client choose what others get, so such requests pass the cache by.
// Pure functions, any thread.

#include <string>
#include <string_view>

#include "edge/core/cache/cache_rule.h"
#include "edge/core/message/client.h"
#include "edge/core/message/target.h"
#include "shared/http/head.h"

namespace edge {

// "shop.test:8080/a//b?c": the authority in lower case, path and query as forwarded, without the parameters that the
// rule leaves out. Appends to `out`.
void append_cache_url(const CacheRule& rule, const RequestTarget& target, std::string& out);

// Does the rule leave parameters of queries out? Then servers are not told them either, so that nobody chooses by them
// what others get.
[[nodiscard]] bool leaves_parameters_out(const CacheRule& rule);
// "?a=1&b=2" without them, in its order; empty: none is left.
[[nodiscard]] std::string keyed_query(const CacheRule& rule, std::string_view query);
// "/a?b=2": the same of what may have a query at its end.
[[nodiscard]] std::string keyed_target(const CacheRule& rule, std::string_view target);

// The request's fields where answers are compressed before they are stored: with the one coding that its answer would
// have in Accept-Encoding, or none if that is empty. Views into `asked` and `coding`.
[[nodiscard]] http::FieldList fields_with_coding(const http::FieldList& asked, std::string_view coding);

struct SelectorSource {
  const http::FieldList& fields;
  const Client& client;
  std::string_view scheme;
  std::string_view tier;     // its name; empty: there are none
  std::string_view route{};  // whose answer it is, where the same target may be another one's; else empty
};
void append_selector(const CacheRule& rule, const SelectorSource& source, std::string& out);

// The absolute path, with its query, that a reference (RFC 3986 5.2) in an answer for `target` leads to, for Location
// and Content-Location; empty when it leads to another origin or is none. `url`: as append_cache_url() makes it.
[[nodiscard]] std::string same_origin_url(const RequestTarget& target, std::string_view scheme,
                                          std::string_view reference);

// Why a request has nothing to do with the cache; empty: it has. A literal.
struct BypassSource {
  const http::RequestHead& head;
  bool has_body = false;
  bool upgrades = false;
  bool identified = false;     // by a certificate, or by a session that binds it to a server
  bool authenticated = false;  // its route asks who it is (RFC 9111 3.5)
  const CacheRule* rule = nullptr;
};
[[nodiscard]] std::string_view why_bypassed(const BypassSource& source);

// Does a list of surrogate keys hold this one? Cache-Tag has commas, Surrogate-Key spaces; both are taken in either.
[[nodiscard]] bool holds_tag(std::string_view list, std::string_view tag);

}  // namespace edge
