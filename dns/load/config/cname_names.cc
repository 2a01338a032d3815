#include "dns/load/config/cname_names.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dns/core/zone/shorten.h"
#include "dns/load/record/rdata.h"

namespace dns {

using shared::load::Diagnostics;
using shared::load::Position;

namespace {

// The first region of the name's policy that is a CNAME. REQUIRES: there is one.
const Region& cname_region(const PolicyTables& policies, PolicyNameId id) {
  const PolicyTables::Profile& profile = policies.profiles()[policies.profile_of(id)];
  const Region* found = nullptr;
  for (const Order& order : policies.compiled()[profile.policy].classes) {
    for (const Element& element : order) {
      for (const Member& member : element) {
        const Region& region = policies.spec().regions[index_of(member.region)];
        if (region.cname && (found == nullptr || region.name < found->name)) found = &region;
      }
    }
  }
  return *found;
}

std::string types_of(const Node& node) {
  std::string types;
  node.for_each([&](const Rrset& rrset) {
    types += (types.empty() ? "" : ", ") + type_to_text(static_cast<std::uint16_t>(rrset.type));
  });
  return types;
}

void check_name(const ZoneSet& zones, const Name& name, const Region& region, const Position& at,
                Diagnostics& diagnostics) {
  const std::string why =
      ", but its policy may choose region '" + region.name + "', which is a CNAME (" + region.cname->to_text() + ")";
  HashedName hashed;
  hashed.assign(name.wire());
  const Zone* zone = zones.find(hashed);
  if (zone == nullptr) return;
  const Node node = zone->find(hashed, 0);
  if (name == zone->apex()) {
    diagnostics.error(at, name.to_text() + " is the apex of its zone, where SOA and NS stand" + why);
  } else if (node && node.rrset_count() > 0) {
    diagnostics.error(at, name.to_text() + " has other data in the zone file (" + types_of(node) + ")" + why);
  }
  if (*region.cname == name)
    diagnostics.error(at, name.to_text() + ": region '" + region.name + "' is a CNAME to itself");
}

// The zones that a name serves by their apex NS records. Read once: there may be very many of both.
using ServedZones = std::map<Name, std::vector<const Zone*>>;

ServedZones read_servers(const ZoneSet& zones) {
  ServedZones served;
  for (const auto& zone : zones.zones()) {
    const Rrset servers = zone->apex_node().find(RrType::ns);
    for (const auto& server : whole_data(*zone, zone->apex_node(), servers)) {
      if (const auto name = Name::from_wire(server)) served[*name].push_back(zone.get());
    }
  }
  return served;
}

// NS records that name the policy name.
void check_servers(const ServedZones& served, const Name& name, const Position& at, Diagnostics& diagnostics) {
  const auto found = served.find(name);
  if (found == served.end()) return;
  for (const Zone* zone : found->second) {
    diagnostics.error(at, name.to_text() + " is a name server of " + zone->apex().to_text() +
                              ", which must not be an alias, but its policy may choose a CNAME");
  }
}

}  // namespace

void check_cname_names(const ZoneSet& zones, const PolicyTables& policies, const Config& config,
                       Diagnostics& diagnostics) {
  std::optional<ServedZones> served;
  for (std::size_t i = 0; i < config.names.size(); ++i) {
    const PolicyNameId id{static_cast<std::uint32_t>(i)};
    const auto name = Name::from_text(config.names[i].name);
    if (!name || !policies.may_cname(id)) continue;
    check_name(zones, *name, cname_region(policies, id), config.names[i].at, diagnostics);
    if (!served) served = read_servers(zones);
    check_servers(*served, *name, config.names[i].at, diagnostics);
  }
}

}  // namespace dns
