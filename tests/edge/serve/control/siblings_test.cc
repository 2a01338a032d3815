#include "edge/serve/control/siblings.h"

#include <string>

#include <gtest/gtest.h>

#include "shared/core/edge_report.h"
#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_peer.h"

namespace edge::siblings_test {
namespace {

using shared::test::run_for;
using shared::test::run_until;

shared::IpAddress address(const char* text) { return *shared::IpAddress::parse(text); }

// A region of two edges: the one at 127.0.0.1, which a test scripts, and the own.
class SiblingsTest : public ::testing::Test {
 protected:
  SiblingsTest() {
    config_.health.edge.port = peer_.endpoint().port;
    config_.health.edge.interval = shared::milliseconds(30);
    config_.health.edge.timeout = shared::milliseconds(20);
    config_.health.edge.fall = 2;
    config_.health.edge.rise = 1;
    shared::load::Region region;
    for (const char* one : {"127.0.0.1", "127.9.9.9"}) region.edges.push_back({address(one), {}});
    config_.regions.push_back({"eu", {}, region});
    say(shared::EdgeReport::State::up);
  }
  void say(shared::EdgeReport::State state) {
    peer_.script = [state](const std::string&) {
      shared::EdgeReport report;
      report.state = state;
      return shared::test::ok_answer(write(report));
    };
  }
  void begin(const char* own) { siblings_.set(config_, "eu", address(own), Siblings::Wanted::yes); }

  shared::Loop loop_{shared::kOneThread};
  shared::test::TestPeer peer_{loop_};
  shared::load::Config config_;
  Siblings siblings_{loop_};
};

TEST_F(SiblingsTest, TheLowestThatIsUpSpeaks) {
  begin("127.9.9.9");
  EXPECT_EQ(siblings_.before(), nullptr) << "nobody is known yet";
  EXPECT_TRUE(siblings_.unknown());
  ASSERT_TRUE(run_until(loop_, [&] { return siblings_.before() != nullptr; }));
  EXPECT_EQ(siblings_.before()->to_string(), "127.0.0.1");
  EXPECT_EQ(siblings_.up(), 1U);
  EXPECT_FALSE(siblings_.unknown());
  peer_.refuse();
  peer_.end_all(shared::test::TestPeer::Ending::close);
  ASSERT_TRUE(run_until(loop_, [&] { return siblings_.before() == nullptr; }));
  EXPECT_EQ(siblings_.up(), 0U);
}

TEST_F(SiblingsTest, WhoHasStoppedAsksNobodyAndKnowsNobody) {
  begin("127.9.9.9");
  ASSERT_TRUE(run_until(loop_, [&] { return siblings_.before() != nullptr; }));
  siblings_.stop();
  EXPECT_EQ(siblings_.before(), nullptr);
  EXPECT_FALSE(siblings_.unknown());
  EXPECT_EQ(siblings_.up(), 0U);
}

TEST_F(SiblingsTest, OneThatDrainsHandsOver) {
  begin("127.9.9.9");
  ASSERT_TRUE(run_until(loop_, [&] { return siblings_.before() != nullptr; }));
  say(shared::EdgeReport::State::draining);
  ASSERT_TRUE(run_until(loop_, [&] { return siblings_.before() == nullptr; }));
}

TEST_F(SiblingsTest, OneOfAHigherAddressIsCountedAndDoesNotSpeak) {
  config_.regions[0].value.edges[1].value = address("127.0.0.0");
  begin("127.0.0.0");
  ASSERT_TRUE(run_until(loop_, [&] { return siblings_.up() == 1; }));
  EXPECT_EQ(siblings_.before(), nullptr);
}

TEST_F(SiblingsTest, WhoIsNotWantedIsNotAsked) {
  siblings_.set(config_, "eu", address("127.9.9.9"), Siblings::Wanted::no);
  run_for(loop_, shared::milliseconds(100));
  EXPECT_TRUE(peer_.requests.empty());
}

}  // namespace
}  // namespace edge::siblings_test
