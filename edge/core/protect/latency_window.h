#pragma once
// LatencyWindow: quantiles of what was recent: counts in four buckets per power of two that are halved every 1,024
// values, so old ones fade. 160 octets times two; owned by one worker for each pool that hedges, no atomics.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace edge {

class LatencyWindow {
 public:
  static constexpr std::uint32_t kEnough = 50;  // fewer values say nothing

  void record(std::uint64_t micros);
  // The upper bound of the quantile's bucket, at most 25 % too much; 0 while there is not enough to say.
  [[nodiscard]] std::uint64_t quantile(double q) const;

 private:
  static constexpr unsigned kTopBit = 27;  // two minutes
  static constexpr std::size_t kBuckets = std::size_t{kTopBit + 1} * 4;
  static constexpr std::uint32_t kFadeAt = 1024;
  static std::size_t bucket_of(std::uint64_t micros);
  static std::uint64_t upper_bound(std::size_t bucket);

  std::array<std::uint16_t, kBuckets> counts_{};
  std::uint32_t total_ = 0;
};

}  // namespace edge
