// How far the shares of weighted groups are from their weights. The draw itself maps a 64-bit hash to a weight by
// multiply-shift (shared/core/hash.h), whose bias is below 2^-46 for any group; what is left is the luck of a finite
// number of draws, sqrt((1 - p) / (n p)) of the share. The long run is for release builds:
//
//   dns_core_test --gtest_also_run_disabled_tests --gtest_filter='*HundredMillion*'
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/steer/steering.h"
#include "shared/core/hash.h"

namespace dns::steering_skew_test {
namespace {

using shared::IpAddress;

SteeringSpec group_of(const std::vector<std::uint16_t>& weights) {
  SteeringSpec spec;
  Element group;
  for (std::size_t r = 0; r < weights.size(); ++r) {
    spec.regions.push_back(
        {"r" + std::to_string(r), std::nullopt, {IpAddress::v4(0xC0000200 + static_cast<unsigned>(r))}});
    group.push_back({static_cast<RegionId>(r), weights[r]});
  }
  spec.policies.push_back({"shares", {{FailoverStep{{group}}, {}}}, {}});
  SteeredName name;
  name.name = "www.example.com";
  spec.names.push_back(name);
  spec.geo = std::make_shared<const GeoDatabase>();
  spec.seed = shared::hash_text(0, "shop");
  return spec;
}

enum class By { block, query };  // clients that are named, each of its own /56; or a draw for each query

struct Skew {
  double relative = 0;    // the largest of any member: |share / weight - 1|
  double deviations = 0;  // the same in standard deviations of fair draws
};

Skew skew_of(const std::vector<std::uint16_t>& weights, std::uint64_t draws, By by) {
  const auto tables = compile(group_of(weights)).tables;
  const auto answers = AnswerSets::build(*tables, HealthView::all_up(tables->spec().regions));
  std::vector<std::uint64_t> counts(weights.size());
  NullTrace trace;
  for (std::uint64_t i = 0; i < draws; ++i) {
    Client client{IpAddress::v4(0x0A000001), std::nullopt, shared::mix(i + 0x9E3779B97F4A7C15ULL)};
    if (by == By::block) {
      const shared::Key128 key{0x2A00'0000'0000'0000 + (i << 8), 0};
      client.subnet = ClientSubnet{shared::v6_address(key), 56};
    }
    ++counts[index_of(choose(*tables, *answers, PolicyNameId{0}, AddressType::a, client, trace).region)];
  }
  double total = 0;
  for (const std::uint16_t weight : weights) total += weight;
  Skew worst;
  for (std::size_t r = 0; r < weights.size(); ++r) {
    const double share = weights[r] / total;
    const double fair = share * static_cast<double>(draws);
    const double off = std::abs(static_cast<double>(counts[r]) - fair);
    worst.relative = std::max(worst.relative, off / fair);
    worst.deviations = std::max(worst.deviations, off / std::sqrt(fair * (1 - share)));
  }
  return worst;
}

const std::vector<std::vector<std::uint16_t>> kGroups = {
    {1, 999}, {999, 1}, {1, 1}, {3, 1}, {1, 9999}, {500, 1, 499}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};

TEST(SteeringSkew, SharesAreThoseOfFairDraws) {
  for (const auto& weights : kGroups) {
    for (const By by : {By::block, By::query}) {
      EXPECT_LT(skew_of(weights, 200'000, by).deviations, 5) << weights[0] << ":" << weights[1];
    }
  }
}

// Every hash value belongs to exactly one index, in order, and the sizes of the indices differ by one at most.
TEST(SteeringSkew, TheMappingOfHashesToWeightsIsEven) {
  for (const std::uint32_t n : {2U, 3U, 1000U, 10000U, 320000U}) {
    const std::uint64_t width = ~std::uint64_t{0} / n;  // of an index: this or one more
    for (const std::uint32_t index : {0U, 1U, n / 2, n - 1}) {
      // The first hash of an index is ceil(index * 2^64 / n).
      const auto exact = static_cast<long double>(index) * 18446744073709551616.0L / n;
      const auto first = static_cast<std::uint64_t>(std::ceil(exact));
      EXPECT_EQ(shared::hash_to_index(first + 2, n), index) << n;
      EXPECT_EQ(shared::hash_to_index(first + width - 2, n), index) << n;
      if (index > 0) {
        EXPECT_EQ(shared::hash_to_index(first - 2, n), index - 1) << n;
      }
    }
    EXPECT_EQ(shared::hash_to_index(~std::uint64_t{0}, n), n - 1);
  }
}

TEST(SteeringSkew, DISABLED_AHundredMillionDrawsAreWithinOnePercent) {
  for (const auto& weights : kGroups) {
    for (const By by : {By::block, By::query}) {
      const Skew skew = skew_of(weights, 100'000'000, by);
      std::string text;
      for (const auto weight : weights) text += (text.empty() ? "" : ":") + std::to_string(weight);
      std::printf("%-22s %s  skew %.4f %%  (%.2f standard deviations)\n", text.c_str(),
                  by == By::block ? "by /56    " : "by query  ", 100 * skew.relative, skew.deviations);
      if (weights.size() == 2 && weights[0] + weights[1] == 10000) continue;  // luck alone is 1 % here
      EXPECT_LT(skew.relative, 0.01) << text;
    }
  }
}

}  // namespace
}  // namespace dns::steering_skew_test
