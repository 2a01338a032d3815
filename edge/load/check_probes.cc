#include "edge/load/check_probes.h"

#include <sys/resource.h>

#include <cstdint>
#include <string>

#include "edge/core/pool/health_check.h"

namespace edge {
namespace {

constexpr double kMostASecond = 2000;

// What the checks of one region come to. A name that stands for servers counts as one.
struct Sum {
  std::size_t checks = 0;
  double a_second = 0;
};

Sum sum_of(const EdgeConfig& edge, std::string_view region) {
  Sum sum;
  for (const auto& [name, at, pool] : edge.pools) {
    const auto* servers = pool.servers.in(region);
    if (servers == nullptr) continue;
    sum.checks += servers->size() * pool.health.size();
    for (const HealthCheck& check : pool.health) {
      sum.a_second += static_cast<double>(servers->size()) * 1000.0 / static_cast<double>(check.interval.count());
    }
  }
  return sum;
}

std::uint64_t descriptors() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : RLIM_INFINITY;
}

}  // namespace

void check_probes(const EdgeConfig& edge, const shared::load::Config& config, shared::load::Diagnostics& diagnostics) {
  for (const auto& [region, at, unused] : config.regions) {
    const Sum sum = sum_of(edge, region);
    if (sum.checks == 0) continue;
    const std::string what = "health: the " + std::to_string(sum.checks) + " checks of region '" + region + "' ";
    if (sum.a_second > kMostASecond) {
      diagnostics.warning(config.edge->at, what + "begin " + std::to_string(static_cast<std::uint64_t>(sum.a_second)) +
                                               " times a second; more than " +
                                               std::to_string(static_cast<int>(kMostASecond)) +
                                               " come late: make `interval` longer");
    }
    const std::uint64_t most = kept_checks(descriptors());
    if (sum.checks > most) {
      diagnostics.warning(config.edge->at, what + "want a connection each, and of the " +
                                               std::to_string(descriptors()) + " descriptors here they keep at most " +
                                               std::to_string(most) +
                                               ": the others connect anew each time, and take turns; raise the limit "
                                               "(ulimit -Hn, LimitNOFILE=)");
    }
  }
}

}  // namespace edge
