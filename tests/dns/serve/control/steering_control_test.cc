#include "dns/serve/control/steering_control.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/load/world/world.h"
#include "shared/core/edge_report.h"
#include "shared/serve/os/log.h"
#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_peer.h"

namespace dns::steering_control_test {
namespace {

using shared::Clock;
using shared::HealthState;
using shared::seconds;
using shared::test::run_for;
using shared::test::run_until;
using shared::test::TestPeer;
using testing::HasSubstr;

using States = std::vector<EdgeState>;

constexpr EdgeId kFirst{RegionId{0}, 0};   // 127.0.0.1, where peer_ is
constexpr EdgeId kSecond{RegionId{1}, 0};  // 127.0.0.2, where nobody listens
// Nothing is probed a second time unless the test says so.
constexpr const char* kOnce = "interval: 1h, timeout: 20s";
// A probe that is late by more than the prober takes for a stall of this machine is not counted.
constexpr const char* kOften = "interval: 300ms, timeout: 300ms";

// Steering alone, on a loop of the test's: one edge that is here and one that refuses, unless the test says otherwise.
class SteeringControlTest : public testing::Test {
 protected:
  SteeringControlTest()
      : folder_(std::filesystem::path(testing::TempDir()) / ("steering_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "zone") << "$TTL 60\n@ SOA ns host 5 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n";
    state_.emplace(std::move(*shared::StateDirectory::open((folder_ / "state").string())));
    peer_.script = [this](const std::string&) { return page_; };
    make();
  }
  ~SteeringControlTest() override {
    steering_.reset();
    writer_.reset();
    builder_.stop();
    std::filesystem::remove_all(folder_);
  }

  // As after a restart of the process.
  void make() {
    steering_.reset();
    writer_ = std::make_unique<shared::StateWriter>(loop_, &*state_);
    SteeringControl::Hooks hooks;
    hooks.publish = [this](const std::shared_ptr<const AnswerSets>&) { ++published_; };
    hooks.ready = [this] { ++ready_; };
    steering_ = std::make_unique<SteeringControl>(loop_, builder_, *writer_, &*state_, std::move(hooks));
    ready_ = 0;
    published_ = 0;
  }

  // Nobody is to be heard but one edge, and that one only if page_ says something.
  static constexpr const char* kOneEdge = "one: {edges: [127.0.0.1]}, two: {cname: shop.cdn.example}";
  static constexpr const char* kRegions = "one: {edges: [127.0.0.1]}, two: {edges: [127.0.0.2]}";

  World world_of(const std::string& probe = kOnce, const std::string& health = "start_wait: 30s",
                 const std::string& regions = kRegions) const {
    const std::string file = (folder_ / "config.yaml").string();
    std::ofstream(file) << "service: test\nregions: {" + regions + "}\nhealth: {" + health + ", edge: {kind: " + kind_ +
                               ", port: " + std::to_string(peer_.endpoint().port) + ", " + probe +
                               "}}\ndns:\n  listen: \"127.0.0.1:0\"\n  zones: {example.com: zone}\n"
                               "  policies: {all: [{failover: [one, two]}]}\n"
                               "  names:\n    www.example.com: {policy: all, ttl: {min: 1s, max: " +
                               www_ttl_ +
                               "}}\n"
                               "    long.example.com: {policy: all, ttl: {min: 1s, max: " +
                               long_ttl_ +
                               "}}\n"
                               "    alias.example.com: {alias: edges.example.net, ttl: {min: 5s, max: 900s}}\n";
    shared::load::Diagnostics diagnostics;
    auto world = load_world(file, diagnostics);
    EXPECT_TRUE(world) << diagnostics.render();
    return world ? std::move(*world) : World{};
  }
  void start(const World& world) { ASSERT_TRUE(steering_->start(world.policies, world.common)); }
  void reload(const World& world) { steering_->reload(world.policies, world.common); }

  // A region that is somebody else's: its probe may go where one of ours goes.
  std::string platform_at(const std::string& address) const {
    return "{cname: shop.cdn.example, probe: {addresses: [" + address +
           "], kind: tcp, interval: 1h, timeout: 20s, port: " + std::to_string(peer_.endpoint().port) + "}}";
  }

  bool until(const std::function<bool()>& condition) { return run_until(loop_, condition); }
  HealthState probed(EdgeId edge) const { return steering_->health().probed(edge); }
  // What the answers go by.
  States shown(RegionId region) const { return steering_->answers()->health().regions[index_of(region)].edges; }
  std::string read(const char* name) const {
    std::ifstream file(folder_ / "state" / name);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void remember(const char* name, const std::string& text) const { std::ofstream(folder_ / "state" / name) << text; }
  std::size_t told(const std::string& what) const {
    const auto lines = log_.lines();
    return static_cast<std::size_t>(
        std::ranges::count_if(lines, [&](const std::string& line) { return line.find(what) != std::string::npos; }));
  }

  shared::LogCapture log_;
  std::filesystem::path folder_;
  shared::Loop loop_{shared::kOneThread};
  TestPeer peer_{loop_};
  std::optional<std::string> page_ = shared::test::ok_answer();
  std::string kind_ = "http";
  std::string www_ttl_ = "40s";
  std::string long_ttl_ = "70s";
  std::optional<shared::StateDirectory> state_;
  shared::Builder builder_;
  std::unique_ptr<shared::StateWriter> writer_;
  std::unique_ptr<SteeringControl> steering_;
  int ready_ = 0;
  int published_ = 0;
};

TEST_F(SteeringControlTest, FirstAnswersWaitUntilEachEdgeIsKnownAndAreAllowedOnce) {
  page_.reset();
  start(world_of());
  ASSERT_TRUE(until([this] { return probed(kSecond) == HealthState::down; }));
  EXPECT_EQ(ready_, 0) << "of one edge nothing is known";
  peer_.end_all(TestPeer::Ending::reset);
  page_ = shared::test::ok_answer();
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  reload(world_of());
  run_for(loop_, std::chrono::milliseconds(20));
  EXPECT_EQ(ready_, 1);
}

TEST_F(SteeringControlTest, FirstAnswersWaitNoLongerThanStartWait) {
  page_.reset();
  start(world_of(kOnce, "start_wait: 50ms"));
  EXPECT_EQ(ready_, 0);
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  EXPECT_EQ(probed(kFirst), HealthState::unknown);
}

TEST_F(SteeringControlTest, WithNothingToProbeNothingIsWaitedFor) {
  start(world_of(kOnce, "start_wait: 30s", "one: {cname: one.cdn.example}, two: {cname: two.cdn.example}"));
  EXPECT_EQ(ready_, 1);
}

// The one edge that was waited for is gone.
TEST_F(SteeringControlTest, AReloadMayBeWhatTheFirstAnswersWaitedFor) {
  page_.reset();
  start(world_of(kOnce, "start_wait: 30s", kOneEdge));
  EXPECT_EQ(ready_, 0);
  reload(world_of(kOnce, "start_wait: 30s", "one: {cname: one.cdn.example}, two: {cname: two.cdn.example}"));
  EXPECT_EQ(ready_, 1);
}

TEST_F(SteeringControlTest, ProbesWhatIsWrittenWhereItIsWritten) {
  start(world_of("host: shop.example, path: /well, interval: 1h, timeout: 20s"));
  ASSERT_TRUE(until([this] { return !peer_.requests.empty(); }));
  EXPECT_THAT(peer_.requests.front(), testing::StartsWith("GET /well HTTP/1.1\r\nHost: shop.example\r\n"));
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  EXPECT_EQ(steering_->notes(kFirst).probes, 1U);
  EXPECT_EQ(steering_->notes(kFirst).failures, 0U);
  EXPECT_GT(steering_->notes(kFirst).round_trip, shared::Duration::zero());
  EXPECT_EQ(steering_->notes(kSecond).failures, 1U);
  EXPECT_EQ(steering_->notes(kSecond).reason, "connection refused");
  EXPECT_EQ(peer_.requests.size(), 1U);
}

// Of all that is probed the slowest: only then silence of all is silence of all.
TEST_F(SteeringControlTest, SettingsAreThoseOfTheConfiguration) {
  start(world_of("fall: 4, rise: 3, hold_down: 7s, hold_down_max: 90s, interval: 2s, timeout: 1s",
                 "start_wait: 3s, isolation_hold: 11s"));
  const RegionHealthSettings& settings = steering_->health().settings();
  EXPECT_EQ(settings.edge.fall, 4);
  EXPECT_EQ(settings.edge.rise, 3);
  EXPECT_EQ(settings.start_wait, seconds(3));
  EXPECT_EQ(settings.isolation_hold, seconds(11));
  EXPECT_EQ(settings.isolation_window, seconds(4 * 2 + 1));
  EXPECT_EQ(settings.hold_down.first, seconds(7));
  EXPECT_EQ(settings.hold_down.longest, seconds(90));
  EXPECT_EQ(settings.drain_settles, seconds(70)) << "of policy names: an alias knows no drain";
  reload(world_of("interval: 2s, timeout: 1s", "isolation_hold: 12s",
                  std::string(kRegions) + ", cdn: {cname: shop.cdn.example, probe: {addresses: [127.0.0.1], "
                                          "interval: 20s, timeout: 5s}}"));
  EXPECT_EQ(steering_->health().settings().isolation_window, seconds(3 * 20 + 5));
  EXPECT_EQ(steering_->health().settings().isolation_hold, seconds(12));
  EXPECT_EQ(steering_->health().settings().hold_down.first, seconds(5));
}

TEST_F(SteeringControlTest, WhatAnEdgeSaysAndWhatItIsAreToldOnce) {
  start(world_of(kOften));
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  EXPECT_EQ(told("event=edge_state region=one edge=127.0.0.1 state=up"), 1U);
  EXPECT_EQ(told("event=edge_state region=two edge=127.0.0.2 state=down reason=\"connection refused"), 1U);
  const int before = published_;
  shared::EdgeReport report;
  report.state = shared::EdgeReport::State::draining;
  for (int i = 0; i < 60; ++i) report.pools.push_back({std::string(100, 'p') + std::to_string(i), 2, 1});
  ASSERT_GT(shared::write(report).size(), 4096U) << "more than a probe keeps of other pages";
  page_ = shared::test::ok_answer(shared::write(report));
  ASSERT_TRUE(until([this] { return shown(RegionId{0}) == States{EdgeState::drained}; }));
  EXPECT_EQ(published_, before + 1);
  EXPECT_EQ(steering_->notes(kFirst).reason, "draining");
  EXPECT_EQ(probed(kFirst), HealthState::up) << "it answers";
  const auto probes = steering_->notes(kFirst).probes;
  ASSERT_TRUE(until([&] { return steering_->notes(kFirst).probes > probes + 2; }));
  EXPECT_EQ(told("event=edge_state region=one edge=127.0.0.1 state=draining"), 1U);
  page_ = shared::test::ok_answer();
  ASSERT_TRUE(until([this] { return shown(RegionId{0}) == States{EdgeState::up}; }));
  EXPECT_EQ(told("event=edge_state region=one edge=127.0.0.1 state=up"), 2U);
  EXPECT_EQ(steering_->notes(kFirst).reason, "");
}

TEST_F(SteeringControlTest, AFallIsNotedWithItsReasonAndTime) {
  start(world_of(std::string("fall: 2, ") + kOften));
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  const auto up_since = steering_->notes(kFirst).since;
  EXPECT_EQ(steering_->notes(kFirst).fell_because, "");
  page_ = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
  ASSERT_TRUE(until([this] { return probed(kFirst) == HealthState::down; }));
  EXPECT_EQ(steering_->notes(kFirst).fell_because, "status 503");
  EXPECT_EQ(steering_->notes(kFirst).fell_at, steering_->notes(kFirst).since);
  EXPECT_GT(steering_->notes(kFirst).since, up_since);
  EXPECT_EQ(steering_->notes(kFirst).failures, 2U);
  const auto fell_at = steering_->notes(kFirst).fell_at;
  page_ = shared::test::ok_answer();
  ASSERT_TRUE(until([this] { return probed(kFirst) == HealthState::up; }));
  EXPECT_EQ(steering_->notes(kFirst).fell_because, "status 503") << "it is remembered";
  EXPECT_EQ(steering_->notes(kFirst).fell_at, fell_at);
  EXPECT_GT(steering_->notes(kFirst).since, fell_at);
  EXPECT_GE(told("event=region_state region=one serves=false"), 1U);
}

TEST_F(SteeringControlTest, BeginsWithWhatItRemembers) {
  const auto now = std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  remember("health.json", R"({"edges":[{"region":"one","address":"127.0.0.1","state":"up"},)"
                          R"({"region":"two","address":"127.0.0.2","state":"down"}]})");
  remember("overrides.json",
           R"({"overrides":[{"region":"two","state":"up","reason":"by hand","since":)" + std::to_string(now - 60) +
               R"(},{"region":"one","edge":"127.0.0.1","state":"drained","reason":"kernel","expires":)" +
               std::to_string(now + 1000) + R"(},{"region":"one","state":"down","reason":"over","expires":)" +
               std::to_string(now - 1) + R"(},{"region":"gone","edge":"127.0.0.1","state":"down","reason":"x"}]})");
  start(world_of());
  EXPECT_EQ(probed(kFirst), HealthState::up);
  EXPECT_EQ(probed(kSecond), HealthState::down);
  EXPECT_EQ(shown(RegionId{0}), States{EdgeState::drained});
  EXPECT_EQ(shown(RegionId{1}), States{EdgeState::up});
  EXPECT_FALSE(steering_->health().override_of(RegionId{0})) << "it was over";
  const auto& edge = steering_->health().override_of(kFirst);
  ASSERT_TRUE(edge && edge->expires);
  EXPECT_EQ(edge->reason, "kernel");
  EXPECT_GT(*edge->expires - Clock::now(), seconds(900));
  EXPECT_LT(*edge->expires - Clock::now(), seconds(1001));
  const auto& region = steering_->health().override_of(RegionId{1});
  ASSERT_TRUE(region && region->since);
  EXPECT_FALSE(region->expires);
  EXPECT_GE(Clock::now() - *region->since, seconds(59));
  EXPECT_LT(Clock::now() - *region->since, seconds(100));
  EXPECT_EQ(told("state_unreadable"), 0U);
  EXPECT_EQ(ready_, 0) << "nothing has been seen yet";
}

// Here no probe comes in between, which would look at the time, too.
TEST_F(SteeringControlTest, AWordThatIsRememberedEndsInTime) {
  const auto now = std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  remember("overrides.json", R"({"overrides":[{"region":"one","state":"down","reason":"by hand","expires":)" +
                                 std::to_string(now + 3) + "}]}");
  page_.reset();
  start(world_of(kOnce, "start_wait: 30s", kOneEdge));
  EXPECT_EQ(shown(RegionId{0}), States{EdgeState::down});
  ASSERT_TRUE(until([this] { return shown(RegionId{0}) == States{EdgeState::unknown}; }));
  EXPECT_EQ(published_, 1);
  EXPECT_TRUE(until([this] { return read("overrides.json").find("by hand") == std::string::npos; }));
}

// A drain is over sooner once answers live shorter: then its region is no longer about to change.
TEST_F(SteeringControlTest, AReloadWaitsForWhatComesSoonerNow) {
  page_.reset();
  start(world_of(kOnce, "start_wait: 30s", kOneEdge));
  const auto pressed = [this] { return steering_->answers()->health().regions[0].pressure; };
  ASSERT_TRUE(steering_->set_override({"127.0.0.1", Override::State::drained, "", std::nullopt}, {}));
  EXPECT_TRUE(pressed());
  www_ttl_ = long_ttl_ = "2s";
  reload(world_of(kOnce, "start_wait: 30s", kOneEdge));
  EXPECT_TRUE(until([&] { return !pressed(); }));
}

TEST_F(SteeringControlTest, WhatIsGoneAfterAReloadIsNotRemembered) {
  start(world_of());
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  ASSERT_TRUE(until([this] { return read("health.json").find("127.0.0.2") != std::string::npos; }));
  reload(world_of(kOnce, "start_wait: 30s", kOneEdge));
  EXPECT_TRUE(until([this] { return read("health.json").find("127.0.0.2") == std::string::npos; }));
}

// An edge of ours is verified as health.edge says; of what is somebody else's the certificate is not ours to judge.
TEST_F(SteeringControlTest, EdgesAreAskedOverTlsAndOnlyOursAreVerified) {
  shared::ClientTls ours;
  ours.verify = true;
  ours.authorities = std::make_shared<const std::string>(peer_.use_tls("edge.example"));
  ours.server_name = "edge.example";
  kind_ = "https";
  const std::string platform =
      "two: {cname: shop.cdn.example, probe: {addresses: [127.0.0.1], kind: https, interval: 1h, timeout: 20s, port: " +
      std::to_string(peer_.endpoint().port) + "}}";
  const World world = world_of(kOnce, "start_wait: 30s", "one: {edges: [127.0.0.1]}, " + platform);
  steering_->trust(ours);
  start(world);
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  EXPECT_EQ(probed(kFirst), HealthState::up) << steering_->notes(kFirst).reason;
  EXPECT_EQ(probed(kSecond), HealthState::up) << steering_->notes(kSecond).reason;
  ours.server_name = "other.example";
  steering_->trust(ours);
  reload(world);
  ASSERT_TRUE(until([this] { return steering_->notes(kFirst).failures == 1; }));
  EXPECT_THAT(steering_->notes(kFirst).reason, HasSubstr("certificate"));
  EXPECT_EQ(steering_->notes(kSecond).probes, 1U) << "of it nothing has changed";
}

TEST_F(SteeringControlTest, WhatCannotBeReadIsSaidAndForgotten) {
  remember("health.json", "half a te");
  remember("overrides.json", R"({"overrides":[{"region":"one","state":"odd"}]})");
  start(world_of());
  EXPECT_EQ(told("event=state_unreadable file=health.json"), 1U);
  EXPECT_EQ(told("event=state_unreadable file=overrides.json"), 1U);
  EXPECT_EQ(probed(kFirst), HealthState::unknown);
  EXPECT_FALSE(steering_->health().override_of(RegionId{0}));
}

TEST_F(SteeringControlTest, WhatIsSaidOutlivesARestart) {
  start(world_of());
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  std::optional<bool> written;
  ASSERT_TRUE(steering_->set_override({"127.0.0.1", Override::State::down, "a word", seconds(500)},
                                      [&](const shared::Result<void>& done) { written = done.has_value(); }));
  EXPECT_EQ(shown(RegionId{0}), States{EdgeState::down}) << "it counts at once";
  ASSERT_TRUE(until([&] { return written.has_value(); }));
  EXPECT_TRUE(*written);
  make();
  start(world_of());
  const auto& word = steering_->health().override_of(kFirst);
  ASSERT_TRUE(word && word->expires && word->since);
  EXPECT_EQ(word->state, Override::State::down);
  EXPECT_EQ(word->reason, "a word");
  EXPECT_GT(*word->expires - Clock::now(), seconds(400));
  EXPECT_LE(*word->since, Clock::now());
  EXPECT_EQ(probed(kSecond), HealthState::down) << "found before the restart";
}

TEST_F(SteeringControlTest, AWordOnAnAddressCountsInEachRegionThatHasIt) {
  start(world_of(kOnce, "start_wait: 30s", std::string(kRegions) + ", cdn: " + platform_at("127.0.0.2")));
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  const int before = published_;
  ASSERT_TRUE(steering_->set_override({"127.0.0.2", Override::State::up, "", std::nullopt}, {}));
  EXPECT_EQ(published_, before + 1);
  EXPECT_EQ(shown(RegionId{1}), States{EdgeState::up});
  EXPECT_EQ(shown(RegionId{2}), States{EdgeState::up});
  EXPECT_EQ(told("event=override_set target=127.0.0.2 state=up"), 1U);
  ASSERT_TRUE(steering_->set_override({"127.0.0.2", Override::State::up, "", std::nullopt}, {}));
  EXPECT_EQ(published_, before + 1) << "nothing has changed";
  ASSERT_TRUE(steering_->clear_override("127.0.0.2", {}));
  EXPECT_EQ(shown(RegionId{1}), States{EdgeState::down});
  EXPECT_EQ(shown(RegionId{2}), States{EdgeState::down});
  EXPECT_EQ(published_, before + 2);
  EXPECT_EQ(told("event=override_cleared target=127.0.0.2"), 1U);
  for (const char* nobody : {"three", "127.0.0.3"}) {
    const auto wrong = steering_->set_override({nobody, Override::State::up, "", std::nullopt}, {});
    ASSERT_FALSE(wrong);
    EXPECT_THAT(wrong.error().message, HasSubstr(nobody));
    EXPECT_FALSE(steering_->clear_override(nobody, {}));
  }
  EXPECT_EQ(published_, before + 2);
}

TEST_F(SteeringControlTest, AWordThatExpiresIsPublishedAndForgotten) {
  start(world_of());
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  ASSERT_TRUE(steering_->set_override({"one", Override::State::down, "", std::chrono::milliseconds(50)}, {}));
  EXPECT_EQ(shown(RegionId{0}), States{EdgeState::down});
  const int before = published_;
  ASSERT_TRUE(until([this] { return shown(RegionId{0}) == States{EdgeState::up}; }));
  EXPECT_EQ(published_, before + 1);
  EXPECT_TRUE(until([this] { return read("overrides.json").find("\"one\"") == std::string::npos; }));
}

// A word that is to end sooner than what is waited for already; and one that is taken back before it ends.
TEST_F(SteeringControlTest, OfSeveralWordsTheFirstToExpireIsWaitedFor) {
  start(world_of());
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  ASSERT_TRUE(steering_->set_override({"two", Override::State::up, "", seconds(1000)}, {}));
  ASSERT_TRUE(steering_->set_override({"one", Override::State::down, "", std::chrono::milliseconds(50)}, {}));
  ASSERT_TRUE(until([this] { return shown(RegionId{0}) == States{EdgeState::up}; }));
  EXPECT_EQ(shown(RegionId{1}), States{EdgeState::up}) << "it still stands";
  ASSERT_TRUE(steering_->set_override({"one", Override::State::down, "", std::chrono::milliseconds(50)}, {}));
  ASSERT_TRUE(steering_->set_override({"one", Override::State::down, "", std::nullopt}, {}));
  run_for(loop_, std::chrono::milliseconds(100));
  EXPECT_EQ(shown(RegionId{0}), States{EdgeState::down}) << "the later word has no end";
}

// The loop sleeps until a word ends: it does not look at the time again and again.
TEST_F(SteeringControlTest, AWordIsWaitedForWithoutTurning) {
  page_.reset();
  start(world_of(kOnce, "start_wait: 30s", kOneEdge));
  std::optional<bool> written;
  ASSERT_TRUE(steering_->set_override({"one", Override::State::down, "", seconds(1000)},
                                      [&](const shared::Result<void>& done) { written = done.has_value(); }));
  ASSERT_TRUE(until([&] { return written.has_value() && !peer_.requests.empty(); }));
  const auto end = Clock::now() + std::chrono::milliseconds(200);
  int turns = 0;
  loop_.restart();
  while (Clock::now() < end) turns += static_cast<int>(loop_.run_one_until(end));
  EXPECT_LT(turns, 50);
}

TEST_F(SteeringControlTest, AReloadKeepsWhatIsKnownOfEdgesThatStay) {
  start(world_of());
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  ASSERT_TRUE(steering_->set_override({"two", Override::State::up, "stays", std::nullopt}, {}));
  const auto since = steering_->notes(kSecond).since;
  const int before = published_;
  // Numbered anew: one comes in front, and 127.0.0.2 stands in another region, too.
  reload(world_of(
      kOnce, "start_wait: 30s",
      "new: " + platform_at("127.0.0.2") + ", one: {edges: [127.0.0.3, 127.0.0.1]}, two: {edges: [127.0.0.2]}"));
  EXPECT_EQ(published_, before) << "who reloads publishes";
  const EdgeId first{RegionId{1}, 1};
  const EdgeId second{RegionId{2}, 0};
  const EdgeId fresh{RegionId{0}, 0};
  EXPECT_EQ(steering_->notes(first).probes, 1U);
  EXPECT_EQ(steering_->notes(second).reason, "connection refused");
  EXPECT_EQ(steering_->notes(second).since, since);
  EXPECT_EQ(steering_->notes(fresh).probes, 0U) << "of the same address, in another region";
  EXPECT_EQ(shown(RegionId{2}), States{EdgeState::up});
  EXPECT_EQ(shown(RegionId{1}), (States{EdgeState::unknown, EdgeState::up}));
  ASSERT_TRUE(until([&] { return probed(fresh) == HealthState::down; }));
  EXPECT_EQ(steering_->notes(fresh).probes, 1U);
  EXPECT_TRUE(until([this] { return read("health.json").find("\"new\"") != std::string::npos; }));
  EXPECT_EQ(peer_.requests.size(), 1U) << "one that stays is not probed anew";
}

TEST_F(SteeringControlTest, WhoHasHandedOverWritesNothing) {
  start(world_of());
  ASSERT_TRUE(until([this] { return ready_ > 0; }));
  steering_->save();
  EXPECT_THAT(read("health.json"), HasSubstr("127.0.0.2"));
  EXPECT_THAT(read("overrides.json"), HasSubstr("overrides"));
  remember("health.json", "the successor's");
  remember("overrides.json", "the successor's");
  steering_->stop_saving();
  steering_->save();
  EXPECT_EQ(read("health.json"), "the successor's");
  EXPECT_EQ(read("overrides.json"), "the successor's");
}

TEST_F(SteeringControlTest, NamesThePoliciesThatUseARegion) {
  start(world_of(kOnce, "start_wait: 30s", std::string(kRegions) + ", spare: {edges: [127.0.0.4]}"));
  EXPECT_EQ(steering_->policies_naming(RegionId{0}), std::vector<std::string>{"all"});
  EXPECT_TRUE(steering_->policies_naming(RegionId{2}).empty());
}

}  // namespace
}  // namespace dns::steering_control_test
