#include "edge/core/route/route.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "edge/core/route/conditions.h"
#include "shared/core/hash.h"

namespace edge {
namespace {

constexpr std::uint32_t kExactHosts = 0;
constexpr std::uint32_t kWildcardHosts = 1;

// Of a segment or a name, which are short: all of it in loads that overlap, not octet by octet. Only a table of this
// process is filled by it, and by what is configured.
std::uint64_t edge_hash(std::uint32_t parent, std::string_view key) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15ULL;
  const auto load = [&]<class Word>(Word word, std::size_t at) {
    std::memcpy(&word, key.data() + at, sizeof word);
    return std::uint64_t{word};
  };
  const std::size_t size = key.size();
  std::uint64_t h = (std::uint64_t{parent} << 32 | size) * kOdd;
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) h = shared::mix(h ^ load(std::uint64_t{}, at));
    return shared::mix(h ^ load(std::uint64_t{}, size - 8));
  }
  if (size >= 4) return shared::mix(h ^ (load(std::uint32_t{}, 0) | load(std::uint32_t{}, size - 4) << 32));
  for (std::size_t at = 0; at < size; ++at) h ^= load(std::uint8_t{}, at) << (8 * at);
  return shared::mix(h);
}

// Takes the next segment from the front of `path`; nothing when only slashes are left.
std::string_view next_segment(std::string_view& path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

// Does an upstream have anything to decode in it?
bool has_twin(std::string_view path) {
  return path.find('%') != std::string_view::npos || path.find(';') != std::string_view::npos;
}

}  // namespace

void RouteTable::EdgeMap::place(std::uint32_t index) {
  std::size_t slot = edge_hash(edges[index].parent, edges[index].key) & (slots.size() - 1);
  while (slots[slot] != 0) slot = (slot + 1) & (slots.size() - 1);
  slots[slot] = index + 1;
}

void RouteTable::EdgeMap::insert(NodeId parent, std::string_view key, NodeId child) {
  edges.push_back({parent, child, std::string(key)});
  if (edges.size() * 2 <= slots.size()) {
    place(static_cast<std::uint32_t>(edges.size() - 1));
    return;
  }
  slots.assign(std::max<std::size_t>(16, slots.size() * 2), 0);
  for (std::uint32_t i = 0; i < edges.size(); ++i) place(i);
}

std::optional<RouteTable::NodeId> RouteTable::EdgeMap::find(NodeId parent, std::string_view key) const {
  if (slots.empty()) return std::nullopt;
  std::size_t slot = edge_hash(parent, key) & (slots.size() - 1);
  for (; slots[slot] != 0; slot = (slot + 1) & (slots.size() - 1)) {
    const Edge& edge = edges[slots[slot] - 1];
    if (edge.parent == parent && edge.key == key) return edge.child;
  }
  return std::nullopt;
}

RouteTable::RouteTable(std::vector<Route> routes, std::uint64_t seed) : seed_(seed), routes_(std::move(routes)) {
  for (std::uint32_t i = 0; i < routes_.size(); ++i) {
    routes_[i].id = static_cast<RouteId>(i);
    gives_cookies_ = gives_cookies_ || !routes_[i].conditions.share_cookie.empty();
    add(i);
    note_far_limits(routes_[i]);
  }
}

void RouteTable::note_far_limits(const Route& route) {
  for (const auto& limit : route.limits) {
    const bool wanted = limit->is_far() && limit->settings().mode != shared::Mode::disabled;
    const bool known = std::ranges::find(far_limits_, limit.get()) != far_limits_.end();
    if (wanted && !known && far_limits_.size() < kMostFarLimits) far_limits_.push_back(limit.get());
  }
}

RouteTable::NodeId RouteTable::new_node() {
  nodes_.emplace_back();
  return static_cast<NodeId>(nodes_.size() - 1);
}

