#include "dns/core/steer/answer_sets.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/dns_world.h"

namespace dns::answer_sets_test {
namespace {

constexpr PolicyNameId kWww{0};
constexpr PolicyNameId kFlat{4};

class AnswerSetsTest : public testing::Test {
 protected:
  AnswerSetsTest() { test::add_steering(snapshot_); }

  [[nodiscard]] const PolicyTables& tables() const { return *snapshot_.policies; }
  [[nodiscard]] const AnswerSets& sets() const { return *snapshot_.answers; }

  Snapshot snapshot_;
};

TEST_F(AnswerSetsTest, EachWindowIsASetOfItsType) {
  const std::size_t profile = tables().profile_of(kWww);
  for (const AddressType type : {AddressType::a, AddressType::aaaa}) {
    const AnswerSets::Slot& slot = sets().slot(profile, type, 0);
    ASSERT_EQ(sets().candidates(slot).size(), 1U);
    const AnswerSets::Ring ring = sets().candidates(slot).front().ring;
    ASSERT_EQ(ring.edges, 1);
    const Rrset rrset = sets().window(ring, type, 0, 1);
    EXPECT_EQ(rrset.type, rr_type_of(type));
    EXPECT_EQ(rrset.count, 1);
    EXPECT_EQ(rrset.wire.size(), AnswerSets::rr_size(type));
    EXPECT_EQ(rrset.ttl(), 60U);
  }
}

TEST_F(AnswerSetsTest, WhenNothingCanServeAllEdgesAreOneCandidate) {
  HealthView health = sets().health();
  for (auto& region : health.regions) std::ranges::fill(region.edges, EdgeState::down);
  const auto next = sets().with_health(tables(), health);
  const std::size_t profile = tables().profile_of(kWww);
  const AnswerSets::Slot& first = next->slot(profile, AddressType::a, 0);
  ASSERT_EQ(first.verdict, AnswerSets::Verdict::all_down_answer_all);
  ASSERT_EQ(next->candidates(first).size(), 1U) << "what follows is another slot's";
  EXPECT_TRUE(next->candidates(first).front().usable);
  EXPECT_GT(next->candidates(first).front().ring.edges, 1);
}

TEST_F(AnswerSetsTest, AChangeOfHealthLeavesAliasesWhereTheyAre) {
  HealthView health = sets().health();
  health.regions[0].pressure = true;
  const auto next = sets().with_health(tables(), health);
  const auto& profile = tables().profiles()[tables().profile_of(kFlat)];
  EXPECT_EQ(&next->alias(profile), &sets().alias(profile));
  EXPECT_EQ(sets().ttl_in_force(tables(), kWww).lowest, 60U);
  EXPECT_EQ(next->ttl_in_force(tables(), kWww).lowest, 10U);
  EXPECT_EQ(next->ttl_in_force(tables(), kFlat).lowest, sets().ttl_in_force(tables(), kFlat).lowest);
}

TEST_F(AnswerSetsTest, NothingIsMadeWhereNoClientCouldTell) {
  const AliasView known = sets().aliases();
  EXPECT_EQ(sets().with_aliases(tables(), {{.number = 0, .known = known.targets[0]}}), nullptr);
  AliasChange change{.number = 0, .known = known.targets[0]};
  change.known[0].addresses.pop_back();
  const auto next = sets().with_aliases(tables(), {change});
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->aliases().targets[0][0].addresses.size(), 1U);
}

}  // namespace
}  // namespace dns::answer_sets_test
