#pragma once
// PolicyTables: the slow half of steering. Policy x geo database x subnet rows -> for each policy a disjoint merged
// prefix table, client prefix -> class; a class is one order of preference that some client has. Independent of health;
// built by the Builder on (re)load, immutable, part of the Snapshot. Any thread may read.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dns/core/steer/policy.h"
#include "dns/core/steer/steering.h"
#include "shared/core/prefix_table.h"

namespace dns {

// What compile() has to say about the configuration.
struct Finding {
  enum class Severity : std::uint8_t { warning, error };
  Severity severity = Severity::error;
  PositionId position{};
  std::string message;
};

struct CompiledPolicies {
  std::shared_ptr<const PolicyTables> tables;  // null if there was an error
  std::vector<Finding> findings;
};

// Errors: a client (or a client without a location) that is left with no region, by a fence or for want of a step that
// names one; a geo or fence row that this database can never match; `nearest` with a region that has no location; a
// name whose regions differ in families. Warnings: a step that never adds a region for any client; what this database
// does not have, where spec.accepted names it.
[[nodiscard]] CompiledPolicies compile(SteeringSpec spec);

// What the rows of policies want a database to have: places, and words for coordinates and AS numbers. For the
// `accepted` of the next specification.
[[nodiscard]] std::set<std::string> places_in(const SteeringSpec& spec);

class PolicyTables {
 public:
  using ClassId = std::uint32_t;

  // What one policy became.
  struct Compiled {
    shared::PrefixTable clients;  // by address -> ClassId
    // For queries without a subnet option, by the resolver's own address; absent: the same as `clients`.
    std::optional<shared::PrefixTable> resolvers;
    std::vector<Order> classes;  // by ClassId: fences applied, never empty
    std::uint64_t seed = 0;      // of the variants
    bool one_answer = false;     // whoever asks, and from wherever
    shared::PrefixTable own;     // 1 where rows for private subnets say what those are given, else 0
  };

  // Names that differ in nothing that shapes an answer share one profile.
  struct Profile {
    std::uint32_t policy = 0;
    std::uint16_t answers = 0;
    WhenAllDown when_all_down = WhenAllDown::answer_all;
    std::uint32_t ttl_min = 0;  // seconds
    std::uint32_t ttl_max = 0;
    bool has_a = false;
    bool has_aaaa = false;
    bool may_cname = false;   // some client's region is a CNAME: the region is chosen for all types at once
    std::uint32_t alias = 0;  // ALIAS: 1 + the index in aliases(); such names have `ttl_min` and `ttl_max` only
    auto operator<=>(const Profile&) const = default;
  };

  // Value in `clients.v6()` and `resolvers.v6()` of the prefixes that embed IPv4 addresses: look there.
  static constexpr ClassId kEmbeddedIpv4 = 0xFFFFFFFF;

  // Whether the name has this type at all: never a matter of the client or of health (NODATA, with scope 0, if not).
  [[nodiscard]] bool has(PolicyNameId name, AddressType type) const {
    const Profile& profile = profiles_[profile_of(name)];
    return type == AddressType::a ? profile.has_a : profile.has_aaaa;
  }
  // Some client may be given a CNAME, whatever type it asks for; so absence too is a matter of the client.
  [[nodiscard]] bool may_cname(PolicyNameId name) const { return profiles_[profile_of(name)].may_cname; }
  [[nodiscard]] std::size_t profile_of(PolicyNameId name) const {
    return profile_of_name_[static_cast<std::size_t>(name)];
  }
  [[nodiscard]] const std::vector<Profile>& profiles() const { return profiles_; }
  [[nodiscard]] const std::vector<Compiled>& compiled() const { return compiled_; }
  [[nodiscard]] const std::vector<PolicyNameId>& aliases() const { return aliases_; }  // the ALIAS names
  [[nodiscard]] const SteeringSpec& spec() const { return spec_; }

 private:
  friend CompiledPolicies compile(SteeringSpec spec);

  SteeringSpec spec_;
  std::vector<std::uint32_t> profile_of_name_;
  std::vector<Profile> profiles_;
  std::vector<Compiled> compiled_;
  std::vector<PolicyNameId> aliases_;
};

}  // namespace dns
