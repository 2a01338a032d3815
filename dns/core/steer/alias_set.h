#pragma once
// AliasSet: the answers of one ALIAS name, of both types, as they go on the wire. Made when its target changes and
// shared by all AnswerSets until it changes again: names that stay as they are cost nothing. Immutable; any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dns/core/steer/alias_view.h"
#include "dns/core/steer/policy_tables.h"

namespace dns {

struct AliasSet {
  struct OfType {
    AliasAnswer known;
    std::uint32_t ttl = 0;          // seconds, that answers carry
    std::vector<std::uint8_t> rrs;  // AnswerSets::rr_size() octets for each of known.addresses
  };
  std::array<OfType, 2> types;  // by AddressType

  [[nodiscard]] const OfType& of(AddressType type) const { return types[static_cast<std::size_t>(type)]; }
};

[[nodiscard]] std::shared_ptr<const AliasSet> make_alias_set(const PolicyTables::Profile& profile,
                                                             std::array<AliasAnswer, 2> known);

// Whether a client could tell the two apart.
[[nodiscard]] bool same_answers(const AliasSet& a, const AliasSet& b);

}  // namespace dns
