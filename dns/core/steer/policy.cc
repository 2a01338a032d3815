#include "dns/core/steer/policy.h"

#include <array>

namespace dns {
namespace {

using Named = std::vector<bool>;

void add(Named& named, const Order& order) {
  for (const Element& element : order) {
    for (const Member& member : element) named[index_of(member.region)] = true;
  }
}

template <class Rows>
void add_rows(Named& named, const Rows& rows) {
  for (const auto& row : rows) add(named, row.order);
}

struct AddRegions {
  Named& named;
  const std::vector<Region>& regions;

  void operator()(const SubnetsStep& step) const { add_rows(named, step.rows); }
  void operator()(const ResolversStep& step) const { add_rows(named, step.rows); }
  void operator()(const AsnStep& step) const { add_rows(named, step.rows); }
  void operator()(const GeoStep& step) const { add_rows(named, step.rows); }
  void operator()(const FailoverStep& step) const { add(named, step.order); }
  void operator()(const NearestStep&) const {
    for (std::size_t r = 0; r < regions.size(); ++r) named[r] = named[r] || regions[r].location.has_value();
  }
  void operator()(const FenceStep&) const {}
};

}  // namespace

std::vector<bool> regions_named(const Policy& policy, const std::vector<Region>& regions) {
  Named named(regions.size());
  for (const Step& step : policy.steps) std::visit(AddRegions{named, regions}, step.what);
  return named;
}

const char* name_of(const Step& step) {
  static constexpr std::array<const char*, 7> kNames = {"subnets", "resolvers", "asn",  "geo",
                                                        "nearest", "failover",  "fence"};
  static_assert(std::variant_size_v<decltype(Step::what)> == kNames.size());
  if (step.of_overrides) return "overrides";
  return kNames[step.what.index()];
}

}  // namespace dns
