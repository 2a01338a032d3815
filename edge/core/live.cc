#include "edge/core/live.h"

namespace edge {

void Live::reserve(ServerId last) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(last) / kChunk; ++i) {
    if (!chunks_[i]) chunks_[i] = std::make_unique<Chunk>();
  }
}

void Live::reserve(PoolSlot last) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(last) / kPoolChunk; ++i) {
    if (!pools_[i]) pools_[i] = std::make_unique<PoolChunk>();
  }
}

std::optional<PoolSlot> ServerIds::slot_of(std::string_view pool) {
  const auto fresh = static_cast<PoolSlot>(slots_.size());
  if (slots_.size() == Live::kMaxPools && !slots_.contains(std::string(pool))) return std::nullopt;
  return slots_.emplace(pool, fresh).first->second;
}

std::optional<ServerId> ServerIds::id_of(std::string_view pool, std::string_view server) {
  std::string key(pool);
  key.push_back('/');
  key.append(server);
  if (const auto found = ids_.find(key); found != ids_.end()) return found->second;
  if (ids_.size() == Live::kMaxServers) return std::nullopt;
  const auto id = static_cast<ServerId>(ids_.size());
  ids_.emplace(std::move(key), id);
  return id;
}

}  // namespace edge
