#pragma once
// RouteTable: host -> path -> conditions -> Route, compiled so that 10 or 10,000 routes cost the same:
//
//   hosts      exact name, else the longest wildcard, else any host      (hash lookups, one for each label at most)
//   segments   (node, path segment) -> node                              (one hash lookup for each segment of the path)
//   exacts     (host's root, whole path) -> routes                       `path: =/x`
//   node       its routes in file order; the first whose conditions hold
//
// An exact path beats prefixes, the longest prefix comes first; if no condition holds there the next shorter prefix is
// asked, then the next host. `/x` and `/x/` are the same prefix: both match /x, /x/ and /x/y, never /xy.
// Immutable, part of the Snapshot, any thread. match() is what workers and `explain` both call.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "edge/core/cache/cache_rule.h"
#include "edge/core/content/compression.h"
#include "edge/core/content/static_files.h"
#include "edge/core/message/error_pages.h"
#include "edge/core/message/errors.h"
#include "edge/core/message/header_rules.h"
#include "edge/core/message/new_visitor.h"
#include "edge/core/message/target.h"
#include "edge/core/message/tier.h"
#include "edge/core/pool/pool.h"
#include "edge/core/protect/rate_limit.h"
#include "shared/core/prefix_set.h"
#include "shared/core/time.h"
#include "shared/core/trace.h"

namespace edge {

enum class RouteId : std::uint32_t {};             // index in file order
inline constexpr std::size_t kMaxRouteDepth = 64;  // segments of a route's path

struct Respond {
  std::uint16_t status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

struct Redirect {
  std::uint16_t status = 302;
  std::string to;  // {host}, {path} and {uri} (path and query) stand for the request's
};

using Action = std::variant<PoolId, Respond, Redirect, StaticFiles>;

struct Timeouts {
  shared::milliseconds connect{5000};
  shared::milliseconds send{60000};      // without progress towards the upstream
  shared::milliseconds read{60000};      // without a byte from the upstream
  shared::milliseconds try_time{0};      // from the whole request at one server to the head of its answer; 0: none
  shared::milliseconds total{0};         // for all tries, up to the head of the answer; 0: none
  shared::milliseconds tunnel{3600000};  // without an octet either way behind a 101
};

// A field or a cookie that must be there; without a value any will do.
struct NamedCondition {
  std::string name;
  std::optional<std::string> value;
  http::FieldId id = http::FieldId::other;
};

// All that are given must hold.
struct Conditions {
  std::uint32_t tiers = 0;    // bit TierId; 0: any
  std::uint32_t methods = 0;  // bit Method; 0: any
  std::vector<NamedCondition> headers;
  std::vector<NamedCondition> cookies;
  std::optional<double> share;  // of the clients, (0, 1]: by a hash that is the same on every edge
  std::string share_cookie;     // by whose value; empty: by the client's address
};

struct Gate;        // gate.h
struct MirrorRule;  // mirror_rule.h

struct Route {
  RouteId id{};
  std::string name;  // as configured, else "host path"; unique; label of metrics and logs
  std::string host;  // empty: any; "*.example.com": one or more labels before
  std::string path;  // "=/x" exact, else a prefix
  Conditions conditions;
  Action action;
  std::optional<PrefixSet> allow;    // client addresses; others get 403
  std::shared_ptr<const Gate> gate;  // null: nothing
  RateLimits limits;                 // those of all routes, then its own
  Timeouts timeouts;
  HeaderRules request_rules;  // the edge's with the route's on top
  HeaderRules response_rules;
  std::shared_ptr<const Compression> compression;  // of its answers; null: none
  std::vector<std::string> early_hints;            // values of Link in a 103
  bool learn_early_hints = false;                  // and those that its answers have had
  std::shared_ptr<const CacheRule> cache;          // null: its responses are not stored
  std::shared_ptr<const ErrorPages> error_pages;   // its own, then the edge's; null: none
  std::shared_ptr<const MirrorRule> mirror;        // null: nobody gets copies

