#include "dns/core/policy.h"

#include <array>

namespace dns {

const char* name_of(const Step& step) {
  static constexpr std::array<const char*, 7> kNames = {"subnets", "resolvers", "asn",  "geo",
                                                        "nearest", "failover",  "fence"};
  static_assert(std::variant_size_v<decltype(Step::what)> == kNames.size());
  if (step.of_overrides) return "overrides";
  return kNames[step.what.index()];
}

}  // namespace dns
