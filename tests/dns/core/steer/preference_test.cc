#include "dns/core/steer/preference.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dns::preference_test {
namespace {

using shared::IpAddress;
using shared::Prefix;
using Source = PolicyEvaluator::Source;

Element only(std::uint16_t region) { return {Member{RegionId{region}, 1}}; }

std::vector<Region> regions() { return {{"a", {}, {}}, {"b", {}, {}}, {"c", {}, {}}, {"d", {}, {}}}; }

Policy policy_of(std::vector<Step> steps) { return {"p", std::move(steps), {}}; }

// Rows nest; the most specific one counts alone, wherever it stands.
TEST(Preference, OfNestedSubnetsTheMostSpecificCountsAlone) {
  std::vector<SubnetRow> rows = {{*Prefix::parse("10.0.0.0/8"), {only(0)}, {}},
                                 {*Prefix::parse("10.1.0.0/16"), {only(1)}, {}},
                                 {*Prefix::parse("10.1.2.0/24"), {only(2)}, {}}};
  const auto regions = preference_test::regions();
  std::ranges::sort(rows, {}, [](const SubnetRow& row) { return row.prefix.length; });
  do {
    for (const Source source : {Source::subnet, Source::resolver}) {
      const Policy policy = policy_of({{SubnetsStep{rows}, {}}, {FailoverStep{{only(3)}}, {}}});
      PolicyEvaluator evaluator(policy, regions);
      const auto order = [&](const char* address) {
        Picks picks = evaluator.picks_of({});
        evaluator.add_address_picks(picks, *IpAddress::parse(address), source, 0);
        return to_string(evaluator.prefer(picks).order, regions);
      };
      EXPECT_EQ(order("10.1.2.3"), "[c, d]");
      EXPECT_EQ(order("10.1.3.3"), "[b, d]");
      EXPECT_EQ(order("10.2.2.3"), "[a, d]");
      EXPECT_EQ(order("11.1.2.3"), "[d]");
    }
  } while (std::ranges::next_permutation(rows, {}, [](const SubnetRow& row) { return row.prefix.length; }).found);
}

TEST(Preference, OfNestedPlacesTheMostSpecificCountsAlone) {
  std::vector<GeoRow> rows = {{*GeoCode::parse("NA"), {only(0)}, {}},
                              {*GeoCode::parse("NA-US"), {only(1)}, {}},
                              {*GeoCode::parse("NA-US-CA"), {only(2)}, {}}};
  const auto regions = preference_test::regions();
  do {
    const Policy policy = policy_of({{GeoStep{rows}, {}}, {FailoverStep{{only(3)}}, {}}});
    PolicyEvaluator evaluator(policy, regions);
    const auto order = [&](const char* place) {
      return to_string(evaluator.prefer(evaluator.picks_of({*GeoCode::parse(place), {}, 0})).order, regions);
    };
    EXPECT_EQ(order("NA-US-CA"), "[c, d]");
    EXPECT_EQ(order("NA-US-C"), "[b, d]");
    EXPECT_EQ(order("NA-US"), "[b, d]");
    EXPECT_EQ(order("NA-CA"), "[a, d]");
    EXPECT_EQ(order("EU"), "[d]");
  } while (std::ranges::next_permutation(rows, {}, [](const GeoRow& row) { return row.code.parts(); }).found);
}

// A fence of a place inside another is not narrowed by the outer one: it stands in its place.
TEST(Preference, OfNestedFencesTheMostSpecificCountsAlone) {
  const auto regions = preference_test::regions();
  std::vector<FenceRow> rows = {{*GeoCode::parse("EU"), {RegionId{0}, RegionId{1}}, {}},
                                {*GeoCode::parse("EU-DE"), {RegionId{2}}, {}}};
  for (int turn = 0; turn < 2; ++turn, std::ranges::reverse(rows)) {
    const Policy policy = policy_of({{FenceStep{rows}, {}}, {FailoverStep{{only(0), only(1), only(2), only(3)}}, {}}});
    PolicyEvaluator evaluator(policy, regions);
    const auto order = [&](const char* place) {
      return to_string(evaluator.prefer(evaluator.picks_of({*GeoCode::parse(place), {}, 0})).order, regions);
    };
    EXPECT_EQ(order("EU-DE"), "[c]");
    EXPECT_EQ(order("EU-FR"), "[a, b]");
    EXPECT_EQ(order("NA"), "[a, b, c, d]");
  }
}

TEST(Preference, ResolversCountForWhoAsksWithoutASubnetOnly) {
  const auto regions = preference_test::regions();
  const Policy policy =
      policy_of({{ResolversStep{{{*Prefix::parse("10.0.0.0/8"), {only(1)}, {}}}}, {}}, {FailoverStep{{only(0)}}, {}}});
  PolicyEvaluator evaluator(policy, regions);
  for (const Source source : {Source::subnet, Source::resolver}) {
    Picks picks = evaluator.picks_of({});
    evaluator.add_address_picks(picks, *IpAddress::parse("10.1.2.3"), source, 0);
    EXPECT_EQ(to_string(evaluator.prefer(picks).order, regions), source == Source::resolver ? "[b, a]" : "[a]");
  }
}

TEST(Preference, ARegionIsWhereItIsMentionedFirst) {
  const auto regions = preference_test::regions();
  const Element group = {Member{RegionId{0}, 3}, Member{RegionId{1}, 1}, Member{RegionId{2}, 2}};
  const Policy policy = policy_of({{FailoverStep{{only(1)}}, {}}, {FailoverStep{{group, only(3), only(1)}}, {}}});
  PolicyEvaluator evaluator(policy, regions);
  const Preference preference = evaluator.prefer(evaluator.picks_of({}));
  EXPECT_EQ(to_string(preference.order, regions), "[b, {a: 3, c: 2}, d]");
  EXPECT_EQ(preference.added, (std::vector<bool>{true, true}));
}

}  // namespace
}  // namespace dns::preference_test