RouteTable::NodeId RouteTable::root_of(std::string_view host) {
  if (host.empty()) {
    if (!any_host_) any_host_ = new_node();
    return *any_host_;
  }
  const bool wildcard = host.substr(0, 2) == "*.";
  const std::uint32_t kind = wildcard ? kWildcardHosts : kExactHosts;
  if (wildcard) host.remove_prefix(2);
  has_wildcards_ = has_wildcards_ || wildcard;
  if (const std::optional<NodeId> root = hosts_.find(kind, host)) return *root;
  const NodeId root = new_node();
  hosts_.insert(kind, host, root);
  return root;
}

RouteTable::NodeId RouteTable::node_of(NodeId root, std::string_view path) {
  NodeId node = root;
  for (std::string_view segment = next_segment(path); !segment.empty(); segment = next_segment(path)) {
    std::optional<NodeId> child = segments_.find(node, segment);
    if (!child) {
      child = new_node();
      segments_.insert(node, segment, *child);
    }
    node = *child;
  }
  return node;
}

RouteTable::Bucket& RouteTable::exact_bucket(NodeId root, std::string_view path) {
  if (const std::optional<NodeId> known = exact_paths_.find(root, path)) return exacts_[*known];
  exact_paths_.insert(root, path, static_cast<NodeId>(exacts_.size()));
  return exacts_.emplace_back();
}

void RouteTable::add(std::uint32_t index) {
  const Route& route = routes_[index];
  const NodeId root = root_of(route.host);
  const bool exact = !route.path.empty() && route.path.front() == '=';
  Bucket& bucket =
      exact ? exact_bucket(root, std::string_view(route.path).substr(1)) : nodes_[node_of(root, route.path)];
  bucket.push_back(index);
}

template <class Trace>
const Route* RouteTable::first_holding(const Bucket& bucket, const RequestInfo& info, Trace& trace) const {
  for (const std::uint32_t index : bucket) {
    const Route& route = routes_[index];
    const std::string_view failed = failed_condition(route, info, seed_);
    if (failed.empty()) {
      trace.note("route", [&] { return route.name; });
      return &route;
    }
    trace.note("skip", [&] { return route.name + ": " + std::string(failed) + " does not hold"; });
  }
  return nullptr;
}

template <class Trace>
const Route* RouteTable::find_prefix(NodeId root, const RequestInfo& info, Trace& trace) const {
  std::array<NodeId, kMaxRouteDepth + 1> chain;
  std::size_t depth = 0;
  chain[depth++] = root;
  std::string_view path = info.path;
  if (path.empty() || path.front() != '/') path = {};  // asterisk form: the host as a whole
  for (std::string_view segment = next_segment(path); !segment.empty() && depth < chain.size();
       segment = next_segment(path)) {
    const std::optional<NodeId> child = segments_.find(chain[depth - 1], segment);
    if (!child) break;
    chain[depth++] = *child;
  }
  while (depth > 0) {
    if (const Route* route = first_holding(nodes_[chain[--depth]], info, trace)) return route;
  }
  return nullptr;
}

template <class Trace>
const Route* RouteTable::find_below(NodeId root, const RequestInfo& info, Trace& trace) const {
  if (const std::optional<NodeId> exact = exact_paths_.find(root, info.path)) {
    if (const Route* route = first_holding(exacts_[*exact], info, trace)) return route;
  }
  return find_prefix(root, info, trace);
}

template <class Trace>
const Route* RouteTable::find(const RequestInfo& info, Trace& trace) const {
  if (const std::optional<NodeId> root = hosts_.find(kExactHosts, info.host)) {
    if (const Route* route = find_below(*root, info, trace)) return route;
  }
  std::size_t dot = has_wildcards_ ? info.host.find('.') : std::string_view::npos;
  for (; dot != std::string_view::npos; dot = info.host.find('.', dot + 1)) {
    const std::optional<NodeId> root = hosts_.find(kWildcardHosts, info.host.substr(dot + 1));
    if (!root) continue;
    if (const Route* route = find_below(*root, info, trace)) return route;
  }
  return any_host_ ? find_below(*any_host_, info, trace) : nullptr;
}

namespace {

// Asks other readings of a request's path whether they meet the same route.
template <class Trace>
class Readings {
 public:
  Readings(const RouteTable& table, const RequestInfo& info, const Route* route, Trace& trace)
      : table_(table), info_(info), route_(route), trace_(trace) {}

