#include "dns/core/answer/lookup.h"

#include "dns/core/steer/policy_tables.h"
#include "dns/core/steer/steering.h"

namespace dns {

namespace {

[[nodiscard]] bool is_looked_up(const Query& query) {
  return query.verdict == Verdict::answer && query.klass == RrClass::in;
}

[[nodiscard]] bool is_steered(const Found& found) {
  const bool at_node = found.match.kind == Match::Kind::exact || found.match.kind == Match::Kind::wildcard;
  return found.zone != nullptr && at_node && found.match.node.has(Node::kPolicy);
}

}  // namespace

const Zone* find_zone(const ZoneSet& zones, const HashedName& name, RrType type) {
  const Zone* zone = zones.find(name);
  if (type != RrType::ds || zone == nullptr || name.labels() != zone->apex_labels() || name.labels() == 0) return zone;
  const Zone* parent = zones.find(name, 1);
  if (parent == nullptr) return zone;
  const Node cut = parent->find(name, 0);
  return cut && cut.has(Node::kCut) && !cut.has(Node::kOccluded) ? parent : zone;
}

AddressNode find_address_node(const ZoneSet& zones, const HashedName& name) {
  const Zone* zone = zones.find(name);
  if (zone == nullptr) return {};
  const Match match = zone->match(name);
  if (match.kind == Match::Kind::exact || match.kind == Match::Kind::wildcard) return {zone, match.node};
  return {zone, match.kind == Match::Kind::delegation ? zone->find(name, 0) : Node{}};
}

Found look_up(const Snapshot& snapshot, const Query& query) {
  Found found;
  if (!is_looked_up(query)) return found;
  found.zone = find_zone(*snapshot.zones, query.name, query.type);
  if (found.zone != nullptr) found.match = found.zone->match(query.name);
  return found;
}

void look_up(const Snapshot& snapshot, std::span<const Query> queries, std::span<const shared::IpAddress> clients,
             std::span<Found> found) {
  bool any_large = false;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const Query& query = queries[i];
    found[i].zone = is_looked_up(query) ? find_zone(*snapshot.zones, query.name, query.type) : nullptr;
    if (found[i].zone == nullptr || !found[i].zone->is_large()) continue;
    found[i].zone->prefetch_slot(query.name);
    any_large = true;
  }
  for (std::size_t i = 0; any_large && i < queries.size(); ++i) {
    if (found[i].zone != nullptr && found[i].zone->is_large()) found[i].zone->prefetch_node(queries[i].name);
  }
  bool any_steered = false;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    if (found[i].zone == nullptr) continue;
    found[i].match = found[i].zone->match(queries[i].name);
    if (!is_steered(found[i])) continue;
    prefetch_index(*snapshot.policies, found[i].match.node.policy(), queries[i].subnet, clients[i]);
    any_steered = true;
  }
  for (std::size_t i = 0; any_steered && i < queries.size(); ++i) {
    if (!is_steered(found[i])) continue;
    prefetch_segments(*snapshot.policies, found[i].match.node.policy(), queries[i].subnet, clients[i]);
  }
}

}  // namespace dns
