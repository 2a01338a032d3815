#include "edge/core/protect/latency_window.h"

#include <algorithm>

namespace edge {

std::size_t LatencyWindow::bucket_of(std::uint64_t micros) {
  if (micros < 4) return static_cast<std::size_t>(micros);
  const unsigned top = std::min(static_cast<unsigned>(std::bit_width(micros)) - 1, kTopBit);
  if (top == kTopBit) return kBuckets - 1;
  return std::size_t{top} * 4 + ((micros >> (top - 2)) & 3U);
}

std::uint64_t LatencyWindow::upper_bound(std::size_t bucket) {
  if (bucket < 8) return bucket + 1;
  const std::size_t top = bucket / 4;
  return (std::uint64_t{4 + (bucket & 3U)} + 1) << (top - 2);
}

void LatencyWindow::record(std::uint64_t micros) {
  ++counts_[bucket_of(micros)];
  if (++total_ < kFadeAt) return;
  total_ = 0;
  for (std::uint16_t& count : counts_) {
    count = static_cast<std::uint16_t>(count / 2);
    total_ += count;
  }
}

std::uint64_t LatencyWindow::quantile(double q) const {
  if (total_ < kEnough) return 0;
  const auto rank = static_cast<std::uint32_t>(q * static_cast<double>(total_));
  std::uint32_t passed = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    passed += counts_[i];
    if (passed > rank) return upper_bound(i);
  }
  return upper_bound(kBuckets - 1);
}

}  // namespace edge