  [[nodiscard]] bool agrees(std::string_view path) {
    shared::NullTrace silent;
    RequestInfo other = info_;
    other.path = path;
    if (table_.find(other, silent) == route_) return true;
    trace_.note("twin", [&] { return "read as " + std::string(path) + " it would be another route"; });
    return false;
  }

  // Those of a server that decodes once more than we do, up to kTwinLevels times; a literal when one leads elsewhere.
  [[nodiscard]] std::string_view decoded(std::string_view path, Slashes slashes, TargetScratch& scratch) {
    for (unsigned level = 0; decode_twin(path, slashes, scratch.twin); ++level) {
      if (level == kTwinLevels) return "path escaped too many times";
      scratch.twin_before.swap(scratch.twin);
      path = scratch.twin_before;
      if (!agrees(path)) return "decoded path would match another route";
    }
    return {};
  }

 private:
  const RouteTable& table_;
  const RequestInfo& info_;
  const Route* route_;
  Trace& trace_;
};

// What is looked for: the path as servers read it that know of parameters. No route's own path has any.
std::string_view without_parameters(std::string_view path, std::string& plain) {
  if (path.find(';') == std::string_view::npos) return path;
  cut_parameters(path, plain);
  return plain;
}

}  // namespace

template <class Trace>
http::Checked<const Route*> match(const RouteTable& table, const RequestInfo& info, TargetScratch& scratch,
                                  Trace& trace) {
  const bool empties = !info.kept.empty() && info.kept != info.path;
  // `..` may have taken an escape out of one form and not of the other: "/a/..%2fb//../c".
  const bool twins = has_twin(info.path) || (empties && has_twin(info.kept));
  RequestInfo seen = info;
  if (twins) seen.path = without_parameters(info.path, scratch.plain);
  const Route* route = table.find(seen, trace);
  if (route == nullptr) return http::refuse(404, "no route");
  if (!twins && !empties) return route;
  Readings readings(table, info, route, trace);
  if (empties && !readings.agrees(without_parameters(info.kept, scratch.plain))) {
    return http::refuse(400, "with its empty segments the path would match another route");
  }
  if (!twins) return route;
  std::string_view other = readings.decoded(info.path, Slashes::merge, scratch);
  if (other.empty()) other = readings.decoded(empties ? info.kept : info.path, Slashes::keep, scratch);
  if (other.empty() && empties) other = readings.decoded(info.kept, Slashes::merge, scratch);
  if (!other.empty()) return http::refuse(400, other);
  return route;
}

template const Route* RouteTable::find(const RequestInfo&, shared::NullTrace&) const;
template const Route* RouteTable::find(const RequestInfo&, shared::RecordingTrace&) const;
template http::Checked<const Route*> match(const RouteTable&, const RequestInfo&, TargetScratch&, shared::NullTrace&);
template http::Checked<const Route*> match(const RouteTable&, const RequestInfo&, TargetScratch&,
                                           shared::RecordingTrace&);

std::string redirect_location(const Redirect& redirect, const RequestTarget& target) {
  const bool ipv6 = target.host.find(':') != std::string_view::npos;
  std::string location;
  std::string_view rest = redirect.to;
  while (!rest.empty()) {
    const std::size_t open = std::min(rest.find('{'), rest.size());
    location.append(rest.substr(0, open));
    rest.remove_prefix(open);
    const std::size_t close = std::min(rest.find('}'), rest.size());
    const std::string_view name = rest.substr(0, close);
    if (name == "{host") location.append(ipv6 ? "[" : "").append(target.host).append(ipv6 ? "]" : "");
    // At the front "//name" would be another host. `OPTIONS *` is about no path.
    const std::string_view path = target.path == "*" ? "/" : location.empty() ? target.path : target.kept;
    if (name == "{path" || name == "{uri") location.append(path);
    if (name == "{uri") location.append(target.query);
    rest.remove_prefix(std::min(close + 1, rest.size()));
  }
  return location;
}

}  // namespace edge
