// What a probe takes for the same target, when it is next, and what becomes of its place in the set.
#include "shared/serve/probe/probe.h"

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/probe/prober.h"
#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_peer.h"

namespace shared::probe_test {
namespace {

using test::run_until;
using test::TestPeer;

constexpr seconds kNever{3600};

class ProbeTest : public ::testing::Test {
 protected:
  ProbeTest() {
    ProberSettings settings;
    settings.stall_threshold = seconds(60);
    prober_ = Prober::make(loop_, settings, [this](const ProbeReport& report) { seen_.push_back(report.id); });
  }

  ProbeTarget target(std::uint32_t id = 0) const {
    ProbeTarget out;
    out.id = ProbeTargetId{id};
    out.name = "peer";
    out.endpoint = peer_.endpoint();
    out.host = "www.example.com";
    out.path = "/" + std::to_string(id);
    out.interval = kNever;
    out.timeout = seconds(20);
    return out;
  }
  bool reports(std::size_t count) {
    return run_until(loop_, [&] { return seen_.size() >= count; });
  }

  Loop loop_{kOneThread};
  TestPeer peer_{loop_};
  std::vector<ProbeTargetId> seen_;
  std::unique_ptr<Prober> prober_;
};

// A reload that changes any of it is seen at once, and not when the interval of before is over.
TEST_F(ProbeTest, WhoDiffersInMoreThanItsNameIsProbedAnew) {
  TestPeer other(loop_);
  peer_.use_tls("www.example.com");
  other.use_tls("www.example.com");
  ProbeTarget base = target();
  base.tls.emplace();
  base.tls->verify = false;
  const std::vector<std::pair<const char*, std::function<void(ProbeTarget&)>>> changes = {
      {"endpoint", [&](ProbeTarget& one) { one.endpoint = other.endpoint(); }},
      {"kind", [](ProbeTarget& one) { one.kind = ProbeKind::tcp; }},
      {"host", [](ProbeTarget& one) { one.host = "other.example.com"; }},
      {"path", [](ProbeTarget& one) { one.path = "/other"; }},
      {"service", [](ProbeTarget& one) { one.service = "shop.Cart"; }},
      {"interval", [](ProbeTarget& one) { one.interval += seconds(1); }},
      {"timeout", [](ProbeTarget& one) { one.timeout += seconds(1); }},
      {"expected", [](ProbeTarget& one) { one.expected.last = 299; }},
      {"body_kept", [](ProbeTarget& one) { ++one.body_kept; }},
      {"jitter", [](ProbeTarget& one) { one.jitter = 0.2; }},
      {"tls", [](ProbeTarget& one) { one.tls->verify = true; }},
      {"greeting", [](ProbeTarget& one) { one.greeting = "PROXY UNKNOWN\r\n"; }},
  };
  prober_->set_targets({base});
  ASSERT_TRUE(reports(1));
  for (const auto& [field, change] : changes) {
    ProbeTarget changed = base;
    change(changed);
    for (const ProbeTarget& next : {changed, base}) {
      const std::size_t before = seen_.size();
      prober_->set_targets({next});
      EXPECT_TRUE(reports(before + 1)) << field;
    }
  }
}

TEST_F(ProbeTest, AnIntervalIsShorterByItsJitterAtMostAndNeverLonger) {
  for (const double jitter : {0.0, 0.5}) {
    std::vector<ProbeTarget> targets;
    for (std::uint32_t i = 0; i < 20; ++i) {
      targets.push_back(target(i));
      targets.back().jitter = jitter;
    }
    seen_.clear();
    const TimePoint begin = Clock::now();
    prober_->set_targets(targets);
    ASSERT_TRUE(reports(targets.size()));
    const TimePoint end = Clock::now();
    std::set<seconds> intervals;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const auto next = prober_->next_round(i);
      ASSERT_TRUE(next) << "it waits";
      EXPECT_GE(*next, begin + (jitter == 0 ? kNever : kNever / 2));
      EXPECT_LE(*next, end + kNever);
      intervals.insert(std::chrono::floor<seconds>(*next - end));
    }
    EXPECT_EQ(intervals.size() > 5, jitter > 0) << "with it they do not go in step";
  }
}

TEST_F(ProbeTest, WhileItIsAskedThereIsNoNextRound) {
  peer_.script = [](const std::string&) { return std::nullopt; };
  prober_->set_targets({target()});
  EXPECT_TRUE(prober_->next_round(0)) << "it has not begun";
  ASSERT_TRUE(run_until(loop_, [&] { return !peer_.requests.empty(); }));
  EXPECT_FALSE(prober_->next_round(0));
}

// Some go and others come into their places, or behind the last: nothing else is probed.
TEST_F(ProbeTest, PlacesAreFilledAgain) {
  prober_->set_targets({target(0), target(1), target(2)});
  ASSERT_TRUE(reports(3));
  const std::array gone = {ProbeTargetId{1}, ProbeTargetId{2}};
  prober_->change_targets(gone, {});
  EXPECT_TRUE(run_until(loop_, [&] { return peer_.ended == 2; })) << "their connections are closed";
  seen_.clear();
  peer_.requests.clear();
  prober_->change_targets({}, {target(2), target(1), target(3)});
  ASSERT_TRUE(reports(3));
  EXPECT_EQ(std::set<ProbeTargetId>(seen_.begin(), seen_.end()),
            (std::set{ProbeTargetId{1}, ProbeTargetId{2}, ProbeTargetId{3}}));
  EXPECT_EQ(peer_.requests.size(), 3U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(prober_->next_round(i)) << i;
  prober_->set_targets({target(3)});
  EXPECT_TRUE(run_until(loop_, [&] { return peer_.ended == 5; }));
  EXPECT_EQ(seen_.size(), 3U) << "the one that stays is not probed anew";
}

}  // namespace
}  // namespace shared::probe_test
