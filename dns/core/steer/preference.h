#pragma once
// Preference: what each step of a policy contributes for one client, and the order of regions that results. The
// compiler runs it for every distinct kind of client, `explain` for one address; it is never on the answer path. A
// client is known to a policy by its Picks: per step, which row (or which order of distances) applies. Immutable, any
// thread.

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "dns/core/steer/policy.h"
#include "shared/core/ip.h"

namespace dns {

using Pick = std::uint32_t;
inline constexpr Pick kNoPick = 0xFFFFFFFF;  // the step has nothing for this client
using Picks = std::vector<Pick>;             // one for each step

struct Preference {
  Order order;                                // finished: first mentions only, fences applied
  Order before_fences;                        // to explain an empty order
  std::vector<Order> lists;                   // what each step contributed, as written
  std::vector<bool> added;                    // whether the step added a region that no earlier step had named
  std::optional<std::size_t> emptying_fence;  // step whose filter left nothing
};

class PolicyEvaluator {
 public:
  // Both outlive the evaluator.
  PolicyEvaluator(const Policy& policy, std::span<const Region> regions) : policy_(policy), regions_(regions) {}

  // Picks of the steps that look at the place; the others have kNoPick, failover 0. Distances are interned, hence not
  // const.
  [[nodiscard]] Picks picks_of(const GeoRecord& record);
  // Fills in the steps that look at the address itself, or at the autonomous system that holds it.
  enum class Source : std::uint8_t { subnet, resolver };  // what the address is: named by a subnet option, or who asked
  void add_address_picks(Picks& picks, const shared::IpAddress& address, Source source, std::uint32_t asn) const;

  [[nodiscard]] Preference prefer(const Picks& picks) const;

  [[nodiscard]] const Policy& policy() const { return policy_; }

 private:
  [[nodiscard]] Pick nearest_pick(const NearestStep& step, const GeoRecord& record);
  [[nodiscard]] Order list_of(const Step& step, Pick pick) const;
  void apply_fences(const Picks& picks, Preference& preference) const;

  const Policy& policy_;
  std::span<const Region> regions_;
  std::vector<Order> distances_;  // by Pick of a nearest step
  std::map<Order, Pick> pick_of_distances_;
};

[[nodiscard]] Pick pick_of_asn(const AsnStep& step, std::uint32_t asn);

// "[eu, {us-east: 3, us-west: 1}]"
[[nodiscard]] std::string to_string(const Order& order, std::span<const Region> regions);

}  // namespace dns
