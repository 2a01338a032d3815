#include "edge/core/protect/region_share.h"

#include <gtest/gtest.h>

namespace edge::region_share_test {
namespace {

using Grade = RegionShare::Grade;

constexpr std::uint64_t kKey = 0x1234'5678'9ABC'DEF0;

TEST(RegionShare, BeginsAloneWithAnEqualShare) {
  const RegionShare share(7, 4);
  EXPECT_EQ(share.seed(), 7U);
  EXPECT_EQ(share.terms_of(kKey).share, RegionShare::kWhole / 4);
  EXPECT_EQ(share.terms_of(kKey).grade, Grade::alone);
}

TEST(RegionShare, AColdKeyBecomesHotWhenItPressesAndIsCountedFromThenOn) {
  RegionShare share(7, 2);
  share.lease_with(2);
  share.note(kKey, share.terms_of(kKey), false);
  EXPECT_EQ(share.terms_of(kKey).hot, nullptr);
  share.note(kKey, share.terms_of(kKey), true);
  const RegionShare::Terms terms = share.terms_of(kKey);
  ASSERT_NE(terms.hot, nullptr);
  EXPECT_EQ(terms.grade, Grade::cold) << "until there is a lease";
  EXPECT_EQ(terms.share, RegionShare::kWhole / 2);
  share.note(kKey, terms, false);
  EXPECT_EQ(terms.hot->asked, 2U);
  terms.hot->share = 3000;
  EXPECT_EQ(share.terms_of(kKey).share, 3000U);
  EXPECT_EQ(share.terms_of(kKey).grade, Grade::leased);
}

TEST(RegionShare, TheOnlyEdgeHasTheWholeLimitAndNothingToLease) {
  RegionShare share(7, 1);
  share.lease_with(1);
  share.note(kKey, share.terms_of(kKey), true);
  EXPECT_EQ(share.terms_of(kKey).hot, nullptr);
  EXPECT_EQ(share.terms_of(kKey).share, RegionShare::kWhole);
}

TEST(RegionShare, ALeaseDoesNotCountForWhoStandsAlone) {
  RegionShare share(7, 2);
  share.lease_with(2);
  share.heat(kKey)->share = 4096;
  share.stand_alone(2);
  EXPECT_EQ(share.terms_of(kKey).share, RegionShare::kWhole / 2);
  EXPECT_EQ(share.terms_of(kKey).grade, Grade::alone);
}

TEST(RegionShare, AKeyWithoutRoomStaysColdAndIsCounted) {
  RegionShare share(7, 2);
  share.lease_with(2);
  // One line: the same bits choose it.
  for (std::uint64_t key = 1; key <= 4; ++key) share.note(key, share.terms_of(key), true);
  EXPECT_EQ(share.crowded(), 0U);
  share.note(5, share.terms_of(5), true);
  EXPECT_EQ(share.crowded(), 1U);
  EXPECT_EQ(share.terms_of(5).hot, nullptr);
  RegionShare::cool(*share.terms_of(2).hot);
  share.note(5, share.terms_of(5), true);
  EXPECT_NE(share.terms_of(5).hot, nullptr);
}

TEST(RegionShare, AnotherSeedForgetsTheHotKeys) {
  RegionShare share(7, 2);
  share.lease_with(2);
  share.heat(kKey)->share = 100;
  share.use_seed(7);
  EXPECT_NE(share.terms_of(kKey).hot, nullptr);
  share.use_seed(8);
  EXPECT_EQ(share.seed(), 8U);
  EXPECT_EQ(share.terms_of(kKey).hot, nullptr);
}

TEST(RegionShare, AnEqualShareIsNeverNothing) {
  RegionShare share(7, 1'000'000);
  EXPECT_EQ(share.equal_share(), 1U);
  share.lease_with(0);
  EXPECT_EQ(share.equal_share(), RegionShare::kWhole);
}

}  // namespace
}  // namespace edge::region_share_test
