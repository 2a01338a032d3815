#include "dns/core/steer/preference.h"

#include <algorithm>
#include <utility>

namespace dns {
namespace {

template <class Row>
Pick most_specific(const std::vector<Row>& rows, const GeoCode& code) {
  Pick best = kNoPick;
  for (Pick i = 0; i < rows.size(); ++i) {
    if (!rows[i].code.contains(code)) continue;
    if (best == kNoPick || rows[i].code.parts() > rows[best].code.parts()) best = i;
  }
  return best;
}

Pick most_specific(const std::vector<SubnetRow>& rows, const shared::IpAddress& address) {
  Pick best = kNoPick;
  for (Pick i = 0; i < rows.size(); ++i) {
    if (!rows[i].prefix.contains(address)) continue;
    if (best == kNoPick || rows[i].prefix.length > rows[best].prefix.length) best = i;
  }
  return best;
}

double biased(double distance, int bias) {
  return bias >= 0 ? distance * (100 - bias) / 100 : distance * 100 / (100 + bias);
}

bool names(const Order& order, RegionId region) {
  return std::ranges::any_of(order, [region](const Element& element) {
    return std::ranges::any_of(element, [region](const Member& member) { return member.region == region; });
  });
}

// The regions of `list` that `order` does not name yet; true if there was one.
bool append_new(Order& order, const Order& list) {
  bool added = false;
  for (const Element& element : list) {
    Element fresh;
    for (const Member& member : element) {
      if (!names(order, member.region)) fresh.push_back(member);
    }
    if (fresh.empty()) continue;
    order.push_back(std::move(fresh));
    added = true;
  }
  return added;
}

Order filtered(const Order& order, const std::vector<RegionId>& allowed) {
  Order out;
  for (const Element& element : order) {
    Element kept;
    for (const Member& member : element) {
      if (std::ranges::find(allowed, member.region) != allowed.end()) kept.push_back(member);
    }
    if (!kept.empty()) out.push_back(std::move(kept));
  }
  return out;
}

// A weight says nothing when there is nothing to weigh against: equal orders are one class.
void drop_idle_weights(Order& order) {
  for (Element& element : order) {
    if (element.size() == 1) element.front().weight = 1;
  }
}

}  // namespace

Pick PolicyEvaluator::nearest_pick(const NearestStep& step, const GeoRecord& record) {
  if (!record.location) return kNoPick;
  std::vector<std::pair<double, RegionId>> ranked;
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    if (!regions_[i].location) continue;
    const int bias = step.bias.empty() ? 0 : step.bias[i];
    ranked.emplace_back(biased(distance_km(*record.location, *regions_[i].location), bias), static_cast<RegionId>(i));
  }
  std::ranges::sort(ranked);
  Order order;
  for (const auto& [distance, region] : ranked) order.push_back({Member{region, 1}});
  const auto [found, fresh] = pick_of_distances_.try_emplace(order, static_cast<Pick>(distances_.size()));
  if (fresh) distances_.push_back(order);
  return found->second;
}

Picks PolicyEvaluator::picks_of(const GeoRecord& record) {
  Picks picks;
  for (const Step& step : policy_.steps) {
    Pick pick = kNoPick;
    if (const auto* geo = std::get_if<GeoStep>(&step.what)) pick = most_specific(geo->rows, record.code);
    if (const auto* fence = std::get_if<FenceStep>(&step.what)) pick = most_specific(fence->rows, record.code);
    if (const auto* nearest = std::get_if<NearestStep>(&step.what)) pick = nearest_pick(*nearest, record);
    if (std::holds_alternative<FailoverStep>(step.what)) pick = 0;
    picks.push_back(pick);
  }
  return picks;
}

void PolicyEvaluator::add_address_picks(Picks& picks, const shared::IpAddress& address, Source source,
                                        std::uint32_t asn) const {
  for (std::size_t i = 0; i < policy_.steps.size(); ++i) {
    const auto& what = policy_.steps[i].what;
    if (const auto* subnets = std::get_if<SubnetsStep>(&what)) picks[i] = most_specific(subnets->rows, address);
    if (const auto* systems = std::get_if<AsnStep>(&what)) picks[i] = pick_of_asn(*systems, asn);
    const auto* resolvers = std::get_if<ResolversStep>(&what);
    if (resolvers != nullptr && source == Source::resolver) picks[i] = most_specific(resolvers->rows, address);
  }
}

Order PolicyEvaluator::list_of(const Step& step, Pick pick) const {
  if (pick == kNoPick) return {};
  if (const auto* subnets = std::get_if<SubnetsStep>(&step.what)) return subnets->rows[pick].order;
  if (const auto* resolvers = std::get_if<ResolversStep>(&step.what)) return resolvers->rows[pick].order;
  if (const auto* systems = std::get_if<AsnStep>(&step.what)) return systems->rows[pick].order;
  if (const auto* geo = std::get_if<GeoStep>(&step.what)) return geo->rows[pick].order;
  if (std::holds_alternative<NearestStep>(step.what)) return distances_[pick];
  if (const auto* failover = std::get_if<FailoverStep>(&step.what)) return failover->order;
  return {};  // a fence names nothing
}

void PolicyEvaluator::apply_fences(const Picks& picks, Preference& preference) const {
  for (std::size_t i = 0; i < policy_.steps.size(); ++i) {
    const auto* fence = std::get_if<FenceStep>(&policy_.steps[i].what);
    if (fence == nullptr || picks[i] == kNoPick) continue;
    preference.order = filtered(preference.order, fence->rows[picks[i]].regions);
    if (preference.order.empty() && !preference.emptying_fence) preference.emptying_fence = i;
  }
}

Preference PolicyEvaluator::prefer(const Picks& picks) const {
  Preference preference;
  for (std::size_t i = 0; i < policy_.steps.size(); ++i) {
    preference.lists.push_back(list_of(policy_.steps[i], picks[i]));
    preference.added.push_back(append_new(preference.order, preference.lists.back()));
  }
  preference.before_fences = preference.order;
  if (!preference.order.empty()) apply_fences(picks, preference);
  drop_idle_weights(preference.order);
  return preference;
}

Pick pick_of_asn(const AsnStep& step, std::uint32_t asn) {
  if (asn == 0) return kNoPick;
  const auto found = std::ranges::find(step.rows, asn, &AsnRow::asn);
  return found == step.rows.end() ? kNoPick : static_cast<Pick>(found - step.rows.begin());
}

std::string to_string(const Order& order, std::span<const Region> regions) {
  std::string out = "[";
  for (const Element& element : order) {
    if (out.size() > 1) out += ", ";
    if (element.size() == 1) {
      out += regions[index_of(element.front().region)].name;
      continue;
    }
    std::string group;
    for (const Member& member : element) {
      group +=
          (group.empty() ? "" : ", ") + regions[index_of(member.region)].name + ": " + std::to_string(member.weight);
    }
    out += "{" + group + "}";
  }
  return out + "]";
}

}  // namespace dns
