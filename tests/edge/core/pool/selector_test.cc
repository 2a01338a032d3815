#include "edge/core/pool/selector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace edge::selector_test {
namespace {

std::string letters(const std::vector<std::uint16_t>& weights) {
  std::string out;
  for (const std::uint16_t index : make_sequence(weights).order) out.push_back(static_cast<char>('a' + index));
  return out;
}

TEST(Sequence, SpreadsWeights) {
  EXPECT_EQ(letters({5, 1, 1}), "aabacaa");
  EXPECT_EQ(letters({1, 1, 1}), "abc");
  EXPECT_EQ(letters({4, 4}), "ab") << "divided by what all share";
  EXPECT_EQ(letters({3, 2, 1}), "abacba") << "no server twice in a row more often than need be";
  EXPECT_EQ(letters({}), "");
}

TEST(Sequence, HoldsExactProportions) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint16_t> weights(1 + random() % 8);
    for (auto& weight : weights) weight = static_cast<std::uint16_t>(1 + random() % 256);
    const Sequence sequence = make_sequence(weights);
    std::map<std::uint16_t, std::size_t> counts;
    for (const std::uint16_t index : sequence.order) ++counts[index];
    for (std::size_t i = 0; i < weights.size(); ++i) {
      EXPECT_EQ(counts[static_cast<std::uint16_t>(i)] * weights[0], counts[0] * weights[i]);
    }
  }
}

TEST(Sequence, ManyWeightedServersAreOrderedQuicklyAndExactly) {
  std::vector<std::uint16_t> weights;
  for (std::uint16_t i = 0; i < 1000; ++i) weights.push_back(static_cast<std::uint16_t>(1 + i % 7));
  const Sequence sequence = make_sequence(weights);
  std::vector<int> counts(weights.size(), 0);
  for (const std::uint16_t index : sequence.order) ++counts[index];
  for (std::size_t i = 0; i < weights.size(); ++i) ASSERT_EQ(counts[i], weights[i]);
  // Its turns are spread: in each half of the order a server has half of them, give or take one.
  const auto half = sequence.order.begin() + static_cast<std::ptrdiff_t>(sequence.order.size() / 2);
  EXPECT_NEAR(static_cast<double>(std::count(sequence.order.begin(), half, std::uint16_t{6})), 3.5, 1);
}

}  // namespace
}  // namespace edge::selector_test
