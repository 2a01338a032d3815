#include "edge/core/route/pool_listener.h"

namespace edge {

void SniRules::add(std::string_view pattern, PoolId pool) {
  if (pattern.starts_with("*.")) {
    wildcards_.emplace(pattern.substr(2), pool);
  } else {
    exact_.emplace(pattern, pool);
  }
}

std::optional<PoolId> SniRules::find(std::string_view name) const {
  if (const auto exact = exact_.find(name); exact != exact_.end()) return exact->second;
  if (wildcards_.empty()) return std::nullopt;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    const auto found = wildcards_.find(name.substr(dot + 1));
    if (found != wildcards_.end()) return found->second;
  }
  return std::nullopt;
}

}  // namespace edge
