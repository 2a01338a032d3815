#include "dns/serve/control/alias_control.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "tests/shared/serve/resolve/fake_lookups.h"
#include "tests/shared/serve/run_until.h"
#include "tests/support/dns_world.h"

namespace dns {
namespace {

using shared::ResolveFamily;
using shared::test::run_until;
using State = AliasAnswer::State;

constexpr const char* kTarget = "target.example.org.";

// Two ALIAS names of one target.
class AliasControlTest : public ::testing::Test {
 protected:
  AliasControlTest() { test::add_steering(snapshot_); }

  bool answer(ResolveFamily family, const std::vector<std::string>& addresses) {
    return lookups_.answer(kTarget, family, addresses, shared::seconds(20));
  }
  // What has been told since, of the first name.
  bool told() {
    return run_until(loop_, [&] { return !changes_.empty(); });
  }

  shared::Loop loop_{shared::kOneThread};
  shared::StateWriter writer_{loop_, nullptr};
  Snapshot snapshot_;
  shared::NameFollower names_{loop_, {.min_ttl = shared::milliseconds(10), .retry_first = shared::milliseconds(5)}};
  shared::test::FakeLookups lookups_{names_};
  std::vector<AliasChange> changes_;
  int tellings_ = 0;
  AliasControl aliases_{loop_, names_, writer_, nullptr, [this](const std::vector<AliasChange>& changes) {
                          ++tellings_;
                          changes_ = changes;
                        }};
};

TEST_F(AliasControlTest, EachTypeOfATargetIsAskedForOnce) {
  const AliasView view = aliases_.adopt(*snapshot_.policies);
  ASSERT_EQ(view.targets.size(), 2U);
  EXPECT_EQ(view.targets[0][0].state, State::unknown);
  EXPECT_EQ(lookups_.asked.size(), 2U);
}

TEST_F(AliasControlTest, WhatIsLearntIsToldTogether) {
  aliases_.adopt(*snapshot_.policies);
  ASSERT_TRUE(answer(ResolveFamily::ipv4, {"192.0.2.1"}));
  ASSERT_TRUE(answer(ResolveFamily::ipv6, {}));
  ASSERT_TRUE(told());
  EXPECT_EQ(tellings_, 1);
  ASSERT_EQ(changes_.size(), 2U);
  EXPECT_EQ(changes_[0].known[0], (AliasAnswer{State::fresh, {*shared::IpAddress::parse("192.0.2.1")}, 20}));
  EXPECT_EQ(changes_[0].known[1], (AliasAnswer{State::fresh, {}, 20}));
}

TEST_F(AliasControlTest, TheLastGoodAnswerStaysThroughFailures) {
  aliases_.adopt(*snapshot_.policies);
  ASSERT_TRUE(answer(ResolveFamily::ipv4, {"192.0.2.1"}));
  ASSERT_TRUE(told());
  const AliasView again = aliases_.adopt(*snapshot_.policies);  // as a reload does: nothing is asked anew
  EXPECT_EQ(again.targets[0][0].state, State::fresh);
  EXPECT_EQ(lookups_.asked.size(), 1U);
  changes_.clear();
  ASSERT_TRUE(lookups_.end(kTarget, ResolveFamily::ipv6, shared::fail("SERVFAIL")));
  ASSERT_TRUE(run_until(loop_, [&] { return !lookups_.asked.empty(); }));
  ASSERT_TRUE(answer(ResolveFamily::ipv6, {"2001:db8::1"}));
  ASSERT_TRUE(told());
  EXPECT_EQ(changes_[0].known[0].state, State::fresh);
  EXPECT_EQ(changes_[0].known[1].addresses.size(), 1U);
  const auto reports = aliases_.reports();
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[1].lookups, 2U);
  EXPECT_EQ(reports[1].failures, 1U);
  EXPECT_EQ(reports[1].reason, "");
}

// The first of a row, with what is answered meanwhile; the reason stays until the row is over.
TEST_F(AliasControlTest, ARowOfFailuresIsToldOnce) {
  const shared::LogCapture log;
  const auto told = [&] {
    return std::ranges::count_if(log.lines(), [](const std::string& line) {
      return line.find("event=alias_lookup_failed") != std::string::npos && line.find("type=A ") != std::string::npos;
    });
  };
  const auto asked = [&] {
    return run_until(loop_, [&] { return lookups_.asked.contains({kTarget, ResolveFamily::ipv4}); });
  };
  aliases_.adopt(*snapshot_.policies);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(asked());
    ASSERT_TRUE(lookups_.end(kTarget, ResolveFamily::ipv4, shared::fail("SERVFAIL")));
    EXPECT_EQ(told(), 1);
    EXPECT_EQ(aliases_.reports()[0].reason, "SERVFAIL");
  }
  ASSERT_TRUE(asked());
  ASSERT_TRUE(lookups_.answer(kTarget, ResolveFamily::ipv4, {"192.0.2.1"}, shared::seconds(0)));
  EXPECT_EQ(aliases_.reports()[0].reason, "");
  EXPECT_EQ(told(), 1);
  ASSERT_TRUE(asked());
  ASSERT_TRUE(lookups_.end(kTarget, ResolveFamily::ipv4, shared::fail("REFUSED")));
  EXPECT_EQ(told(), 2) << "another row";
  EXPECT_EQ(aliases_.reports()[0].reason, "REFUSED");
  EXPECT_EQ(aliases_.reports()[0].answer.state, State::stale);
}

}  // namespace
}  // namespace dns
