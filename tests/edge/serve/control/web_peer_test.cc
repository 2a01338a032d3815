#include "edge/serve/control/web_peer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/shared/serve/resolve/fake_lookups.h"
#include "tests/shared/serve/run_until.h"

namespace edge::web_peer_test {
namespace {

using shared::test::run_for;

class WebPeerTest : public ::testing::Test {
 protected:
  shared::Loop loop_{shared::kOneThread};
  shared::NameFollower names_{loop_};
  shared::test::FakeLookups lookups_{names_};
  int aimed_ = 0;
  std::vector<std::string> unresolved_;
  WebPeer peer_{
      loop_,
      names_,
      {.aimed = [this] { ++aimed_; }, .unresolved = [this](const std::string& why) { unresolved_.push_back(why); }}};
};

TEST_F(WebPeerTest, ALiteralAddressAimsAtOnce) {
  peer_.set(*parse_web_url("http://127.0.0.1:9/x"), std::nullopt);
  EXPECT_EQ(aimed_, 1);
  EXPECT_NE(peer_.client(), nullptr);
  peer_.clear();
  EXPECT_EQ(peer_.client(), nullptr);
}

TEST_F(WebPeerTest, ANameIsAimedAtWhenItIsKnown) {
  peer_.set(*parse_web_url("http://collector.internal/x"), std::nullopt);
  EXPECT_EQ(peer_.client(), nullptr);
  run_for(loop_, shared::milliseconds(20));
  ASSERT_TRUE(lookups_.answer("collector.internal", shared::ResolveFamily::any, {"127.0.0.1"}));
  run_for(loop_, shared::milliseconds(20));
  EXPECT_EQ(aimed_, 1);
  EXPECT_NE(peer_.client(), nullptr);
  EXPECT_TRUE(unresolved_.empty());
}

TEST_F(WebPeerTest, ANameWithoutAnAddressIsTold) {
  peer_.set(*parse_web_url("http://collector.internal/x"), std::nullopt);
  run_for(loop_, shared::milliseconds(20));
  ASSERT_TRUE(lookups_.answer("collector.internal", shared::ResolveFamily::any, {}));
  run_for(loop_, shared::milliseconds(20));
  EXPECT_EQ(aimed_, 0);
  EXPECT_EQ(unresolved_, std::vector<std::string>{"its name has no address"});
}

}  // namespace
}  // namespace edge::web_peer_test
