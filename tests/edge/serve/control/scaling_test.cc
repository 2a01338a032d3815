#include "edge/serve/control/scaling.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/core/edge_report.h"
#include "tests/shared/serve/resolve/fake_lookups.h"
#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_peer.h"

namespace edge::scaling_test {
namespace {

using shared::test::run_for;
using shared::test::run_until;

// Pools "web" and "more" of two servers each, of which a process before this one has called for five.
class ScalingTest : public ::testing::Test {
 protected:
  ScalingTest() {
    world_.node = *shared::IpAddress::parse("127.9.9.9");
    world_.built.scaler.file = true;
    shared::load::Region region;
    region.edges.push_back({world_.node, {}});
    world_.common.regions.push_back({"eu", {}, region});
    auto addresses = std::make_shared<Addresses>();
    std::vector<Pool> pools(2);
    for (std::uint32_t id = 0; id < 4; ++id) {
      live_.reserve(ServerId{id});
      Pool& pool = pools[id / 2];
      pool.name = id < 2 ? "web" : "more";
      pool.id = pool.effective = PoolId{id / 2};
      pool.slot = PoolSlot{id / 2};
      pool.checks.resize(1);
      pool.servers.push_back({.name = "s" + std::to_string(id), .host = "127.0.0.1", .port = 1, .id = ServerId{id}});
      addresses->set(ServerId{id}, {{*shared::IpAddress::parse("127.0.0.1"), 1}});
    }
    live_.server(ServerId{0}).state.set_health(shared::HealthState::up);
    live_.server(ServerId{0}).in_flight = 7;
    live_.server(ServerId{1}).in_flight = 30;
    live_.server(ServerId{2}).in_flight = 1000;
    live_.pool(PoolSlot{0}).waiting = 200;
    auto settings = std::make_shared<Settings>();
    settings->identity = {.service = "shop", .region = "eu", .node = "127.9.9.9"};
    snapshot_->settings = std::move(settings);
    snapshot_->pools = std::make_shared<Pools>(pools);
    snapshot_->addresses = addresses;
    scale("web");
    scale("more");
  }
  ScaleSettings& scale(const std::string& pool) {
    ScaleSettings& settings = world_.built.servers.scaling[pool];
    settings.mode = ScaleMode::on;
    settings.max = 9;
    settings.in_flight = 100;
    return settings;
  }
  void begin() {
    scaling_.set(world_, snapshot_);
    const ScaleMemory memory{.at = now(),
                             .pools = {{"web", {.desired = 5, .decided = now() - 100, .reason = "many came"}},
                                       {"more", {.desired = 6, .decided = now() - 50, .reason = "more came"}},
                                       {"gone", {.desired = 7, .decided = now(), .reason = "it was there"}}}};
    scaling_.recall(memory, Autoscaler::Recall::exact);
    scaling_.begin();
  }
  static std::int64_t now() {
    return std::chrono::duration_cast<shared::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  [[nodiscard]] std::string file(const std::string& name) const {
    const auto found = files_.find(name);
    return found != files_.end() ? found->second : "";
  }
  bool round() {
    return run_until(loop_, [&] { return scaling_.pools().at("web").sample.known != 0; });
  }
  [[nodiscard]] static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }

