#include "edge/core/pool/server_ids.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace edge {

ServerIds::ServerIds() : holders_(std::make_shared<Holders>(Live::kMaxServers)) {}

// Release, so that what the last holder did with its servers has been done when id_of() sees the count of zero.
ServerIds::Lease::~Lease() {
  for (const ServerId id : ids_) (*holders_)[static_cast<std::size_t>(id)].fetch_sub(1, std::memory_order_release);
}

std::shared_ptr<ServerIds::Lease> ServerIds::begin_build() {
  ++builds_;
  return std::shared_ptr<Lease>(new Lease(holders_));
}

std::optional<ServerId> ServerIds::id_of(std::string_view pool, std::string_view server, Lease& lease) {
  std::string key(pool);
  key.push_back('/');
  key.append(server);
  auto found = ids_.find(key);
  if (found == ids_.end()) {
    const auto id = fresh_id(lease);
    if (!id) return std::nullopt;
    known_[static_cast<std::size_t>(*id)].name = key;
    found = ids_.emplace(std::move(key), *id).first;
  }
  const auto index = static_cast<std::size_t>(found->second);
  known_[index].last_build = builds_;
  lease.ids_.push_back(found->second);
  (*holders_)[index].fetch_add(1, std::memory_order_relaxed);
  return found->second;
}

// An id that has no name now.
std::optional<ServerId> ServerIds::fresh_id(Lease& lease) {
  if (!lease.free_) lease.free_ = free_ids();
  const bool full = known_.size() == Live::kMaxServers;
  while (!lease.free_->empty() && (full || lease.free_->size() > kRemembered)) {
    const ServerId id = lease.free_->back();
    lease.free_->pop_back();
    const auto index = static_cast<std::size_t>(id);
    // Its own name may have come back in this very build.
    if ((*holders_)[index].load(std::memory_order_acquire) != 0) continue;
    ids_.erase(known_[index].name);
    reassigned_.push_back(id);
    return id;
  }
  if (full) return std::nullopt;
  known_.emplace_back();
  return static_cast<ServerId>(known_.size() - 1);
}

// Those that left longest ago last.
std::vector<ServerId> ServerIds::free_ids() const {
  std::vector<ServerId> free;
  for (std::size_t i = 0; i < known_.size(); ++i) {
    if ((*holders_)[i].load(std::memory_order_acquire) == 0) free.push_back(static_cast<ServerId>(i));
  }
  std::ranges::sort(free, std::greater(),
                    [&](ServerId id) { return std::pair(known_[static_cast<std::size_t>(id)].last_build, id); });
  return free;
}

std::vector<ServerId> ServerIds::take_reassigned() { return std::exchange(reassigned_, {}); }

std::optional<PoolSlot> ServerIds::slot_of(std::string_view pool) {
  const auto fresh = static_cast<PoolSlot>(slots_.size());
  if (slots_.size() == Live::kMaxPools && !slots_.contains(std::string(pool))) return std::nullopt;
  return slots_.emplace(pool, fresh).first->second;
}

}  // namespace edge
