#include "shared/core/heartbeats.h"

namespace shared {

std::optional<std::size_t> Heartbeats::stuck(std::span<const std::uint64_t> counts, TimePoint now, Duration limit) {
  if (seen_.size() != counts.size()) {
    seen_.clear();
    for (const std::uint64_t count : counts) seen_.push_back({count, now});
    return std::nullopt;
  }
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != seen_[i].count) {
      seen_[i] = {counts[i], now};
    } else if (!first && now - seen_[i].since > limit) {
      first = i;
    }
  }
  return first;
}

}  // namespace shared