  shared::Loop loop_{shared::kOneThread};
  Live live_;
  shared::NameFollower names_{loop_, {}};
  shared::test::FakeLookups lookups_{names_};
  Backends backends_{loop_, live_, names_, [] {}};
  World world_;
  std::shared_ptr<Snapshot> snapshot_ = std::make_shared<Snapshot>();
  std::map<std::string, std::string> files_;
  Scaling scaling_{
      {.loop = loop_,
       .live = live_,
       .backends = backends_,
       .follower = names_,
       .write_file = [this](const std::string& name, std::string text) { files_[name] = std::move(text); }}};
};

TEST_F(ScalingTest, WhatWasCalledForIsToldAgainWhileThereAreFewer) {
  const std::int64_t began = now();
  begin();
  ASSERT_TRUE(run_until(loop_, [&] { return has(file("scale.json"), "\"web\""); }));
  const std::string told = file("scale.json");
  EXPECT_TRUE(has(told, "\"pool\":\"web\"") && has(told, "\"desired\":5") && has(told, "many came")) << told;
  EXPECT_TRUE(has(told, "\"pool\":\"more\"") && has(told, "\"desired\":6")) << told;
  EXPECT_FALSE(has(told, "gone")) << told;
  EXPECT_TRUE(has(told, "\"servers\":2")) << told;
  EXPECT_TRUE(has(told, "\"serving\":1") && has(told, "\"serving\":0")) << told;
  EXPECT_EQ(scaling_.speaker(), "127.9.9.9");
  const auto kept = ScaleMemory::parse(file(Scaling::kMemoryFile));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->pools.size(), 2U);
  EXPECT_EQ(kept->pools.at("web").desired, 5U);
  EXPECT_EQ(kept->pools.at("web").reason, "many came");
  EXPECT_NEAR(static_cast<double>(kept->pools.at("web").decided), static_cast<double>(began - 100), 1);
}

TEST_F(ScalingTest, WhatIsAskedOfAPoolIsThatOfItsServersAndOfItsQueue) {
  begin();
  ASSERT_TRUE(round());
  const ScaleSample& web = scaling_.pools().at("web").sample;
  EXPECT_EQ(web.known, 2U);
  EXPECT_EQ(web.serving, 1U);
  EXPECT_EQ(web.in_flight, 237);
  EXPECT_FALSE(web.cpu.has_value()) << "nobody says it";
  EXPECT_EQ(scaling_.pools().at("more").sample.in_flight, 1000);
}

TEST_F(ScalingTest, ADryRunIsKeptAndNotTold) {
  scale("web").mode = ScaleMode::dry_run;
  begin();
  ASSERT_TRUE(run_until(loop_, [&] { return has(file("scale.json"), "more"); }));
  EXPECT_FALSE(has(file("scale.json"), "web"));
  EXPECT_TRUE(has(file(Scaling::kMemoryFile), "web"));
}

TEST_F(ScalingTest, WhoDrainsLetsAnotherOneSpeak) {
  live_.draining = true;
  begin();
  ASSERT_TRUE(round());
  EXPECT_EQ(file("scale.json"), "");
  live_.draining = false;
  EXPECT_TRUE(run_until(loop_, [&] { return has(file("scale.json"), "web"); })) << "who spoke may have left";
}

TEST_F(ScalingTest, WithoutAFileNoneIsWritten) {
  world_.built.scaler.file = false;
  begin();
  ASSERT_TRUE(run_until(loop_, [&] { return !file(Scaling::kMemoryFile).empty(); }));
  EXPECT_FALSE(files_.contains("scale.json"));
}

TEST_F(ScalingTest, AReloadTakesPoolsOutAndTheOthersGoOn) {
  begin();
  ASSERT_TRUE(run_until(loop_, [&] { return has(file("scale.json"), "web"); }));
  run_for(loop_, shared::milliseconds(50));  // the round is over: this edge has spoken
  world_.built.servers.scaling.erase("more");
  scaling_.set(world_, snapshot_);
  EXPECT_FALSE(scaling_.pools().contains("more"));
  EXPECT_EQ(scaling_.pools().at("web").scaler.desired(), 5U);
  EXPECT_TRUE(has(file("scale.json"), "web"));
  EXPECT_FALSE(has(file("scale.json"), "more")) << "its line is not true any more";
  world_.built.servers.scaling.clear();
  scaling_.set(world_, snapshot_);
  EXPECT_EQ(file("scale.json"), "");
  EXPECT_FALSE(scaling_.memory().has_value());
}

TEST_F(ScalingTest, WhoHasASuccessorIsSilentForGood) {
  begin();
  scaling_.end();
  scaling_.set(world_, snapshot_);
  run_for(loop_, shared::milliseconds(1200));
  EXPECT_TRUE(files_.empty());
  ASSERT_TRUE(scaling_.memory().has_value()) << "what it knows it hands over";
  EXPECT_EQ(scaling_.memory()->pools.at("web").desired, 5U);
}

TEST_F(ScalingTest, OfTwoEdgesTheFirstSpeaksAndBothReckonWithWhatTheOtherHas) {
  shared::test::TestPeer peer(loop_);
  peer.script = [](const std::string&) {
    shared::EdgeReport report;
    report.state = shared::EdgeReport::State::up;
    return shared::test::ok_answer(write(report));
  };
  world_.common.health.edge.port = peer.endpoint().port;
  world_.common.health.edge.interval = shared::milliseconds(30);
  world_.common.health.edge.timeout = shared::milliseconds(20);
  world_.common.regions.front().value.edges.push_back({*shared::IpAddress::parse("127.0.0.1"), {}});
  begin();
  ASSERT_TRUE(run_until(loop_, [&] { return scaling_.pools().at("web").sample.in_flight == 2 * 237; }));
  EXPECT_EQ(scaling_.speaker(), "127.0.0.1");
  EXPECT_EQ(file("scale.json"), "");
  EXPECT_FALSE(file(Scaling::kMemoryFile).empty());
}

}  // namespace
}  // namespace edge::scaling_test
