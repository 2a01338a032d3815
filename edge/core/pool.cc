#include "edge/core/pool.h"

#include <utility>

namespace edge {

const Pool* Pools::find(std::string_view name) const {
  for (const Pool& pool : pools_) {
    if (pool.name == name) return &pool;
  }
  return nullptr;
}

void Addresses::set(ServerId id, std::vector<shared::Endpoint> endpoints) {
  const auto index = static_cast<std::size_t>(id);
  if (index >= endpoints_.size()) endpoints_.resize(index + 1);
  endpoints_[index] = std::move(endpoints);
}

}  // namespace edge
