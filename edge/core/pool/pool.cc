#include "edge/core/pool/pool.h"

#include <utility>

namespace edge {

std::string to_string(const ServerSource& source) {
  return source.kind == ServerSource::Kind::srv ? source.name : source.name + ":" + std::to_string(source.port);
}

std::string_view why_no_server(const Pool& pool) {
  if (!pool.servers.empty()) return "no usable server in the pool";
  return pool.sources.empty() ? "the pool has no server here" : "the DNS has not named the pool's servers yet";
}

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
