#include "edge/core/protect/region_share.h"

#include <algorithm>

namespace edge {
namespace {

std::uint32_t equal_share_of(std::uint32_t edges) {
  return std::max<std::uint32_t>(1, RegionShare::kWhole / std::max<std::uint32_t>(1, edges));
}

}  // namespace

RegionShare::Terms RegionShare::terms_of(std::uint64_t key) const {
  const std::uint32_t equal = equal_share();
  if (alone()) return {.share = equal, .grade = Grade::alone};
  HotKey* line = line_of(key);
  for (std::size_t i = 0; i < kWays; ++i) {
    if (line[i].key.load(std::memory_order_relaxed) != key) continue;
    const std::uint32_t share = line[i].share.load(std::memory_order_relaxed);
    if (share == 0) return {.share = equal, .grade = Grade::cold, .hot = &line[i]};
    return {.share = share, .grade = Grade::leased, .hot = &line[i]};
  }
  return {.share = equal, .grade = Grade::cold};
}

void RegionShare::note(std::uint64_t key, const Terms& terms, bool pressing) {
  HotKey* hot = terms.hot;
  if (hot == nullptr) {
    // An edge without others has the whole limit anyway.
    if (!pressing || terms.grade != Grade::cold || terms.share == kWhole) return;
    hot = heat(key);
    if (hot == nullptr) {
      crowded_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  hot->asked.fetch_add(1, std::memory_order_relaxed);
}

RegionShare::HotKey* RegionShare::heat(std::uint64_t key) {
  HotKey* line = line_of(key);
  for (std::size_t i = 0; i < kWays; ++i) {
    std::uint64_t there = line[i].key.load(std::memory_order_relaxed);
    if (there == key) return &line[i];
    if (there != 0) continue;
    if (line[i].key.compare_exchange_strong(there, key, std::memory_order_relaxed) || there == key) return &line[i];
  }
  return nullptr;
}

void RegionShare::cool(HotKey& hot) {
  hot.share.store(0, std::memory_order_relaxed);
  hot.asked.store(0, std::memory_order_relaxed);
  hot.key.store(0, std::memory_order_release);  // last: whoever takes the place finds it empty
}

void RegionShare::use_seed(std::uint64_t seed) {
  if (seed == seed_.exchange(seed, std::memory_order_relaxed)) return;
  for (std::size_t i = 0; i < kHotKeys; ++i) cool(hot_[i]);
}

void RegionShare::lease_with(std::uint32_t edges) {
  equal_.store(equal_share_of(edges), std::memory_order_relaxed);
  alone_.store(false, std::memory_order_relaxed);
}

void RegionShare::stand_alone(std::uint32_t edges) {
  equal_.store(equal_share_of(edges), std::memory_order_relaxed);
  alone_.store(true, std::memory_order_relaxed);
}

}  // namespace edge
