#pragma once
// Policy: an operator's list of preferences, as data. Each step contributes an ordered list for a client, the lists are
// concatenated, the first mention of a region wins; fences filter what results. Made by dns/load/geo/policies.h,
// compiled by dns/core/steer/policy_tables.h. Value types, any thread.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "dns/core/health/region.h"
#include "dns/core/steer/geo.h"
#include "shared/core/ip.h"
#include "shared/core/time.h"

namespace dns {

// Where something stood in the configuration; only the loader knows what the number means.
enum class PositionId : std::uint32_t {};

struct Member {
  RegionId region{};
  std::uint16_t weight = 1;
  auto operator<=>(const Member&) const = default;
};

// One region, or a weighted group {us-east: 3, us-west: 1} of which a client is given one.
using Element = std::vector<Member>;
using Order = std::vector<Element>;

inline constexpr std::size_t kMaxGroupMembers = 32;

struct SubnetRow {
  shared::Prefix prefix;
  Order order;
  PositionId position{};
};

struct AsnRow {
  std::uint32_t asn = 0;
  Order order;
  PositionId position{};
};

struct GeoRow {
  GeoCode code;
  Order order;
  PositionId position{};
};

struct FenceRow {
  GeoCode code;
  std::vector<RegionId> regions;
  PositionId position{};
};

// The rows of one step are distinct; only the most specific that matches contributes.
struct SubnetsStep {
  std::vector<SubnetRow> rows;
};
// Same, but matched against the resolver's own address, and only when the query carries no client subnet.
struct ResolversStep {
  std::vector<SubnetRow> rows;
};
// By the autonomous system that the client's address belongs to.
struct AsnStep {
  std::vector<AsnRow> rows;
};
struct GeoStep {
  std::vector<GeoRow> rows;
};
// All regions by great-circle distance; nothing for a client without a location. Bias in percent, -99..99, by RegionId:
// b > 0 makes the region's distance (100 - b) % of what it is, b < 0 makes it 100 / (100 + b) times as long.
struct NearestStep {
  std::vector<std::int8_t> bias;  // empty, or one for each region
};
struct FailoverStep {
  Order order;
};
// Filters the finished list: clients inside the code are answered by these regions only.
struct FenceStep {
  std::vector<FenceRow> rows;
};

struct Step {
  std::variant<SubnetsStep, ResolversStep, AsnStep, GeoStep, NearestStep, FailoverStep, FenceStep> what;
  PositionId position{};
  bool of_overrides = false;  // rows of the overrides file, put before what the policy says
};

[[nodiscard]] const char* name_of(const Step& step);  // "subnets", "geo" ...: the configuration's own word

struct Policy {
  std::string name;
  std::vector<Step> steps;
  PositionId position{};
};

// By RegionId: whether some step, a fence apart, can name the region for some client.
[[nodiscard]] std::vector<bool> regions_named(const Policy& policy, const std::vector<Region>& regions);

enum class WhenAllDown : std::uint8_t { answer_all, nodata, refuse };

// TTLs of a name's answers: the longest while nothing changes, the shortest as soon as something may.
struct TtlBounds {
  shared::Duration min = shared::seconds(10);
  shared::Duration max = shared::seconds(60);
};

// A name whose addresses come from a policy.
struct SteeredName {
  std::string name;
  std::size_t policy = 0;                    // index
  std::optional<Name> alias = std::nullopt;  // ALIAS: the addresses are this name's, and no policy is asked
  TtlBounds ttl;                             // whole seconds
  std::uint16_t answers = 0;                 // at most so many addresses; 0: all that are up
  WhenAllDown when_all_down = WhenAllDown::answer_all;
  std::optional<std::vector<shared::Family>> families;  // said by the operator; else derived from the regions
  PositionId position{};
};

// All that a build of PolicyTables needs. `seed` is a hash of the service's name, the same on every node.
struct SteeringSpec {
  std::vector<Region> regions;
  std::vector<Policy> policies;
  std::vector<SteeredName> names;          // PolicyNameId is the index
  std::shared_ptr<const GeoDatabase> geo;  // never null
  std::shared_ptr<const GeoDatabase> asn;  // of autonomous systems; null: `geo` knows them, if anything does
  std::uint64_t seed = 0;
  std::set<std::string> accepted{};  // places_in() what was good before

  [[nodiscard]] const GeoDatabase& systems() const { return asn == nullptr ? *geo : *asn; }
};

}  // namespace dns
