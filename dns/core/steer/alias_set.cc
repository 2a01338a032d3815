#include "dns/core/steer/alias_set.h"

#include <algorithm>
#include <utility>

#include "dns/core/steer/address_rr.h"

namespace dns {

std::shared_ptr<const AliasSet> make_alias_set(const PolicyTables::Profile& profile, std::array<AliasAnswer, 2> known) {
  auto set = std::make_shared<AliasSet>();
  for (const AddressType type : {AddressType::a, AddressType::aaaa}) {
    AliasSet::OfType& out = set->types[static_cast<std::size_t>(type)];
    out.known = std::move(known[static_cast<std::size_t>(type)]);
    const bool fresh = out.known.state == AliasAnswer::State::fresh;
    out.ttl = fresh ? std::clamp(out.known.ttl, profile.ttl_min, profile.ttl_max) : profile.ttl_min;
    for (const auto& address : out.known.addresses) append_address_rr(out.rrs, type, out.ttl, address);
  }
  return set;
}

bool same_answers(const AliasSet& a, const AliasSet& b) {
  return std::ranges::equal(a.types, b.types, [](const AliasSet::OfType& x, const AliasSet::OfType& y) {
    return x.known.state == y.known.state && x.ttl == y.ttl && x.rrs == y.rrs;
  });
}

}  // namespace dns
