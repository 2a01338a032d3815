#include "dns/load/config/unused.h"

#include <set>
#include <string>
#include <string_view>

namespace dns {
namespace {

using Regions = std::set<std::string_view>;

void add(const OrderConfig& order, Regions& used) {
  for (const ElementConfig& element : order) {
    for (const MemberConfig& member : element) used.insert(member.region);
  }
}

void add(const StepConfig& step, const shared::load::Config& common, Regions& used) {
  for (const auto* rows : {&step.subnets, &step.resolvers, &step.asn, &step.geo}) {
    if (!*rows) continue;
    for (const auto& row : **rows) add(row.value, used);
  }
  if (step.failover) add(*step.failover, used);
  if (!step.nearest) return;
  for (const auto& region : common.regions) {
    if (region.value.location) used.insert(region.name);
  }
}

}  // namespace

void warn_of_unused(const Config& config, const shared::load::Config& common, shared::load::Diagnostics& diagnostics) {
  std::set<std::string_view> policies;
  for (const auto& name : config.names) {
    if (name.value.policy) policies.insert(name.value.policy->value);
  }
  Regions regions;
  for (const auto& policy : config.policies) {
    if (!policies.contains(policy.name)) {
      diagnostics.warning(policy.at, "policy '" + policy.name + "' is used by no name");
    }
    for (const StepConfig& step : policy.value) add(step, common, regions);
  }
  // The rows of an overrides file may name any region. Without policies nothing is steered, and nothing is missing.
  if (config.policies.empty() || !config.geo.overrides.empty()) return;
  for (const auto& region : common.regions) {
    if (regions.contains(region.name)) continue;
    diagnostics.warning(region.at,
                        "region '" + region.name + "' stands in no step of a policy: no client is sent there");
  }
}

}  // namespace dns
