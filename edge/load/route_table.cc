// The field tables of routes and of what they do.

#include <cmath>

#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;

// It waits in memory for each client that is slow to take it (OutBuffer::kCeiling is the bound of that).
constexpr std::size_t kLargestBody = std::size_t{512} * 1024;
constexpr std::uint64_t kTiB = std::uint64_t{1} << 40U;

void check_respond(const Respond& respond, const Node& node, Diagnostics& diagnostics) {
  if (respond.body.size() > kLargestBody) {
    diagnostics.error(node.at, "respond: a body of " + std::to_string(respond.body.size()) +
                                   " octets; at most 512 KiB, what is larger belongs to a server of a pool");
  }
  const bool bare = respond.status == 204 || respond.status == 205 || respond.status == 304;
  if (!bare || respond.body.empty()) return;
  diagnostics.error(node.at, "respond: a " + std::to_string(respond.status) + " has no body (RFC 9110 section 15)");
}

const Table<Respond>& respond_table() {
  static const auto table = Table<Respond>("edge.routes.respond", "An answer of the edge's own.")
                                .field("status", &Respond::status, integer<std::uint16_t>(200, 599), "Status")
                                .field("body", &Respond::body, any_text(), "Body, of at most 512 KiB")
                                .field("content_type", &Respond::content_type, text(), "Content-Type of the body")
                                .check(check_respond);
  return table;
}

void check_redirect(const Redirect& redirect, const Node& node, Diagnostics& diagnostics) {
  const std::uint16_t status = redirect.status;
  if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) return;
  diagnostics.error(node.at, "redirect: status " + std::to_string(status) + " is none of 301, 302, 303, 307, 308");
}

const Table<Redirect>& redirect_table() {
  static const auto table =
      Table<Redirect>("edge.routes.redirect", "Sends the client elsewhere.")
          .required("to", &Redirect::to, redirect_target(),
                    "Where to; `{host}`, `{path}` and `{uri}` (path and query) stand for the request's")
          .field("status", &Redirect::status, integer<std::uint16_t>(300, 399), "301, 302, 303, 307 or 308")
          .check(check_redirect);
  return table;
}

void check_mirror(const MirrorConfig& mirror, const Node& node, Diagnostics& diagnostics) {
  if (mirror.share <= 0) diagnostics.error(node.at, "mirror: share: 0% is nobody: leave the mirror out");
  constexpr double kMost = 4096.0 * 1024 * 1024;
  const double octets = static_cast<double>(mirror.max_body) * mirror.max_in_flight;
  if (octets > kMost) {
    diagnostics.warning(node.at, "mirror: max_body x max_in_flight is " + print_number(std::floor(octets / kMost * 4)) +
                                     "GiB of memory");
  }
}

const Table<MirrorConfig>& mirror_table() {
  static const auto table =
      Table<MirrorConfig>("edge.routes.mirror",
                          "Another pool gets copies of requests, with `X-Meridian-Mirror: 1`. Nobody gets its answers, "
                          "and nobody waits for it. See docs/recipes.md.")
          .required("pool", &MirrorConfig::pool, located(word()), "Which")
          .field("share", &MirrorConfig::share, percent(), "Of the route's requests, by chance")
          .field("max_body", &MirrorConfig::max_body, size(0, 64ULL * 1024 * 1024),
                 "Octets of a body; requests with a larger one are not copied")
          .field("max_in_flight", &MirrorConfig::max_in_flight, integer<std::uint32_t>(1, 100'000),
                 "Copies at a time, those whose body comes included; more are left out")
          .field("timeout", &MirrorConfig::timeout, duration(shared::milliseconds(1), std::chrono::hours(1)),
                 "For a copy, with its answer")
          .check(check_mirror);
  return table;
}

void check_route(const RouteConfig& route, const Node& node, Diagnostics& diagnostics) {
  const int actions = (route.pool ? 1 : 0) + (route.respond ? 1 : 0) + (route.redirect ? 1 : 0) + (route.files ? 1 : 0);
  if (actions != 1) diagnostics.error(node.at, "a route has exactly one of pool, respond, redirect and files");
  if (route.share && *route.share <= 0)
    diagnostics.error(node.at, "share: a route with 0% of the traffic is never used");
  if (route.allow && route.allow->empty()) diagnostics.error(node.at, "allow: an empty list lets nobody in");
  if (const Node* const cookie = node.find("share_cookie"); cookie != nullptr && !route.share) {
    diagnostics.error(cookie->key_at, "share_cookie has no effect without `share`");
  }
  if (route.files && (!route.rewrite.empty() || !route.query.rules.empty())) {
    diagnostics.error(node.at, "rewrite and query are for servers and redirects: files are found by the path as asked");
  }
  if (!route.pool) {
    for (const std::string_view key : {"timeout", "request_headers", "cache", "mirror"}) {
      const Node* unused = node.find(key);
      if (unused != nullptr) diagnostics.warning(unused->key_at, std::string(key) + " has no meaning without a pool");
    }
  }
  if (!route.pool && !route.files) {
    for (const std::string_view key : {"compression", "early_hints", "learn_early_hints"}) {
      const Node* unused = node.find(key);
      if (unused == nullptr) continue;
      diagnostics.warning(unused->key_at, std::string(key) + " has no meaning without a pool or files");
    }
  }
}

}  // namespace

