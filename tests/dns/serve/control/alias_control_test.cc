#include "dns/serve/control/alias_control.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "tests/shared/serve/resolve/fake_lookups.h"
#include "tests/shared/serve/run_until.h"
#include "tests/support/dns_world.h"

namespace dns::alias_control_test {
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

// What is learnt is written, and a process that comes later answers with it until it has looked for itself.
TEST_F(AliasControlTest, WhatWasLearntOutlivesARestart) {
  const shared::LogCapture log;
  const auto folder = std::filesystem::path(testing::TempDir()) / ("alias_state_" + std::to_string(::getpid()));
  const auto state = shared::StateDirectory::open(folder.string());
  ASSERT_TRUE(state) << state.error().message;
  shared::StateWriter writer(loop_, &*state);
  std::vector<AliasChange> changes;
  const auto hear = [&](const std::vector<AliasChange>& heard) { changes = heard; };
  const auto text = [&] { return state->read(kAliasesFile)->value_or(""); };
  {
    AliasControl first(loop_, names_, writer, &*state, hear);
    first.adopt(*snapshot_.policies);
    ASSERT_TRUE(answer(ResolveFamily::ipv4, {"192.0.2.1"}));
    ASSERT_TRUE(run_until(loop_, [&] { return text().find("192.0.2.1") != std::string::npos; }));
    EXPECT_EQ(text().find("AAAA"), std::string::npos) << "of that nothing is known";
    ASSERT_TRUE(answer(ResolveFamily::ipv6, {"2001:db8::1"}));
    ASSERT_TRUE(run_until(loop_, [&] { return text().find("2001:db8::1") != std::string::npos; }));
  }
  lookups_.asked.clear();
  {
    AliasControl second(loop_, names_, writer, &*state, hear);
    const AliasView view = second.adopt(*snapshot_.policies);
    EXPECT_EQ(view.targets[0][0], (AliasAnswer{State::stale, {*shared::IpAddress::parse("192.0.2.1")}, 0}));
    EXPECT_EQ(view.targets[1][1], (AliasAnswer{State::stale, {*shared::IpAddress::parse("2001:db8::1")}, 0}));
    changes.clear();
    ASSERT_TRUE(lookups_.end(kTarget, ResolveFamily::ipv6, shared::fail("SERVFAIL")));
    EXPECT_TRUE(log.contains("type=AAAA reason=SERVFAIL answers=\"the last good ones\""));
    ASSERT_TRUE(answer(ResolveFamily::ipv4, {"192.0.2.1"}));
    ASSERT_TRUE(run_until(loop_, [&] { return !changes.empty(); }));
    EXPECT_EQ(changes[0].known[0].state, State::fresh);
    EXPECT_EQ(changes[0].known[1].state, State::stale);
    second.stop_saving();
    ASSERT_TRUE(run_until(loop_, [&] { return !lookups_.asked.empty(); }));
    ASSERT_TRUE(answer(ResolveFamily::ipv6, {"2001:db8::2"}));
    changes.clear();
    ASSERT_TRUE(run_until(loop_, [&] { return !changes.empty(); }));
    EXPECT_EQ(text().find("2001:db8::2"), std::string::npos) << "the file is a successor's";
  }
  ASSERT_TRUE(state->write(kAliasesFile, "half a te"));
  const AliasControl third(loop_, names_, writer, &*state, hear);
  EXPECT_TRUE(log.contains("event=state_unreadable file=aliases.json"));
  std::filesystem::remove_all(folder);
}

TEST_F(AliasControlTest, OnlyWhatChangesIsToldAndOnlyThenItIsNew) {
  const shared::LogCapture log;
  const auto changed = [&] {
    return std::ranges::count_if(
        log.lines(), [](const std::string& line) { return line.find("event=alias_changed") != std::string::npos; });
  };
  aliases_.adopt(*snapshot_.policies);
  ASSERT_TRUE(lookups_.answer(kTarget, ResolveFamily::ipv4, {"192.0.2.1", "192.0.2.2"}, shared::seconds(0)));
  ASSERT_TRUE(told());
  EXPECT_TRUE(log.contains("event=alias_changed target=target.example.org. type=A addresses=\"192.0.2.1 192.0.2.2\""));
  const auto since = aliases_.reports()[0].since;
  changes_.clear();
  const auto asked = [&] {
    return run_until(loop_, [&] { return lookups_.asked.contains({kTarget, ResolveFamily::ipv4}); });
  };
  ASSERT_TRUE(asked());
  ASSERT_TRUE(lookups_.answer(kTarget, ResolveFamily::ipv4, {"192.0.2.1", "192.0.2.2"}, shared::seconds(0)));
  ASSERT_TRUE(asked());
  EXPECT_TRUE(changes_.empty()) << "no client could tell";
  ASSERT_TRUE(lookups_.answer(kTarget, ResolveFamily::ipv4, {"192.0.2.1", "192.0.2.2"}, shared::seconds(30)));
  ASSERT_TRUE(told());
  EXPECT_EQ(changes_[0].known[0].ttl, 30U);
  EXPECT_EQ(changed(), 1) << "of the TTL alone the log says nothing";
  EXPECT_EQ(aliases_.reports()[0].since, since);
}

}  // namespace
}  // namespace dns::alias_control_test
