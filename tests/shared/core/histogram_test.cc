#include "shared/core/histogram.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace shared::histogram_test {
namespace {

TEST(HistogramTest, BucketsAreContiguousAndOrdered) {
  for (std::size_t bucket = 0; bucket < kHistogramBuckets; ++bucket) {
    const std::uint64_t low = histogram_lower_bound(bucket);
    ASSERT_EQ(histogram_bucket(low), bucket);
    ASSERT_EQ(histogram_bucket(histogram_lower_bound(bucket + 1) - 1), bucket);
  }
  EXPECT_EQ(histogram_lower_bound(kHistogramBuckets), std::uint64_t{1} << kHistogramTopBit);
}

TEST(HistogramTest, SmallValuesHaveABucketEach) {
  for (std::uint64_t value = 0; value < 16; ++value) EXPECT_EQ(histogram_lower_bound(histogram_bucket(value)), value);
}

TEST(HistogramTest, LargeValuesCountInTheLastBucket) {
  EXPECT_EQ(histogram_bucket(~std::uint64_t{0}), kHistogramBuckets - 1);
  EXPECT_EQ(histogram_bucket(std::uint64_t{1} << kHistogramTopBit), kHistogramBuckets - 1);
}

TEST(HistogramTest, EmptyHasNoQuantile) {
  const HistogramSnapshot empty;
  EXPECT_EQ(empty.count(), 0U);
  EXPECT_EQ(empty.quantile(0.5), 0U);
  EXPECT_EQ(empty.count_below_octave(10), 0U);
}

TEST(HistogramTest, OctaveCountsAreExact) {
  const auto histogram = std::make_unique<Histogram>();
  for (std::uint64_t value = 0; value < 1000; ++value) histogram->record(value);
  const HistogramSnapshot counts = histogram->read();
  EXPECT_EQ(counts.count(), 1000U);
  EXPECT_EQ(counts.sum(), 999U * 1000 / 2);
  for (unsigned octave = 0; octave < 10; ++octave) {
    EXPECT_EQ(counts.count_below_octave(octave), std::uint64_t{1} << octave) << octave;
  }
  EXPECT_EQ(counts.count_below_octave(10), 1000U);
  EXPECT_EQ(counts.count_below_octave(kHistogramTopBit), 1000U);
}

TEST(HistogramTest, QuantilesAreWithinAnEighth) {
  std::mt19937_64 random(20261122);
  const auto histogram = std::make_unique<Histogram>();
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20000; ++i) values.push_back(random() >> (24 + random() % 40));
  for (const std::uint64_t value : values) histogram->record(value);
  std::ranges::sort(values);
  const HistogramSnapshot counts = histogram->read();
  for (const double q : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = std::min(values.size() - 1, static_cast<std::size_t>(q * static_cast<double>(values.size())));
    const auto exact = static_cast<double>(values[rank]);
    EXPECT_NEAR(static_cast<double>(counts.quantile(q)), exact, exact / 8) << q;
  }
}

TEST(HistogramTest, MergeIsTheSumOfBoth) {
  const auto a = std::make_unique<Histogram>();
  const auto b = std::make_unique<Histogram>();
  a->record(3);
  b->record(3);
  b->record(5000);
  HistogramSnapshot both = a->read();
  both.merge(b->read());
  EXPECT_EQ(both.count(), 3U);
  EXPECT_EQ(both.sum(), 5006U);
  EXPECT_EQ(both.count_below_octave(2), 2U);
}

}  // namespace
}  // namespace shared::histogram_test
