#include "shared/load/restart.h"

#include <algorithm>

namespace shared::load {
namespace {

using Addresses = std::vector<Located<ListenAddress>>;

bool same_listeners(const Addresses& a, const Addresses& b) {
  return std::ranges::equal(a, b,
                            [](const auto& x, const auto& y) { return x.value.to_string() == y.value.to_string(); });
}

}  // namespace

std::vector<std::string> changed_for_good(const Config& before, const Config& after, Role role) {
  std::vector<std::string> options;
  if (role != Role::edge && !same_listeners(before.admin.dns, after.admin.dns)) options.emplace_back("admin.dns");
  if (role != Role::dns && !same_listeners(before.admin.edge, after.admin.edge)) options.emplace_back("admin.edge");
  if (role != Role::edge && !same_listeners(before.metrics.dns, after.metrics.dns)) options.emplace_back("metrics.dns");
  if (role != Role::dns && !same_listeners(before.metrics.edge, after.metrics.edge)) {
    options.emplace_back("metrics.edge");
  }
  if (before.state_directory != after.state_directory) options.emplace_back("state_directory");
  if (before.user != after.user) options.emplace_back("user");
  if (before.system_calls != after.system_calls) options.emplace_back("system_calls");
  return options;
}

std::string needs_restart(const std::string& option) { return option + ": a change needs a restart"; }

}  // namespace shared::load
