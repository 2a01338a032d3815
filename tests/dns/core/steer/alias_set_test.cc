#include "dns/core/steer/alias_set.h"

#include <gtest/gtest.h>

#include "dns/core/steer/answer_sets.h"

namespace dns::alias_set_test {
namespace {

[[nodiscard]] std::array<AliasAnswer, 2> known(AliasAnswer::State state, std::uint32_t ttl) {
  return {AliasAnswer{state, {shared::IpAddress::v4(1), shared::IpAddress::v4(2)}, ttl}, AliasAnswer{state, {}, ttl}};
}

[[nodiscard]] PolicyTables::Profile profile() {
  PolicyTables::Profile out;
  out.ttl_min = 10;
  out.ttl_max = 60;
  return out;
}

TEST(AliasSet, KeepsTheTargetsTtlWithinTheNamesBounds) {
  for (const auto& [said, carried] :
       std::initializer_list<std::pair<unsigned, unsigned>>{{5, 10}, {30, 30}, {90, 60}}) {
    const auto set = make_alias_set(profile(), known(AliasAnswer::State::fresh, said));
    EXPECT_EQ(set->of(AddressType::a).ttl, carried);
    EXPECT_EQ(set->of(AddressType::a).rrs.size(), 2 * AnswerSets::rr_size(AddressType::a));
    EXPECT_TRUE(set->of(AddressType::aaaa).rrs.empty());
  }
  EXPECT_EQ(make_alias_set(profile(), known(AliasAnswer::State::stale, 90))->of(AddressType::a).ttl, 10U);
}

TEST(AliasSet, IsAnotherOnlyIfAClientCouldTell) {
  const auto first = make_alias_set(profile(), known(AliasAnswer::State::fresh, 90));
  EXPECT_TRUE(same_answers(*first, *make_alias_set(profile(), known(AliasAnswer::State::fresh, 120))));
  EXPECT_FALSE(same_answers(*first, *make_alias_set(profile(), known(AliasAnswer::State::fresh, 20))));
  EXPECT_FALSE(same_answers(*first, *make_alias_set(profile(), known(AliasAnswer::State::unknown, 90))));
}

}  // namespace
}  // namespace dns::alias_set_test
