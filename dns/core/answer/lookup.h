#pragma once
// Lookup: the first half of answering, from a question to the node of its name, for one query or for a batch. A batch
// goes in steps over all its queries, each step asking the memory for what the next one reads, so that the cache misses
// of a large zone or of a world's prefix tables run side by side:
//
//   zone -> hash slot -> node -> match -> (policy) index of the client's prefix -> its segments
//
// Results point into the snapshot. Pure, any thread, no allocation.

#include <span>

#include "dns/core/answer/snapshot.h"
#include "dns/core/zone/query.h"
#include "dns/core/zone/zone.h"
#include "shared/core/ip.h"

namespace dns {

struct Found {
  const Zone* zone = nullptr;  // nullptr: the name is in none of ours, or there is nothing to look up
  Match match;                 // REQUIRES: zone is not nullptr
};

// The zone that answers for a name. DS belongs to the parent's side of a cut (RFC 4035 section 3.1.4.1), if the parent
// is ours and has the cut.
[[nodiscard]] const Zone* find_zone(const ZoneSet& zones, const HashedName& name, RrType type);

// The node that has the addresses of a name that some data mention: its own, that of a wildcard, or glue.
struct AddressNode {
  const Zone* zone = nullptr;
  Node node;
};
[[nodiscard]] AddressNode find_address_node(const ZoneSet& zones, const HashedName& name);

[[nodiscard]] Found look_up(const Snapshot& snapshot, const Query& query);

// `clients` are where the queries came from. REQUIRES: spans of one size.
void look_up(const Snapshot& snapshot, std::span<const Query> queries, std::span<const shared::IpAddress> clients,
             std::span<Found> found);

}  // namespace dns
