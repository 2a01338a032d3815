#include "edge/core/protect/connection_bound.h"

#include "shared/core/client_network.h"
#include "shared/core/hash.h"

namespace edge {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

ConnectionCounts::Key ConnectionCounts::key_of(const shared::IpAddress& client) const {
  const std::uint64_t hash = shared::hash_bytes(seed_, shared::client_network(client).bytes);
  return {.line = hash >> (64 - kLineBits), .tag = hash << kCountBits};
}

ConnectionCounts::Taken ConnectionCounts::take(const shared::IpAddress& client, std::uint32_t most) {
  const Key key = key_of(client);
  auto& places = lines_[key.line].places;
  for (;;) {
    std::atomic<std::uint64_t>* at = nullptr;
    std::uint64_t seen = 0;
    for (auto& place : places) {
      const std::uint64_t word = place.load(kRelaxed);
      const bool own = (word & ~kCountMask) == key.tag && (word & kCountMask) != 0;
      const bool free = at == nullptr && (word & kCountMask) == 0;
      if (!own && !free) continue;
      at = &place;
      seen = word;
      if (own) break;
    }
    if (at == nullptr) {
      uncounted.fetch_add(1, kRelaxed);
      return Taken::uncounted;
    }
    const std::uint64_t count = seen & kCountMask;
    if (count >= most || count == kCountMask) return Taken::over;
    if (at->compare_exchange_weak(seen, key.tag | (count + 1), kRelaxed)) return Taken::counted;
  }
}

void ConnectionCounts::give_back(const shared::IpAddress& client) {
  const Key key = key_of(client);
  for (auto& place : lines_[key.line].places) {
    std::uint64_t word = place.load(kRelaxed);
    while ((word & ~kCountMask) == key.tag && (word & kCountMask) != 0) {
      if (place.compare_exchange_weak(word, word - 1, kRelaxed)) return;
    }
  }
}

// Two workers that saw the same free place may both have begun to count a client: it has both.
std::uint32_t ConnectionCounts::of(const shared::IpAddress& client) const {
  const Key key = key_of(client);
  std::uint64_t count = 0;
  for (const auto& place : lines_[key.line].places) {
    const std::uint64_t word = place.load(kRelaxed);
    if ((word & ~kCountMask) == key.tag) count += word & kCountMask;
  }
  return static_cast<std::uint32_t>(count);
}

}  // namespace edge