  [[nodiscard]] bool allows(const shared::IpAddress& client) const { return !allow || allow->contains(client); }
};

// What match() looks at.
struct RequestInfo {
  std::string_view host;  // as RequestTarget has it
  std::string_view path;  // as RequestTarget has it
  http::Method method = http::Method::get;
  TierId tier{};
  shared::IpAddress client;
  const http::FieldList& fields;
  std::string_view kept = {};     // as RequestTarget has it; empty: forwarded without its empty segments
  NewVisitor* visitor = nullptr;  // REQUIRES: not null where a route has a share_cookie
};

class RouteTable {
 public:
  RouteTable() = default;
  // `seed` comes from the service's name: a client's share is the same on every edge and after every restart.
  RouteTable(std::vector<Route> routes, std::uint64_t seed);

  [[nodiscard]] std::span<const Route> all() const { return routes_; }
  // Some route divides clients by a cookie.
  [[nodiscard]] bool gives_cookies() const { return gives_cookies_; }

  // What a client has used of its limits is wanted in a moment, whichever route it will be: of a million clients that
  // is a miss of the cache, which passes while targets, tiers and routes are looked at.
  void prefetch_limits(const shared::IpAddress& client) const {
    for (const RateLimit* limit : far_limits_) limit->prefetch(client);
  }

  [[nodiscard]] std::span<const RateLimit* const> far_limits() const { return far_limits_; }

  // The route of a normalised path, or null. match() below is what requests go through.
  template <class Trace>
  [[nodiscard]] const Route* find(const RequestInfo& info, Trace& trace) const;

 private:
  using NodeId = std::uint32_t;
  using Bucket = std::vector<std::uint32_t>;  // indexes of routes, in file order
  struct Edge {
    NodeId parent = 0;
    NodeId child = 0;  // or the index of a bucket in exacts_
    std::string key;
  };
  // Open addressing over (node, text); filled by the constructor only.
  struct EdgeMap {
    std::vector<Edge> edges;
    std::vector<std::uint32_t> slots;  // index + 1 of an edge, 0 is free; at most half are taken
    void insert(NodeId parent, std::string_view key, NodeId child);
    void place(std::uint32_t index);
    [[nodiscard]] std::optional<NodeId> find(NodeId parent, std::string_view key) const;
  };

  void add(std::uint32_t index);
  void note_far_limits(const Route& route);
  NodeId new_node();
  NodeId root_of(std::string_view host);
  NodeId node_of(NodeId root, std::string_view path);
  Bucket& exact_bucket(NodeId root, std::string_view path);

  template <class Trace>
  const Route* find_below(NodeId root, const RequestInfo& info, Trace& trace) const;
  template <class Trace>
  const Route* find_prefix(NodeId root, const RequestInfo& info, Trace& trace) const;
  template <class Trace>
  const Route* first_holding(const Bucket& bucket, const RequestInfo& info, Trace& trace) const;

  std::uint64_t seed_ = 0;
  std::vector<Route> routes_;
  std::vector<Bucket> nodes_;  // by NodeId: routes whose prefix ends here
  std::vector<Bucket> exacts_;
  EdgeMap segments_;
  EdgeMap exact_paths_;
  EdgeMap hosts_;  // parent 0: exact names; 1: wildcards, without "*."
  std::optional<NodeId> any_host_;
  bool has_wildcards_ = false;
  bool gives_cookies_ = false;
  // Few: each costs every request a hash, and the processor keeps no more misses open than it has buffers for.
  static constexpr std::size_t kMostFarLimits = 4;
  std::vector<const RateLimit*> far_limits_;  // of routes_
};

// The route of a request: 404 when there is none, 400 when another reading of the path, with its empty segments or
// decoded once more, would meet another route (and so, perhaps, another allow list). Parameters of segments (";v=1")
// are no part of what is looked for. Allow lists are for the caller: route->allows(client).
template <class Trace>
[[nodiscard]] http::Checked<const Route*> match(const RouteTable& table, const RequestInfo& info,
                                                TargetScratch& scratch, Trace& trace);

// Is the client in the route's share? Stable over edges, restarts and other routes.
[[nodiscard]] bool in_share(std::uint64_t seed, std::string_view route, const shared::IpAddress& client, double share);
// The same by what a cookie says.
[[nodiscard]] bool in_share(std::uint64_t seed, std::string_view route, std::string_view visitor, double share);

// Where a redirect leads; allocates, not on the proxying path.
[[nodiscard]] std::string redirect_location(const Redirect& redirect, const RequestTarget& target);

}  // namespace edge
