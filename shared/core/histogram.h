#pragma once
// Histogram: log-linear counts of integer ticks (microseconds, bytes), eight buckets per power of two, so a quantile is
// at most 12.5 % off over the whole range of 2^40. One writer that adds with a plain load and store, any reader; the
// reader takes snapshots and merges those of all workers. 2.4 KiB, owned by the worker that writes it.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "shared/core/counter.h"

namespace shared {

inline constexpr unsigned kHistogramSubBits = 3;
inline constexpr unsigned kHistogramTopBit = 40;  // larger values count in the last bucket
inline constexpr std::size_t kHistogramBuckets = (kHistogramTopBit - kHistogramSubBits + 1) << kHistogramSubBits;

// 0..7 have a bucket each; from 8 on, each octave has eight.
[[nodiscard]] constexpr std::size_t histogram_bucket(std::uint64_t value) {
  constexpr std::uint64_t top = (std::uint64_t{1} << kHistogramTopBit) - 1;
  if (value > top) value = top;
  if (value < (1U << kHistogramSubBits)) return static_cast<std::size_t>(value);
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kHistogramSubBits;
  return (static_cast<std::size_t>(shift) << kHistogramSubBits) + static_cast<std::size_t>(value >> shift);
}

// The smallest value of a bucket; of the one past the last, 2^40.
[[nodiscard]] constexpr std::uint64_t histogram_lower_bound(std::size_t bucket) {
  if (bucket < (std::size_t{2} << kHistogramSubBits)) return bucket;
  const std::size_t shift = (bucket >> kHistogramSubBits) - 1;
  return ((bucket & ((1U << kHistogramSubBits) - 1)) + (1U << kHistogramSubBits)) << shift;
}

// What a reader works on: plain numbers that belong to it.
class HistogramSnapshot {
 public:
  void merge(const HistogramSnapshot& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }  // of the ticks as they were, not of the buckets
  [[nodiscard]] std::uint64_t count_below_octave(unsigned octave) const;  // values < 2^octave: exact
  [[nodiscard]] std::uint64_t quantile(double q) const;  // q in [0, 1]; the middle of its bucket; 0 when empty

 private:
  friend class Histogram;
  std::array<std::uint64_t, kHistogramBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
};

class Histogram {
 public:
  void record(std::uint64_t value) {
    buckets_[histogram_bucket(value)].add();
    sum_.add(value);
  }
  // The writer's, too: what a reader sees meanwhile is a mixture.
  void clear();
  [[nodiscard]] HistogramSnapshot read() const;

 private:
  std::array<Counter, kHistogramBuckets> buckets_;
  Counter sum_;
};

}  // namespace shared