const Table<TimeoutConfig>& timeout_table() {
  const auto span = [] { return optional_of(duration(shared::milliseconds(1), std::chrono::hours(24))); };
  static const auto table =
      Table<TimeoutConfig>("edge.timeout", "Limits of time towards servers: of all routes, or of one.")
          .field("connect", &TimeoutConfig::connect, span(), "For a connection; 5s if nobody says")
          .field("send", &TimeoutConfig::send, span(), "Without progress sending the request; 60s if nobody says")
          .field(
              "read", &TimeoutConfig::read, span(),
              "From the whole request to the whole head of the answer, then without a byte of it; 60s if nobody says")
          .field("try", &TimeoutConfig::try_time, span(),
                 "From the whole request to the head of the answer, at one server; then another is tried")
          .field("total", &TimeoutConfig::total, span(), "For all tries, up to the head of the answer")
          .field(
              "tunnel", &TimeoutConfig::tunnel, span(),
              "Without an octet either way behind a 101: WebSocket and the like; 1h if nobody says. A WebSocket then "
              "gets a Close frame, 1001");
  return table;
}

const Table<RouteConfig>& route_table() {
  static const auto table =
      Table<RouteConfig>(
          "edge.routes",
          "Which requests go where. The most specific host wins, then `=/exact`, then the longest prefix; among equals "
          "the first whose conditions hold; if none holds, the next shorter prefix.")
          .field("name", &RouteConfig::name, word(),
                 "Label in logs and metrics, and seed of `share`; else made of host, path and conditions")
          .field("host", &RouteConfig::host, host_pattern(), "Empty: any host")
          .field("path", &RouteConfig::path, route_path(),
                 "A prefix at segment borders: `/x/` and `/x` match /x and /x/y, not /xy")
          .field("tier", &RouteConfig::tiers, one_or_list(located(word())), "Condition: the customer's tier")
          .field("method", &RouteConfig::methods, one_or_list(method()), "Condition: the request's method")
          .field("header", &RouteConfig::headers, conditions(), "Condition: header fields that must be there")
          .field("cookie", &RouteConfig::cookies, conditions(), "Condition: cookies that must be there")
          .field("share", &RouteConfig::share, optional_of(percent()),
                 "Condition: this part of the clients, always the same, by address or by `share_cookie`")
          .field("share_cookie", &RouteConfig::share_cookie, word(),
                 "Cookie by whose value `share` divides clients; who has none is given one, for 30 days")
          .field("pool", &RouteConfig::pool, optional_of(located(word())), "Pass to this pool")
          .field("respond", &RouteConfig::respond, optional_of(nested(respond_table())), "Answer at once")
          .field("redirect", &RouteConfig::redirect, optional_of(nested(redirect_table())), "Send elsewhere")
          .field("files", &RouteConfig::files, optional_of(nested(files_table())), "Answer with files of a directory")
          .field("compression", &RouteConfig::compression, optional_of(nested(compression_table())),
                 "On top of `edge.compression`")
          .field("early_hints", &RouteConfig::early_hints, hint_links(),
                 "Links that clients of HTTP/2 are told ahead of the answer to a GET (103, RFC 8297)")
          .field("learn_early_hints", &RouteConfig::learn_early_hints, boolean(),
                 "Likewise those to preload and to preconnect that the last 200 for the same URL had")
          .field("allow", &RouteConfig::allow, optional_of(list_of(prefix())), "Networks that may use it; else 403")
          .field("access", &RouteConfig::access, one_or_list(located(word())),
                 "Names of `edge.access`: lists beside those `everywhere` or of its host; each has to let clients in")
          .field("auth", &RouteConfig::auth, one_or_list(located(word())),
                 "Names of `edge.auth`: by any of them a client has to show who it is; else 401")
          .field("cors", &RouteConfig::cors, optional_of(nested(cors_table())), "Which pages of other sites may use it")
          .field("maintenance", &RouteConfig::maintenance, optional_of(nested(maintenance_table())),
                 "The route is being worked on; `{}` will do")
          .field("max_body", &RouteConfig::max_body, optional_of(size(0, kTiB)),
                 "Octets of a request's body, fewer than `client.max_body`; over it 413")
          .field("rewrite", &RouteConfig::rewrite, one_or_list(nested(rewrite_table())),
                 "Which path servers get; the first rule that fits")
          .field("query", &RouteConfig::query, query_rules(), "Which query servers get")
          .field("security_headers", &RouteConfig::security_headers, optional_of(security_headers()),
                 "Another set than `edge.security_headers`")
          .field("error_pages", &RouteConfig::error_pages, list_of(nested(error_page_table())),
                 "Before the edge's: pages of errors that the edge answers itself")
          .field("limits", &RouteConfig::limits, one_or_list(located(word())),
                 "Names of `edge.limits` that its requests come under, beside those that are `everywhere`")
          .field("cache", &RouteConfig::cache, optional_of(nested(route_cache_table())), "Its responses are used again")
          .field("mirror", &RouteConfig::mirror, optional_of(nested(mirror_table())),
                 "Another pool gets copies of its requests")
          .field("timeout", &RouteConfig::timeout, nested(timeout_table()), "Other limits than `edge.timeout`")
          .field("request_headers", &RouteConfig::request_headers, header_rules(),
                 "On top of the edge's: fields towards servers")
          .field("response_headers", &RouteConfig::response_headers, header_rules(),
                 "On top of the edge's: fields towards clients")
          .position(&RouteConfig::at)
          .check(check_route);
  return table;
}

}  // namespace edge
