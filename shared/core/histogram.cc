#include "shared/core/histogram.h"

#include <algorithm>

namespace shared {

void Histogram::clear() {
  for (Counter& bucket : buckets_) bucket.subtract(bucket.read());
  sum_.subtract(sum_.read());
}

HistogramSnapshot Histogram::read() const {
  HistogramSnapshot out;
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
    out.counts_[i] = buckets_[i].read();
    out.count_ += out.counts_[i];
  }
  out.sum_ = sum_.read();
  return out;
}

void HistogramSnapshot::merge(const HistogramSnapshot& other) {
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
}

std::uint64_t HistogramSnapshot::count_below_octave(unsigned octave) const {
  if (octave >= kHistogramTopBit) return count_;  // the last bucket holds all that is larger
  const std::size_t end = histogram_bucket(std::uint64_t{1} << octave);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < end; ++i) total += counts_[i];
  return total;
}

std::uint64_t HistogramSnapshot::quantile(double q) const {
  if (count_ == 0) return 0;
  const double clamped = std::clamp(q, 0.0, 1.0);
  const auto rank = std::min(count_ - 1, static_cast<std::uint64_t>(clamped * static_cast<double>(count_)));
  std::uint64_t passed = 0;
  std::size_t bucket = 0;
  while (passed + counts_[bucket] <= rank) passed += counts_[bucket++];
  const std::uint64_t low = histogram_lower_bound(bucket);
  const std::uint64_t width = histogram_lower_bound(bucket + 1) - low;
  return low + (width - 1) / 2;
}

}  // namespace shared
