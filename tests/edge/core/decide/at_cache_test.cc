#include "edge/core/decide/at_cache.h"

#include <gtest/gtest.h>

#include <memory>

#include "edge/core/route/gate.h"
#include "tests/edge/core/decide_world.h"

namespace edge::test {
namespace {

class AtCache : public ::testing::Test {
 protected:
  AtCache() {
    world_.add_pool("web", Algorithm::round_robin, {1});
    auto rule = std::make_shared<CacheRule>();
    rule->request_directives = true;
    world_.add_route("/", PoolId{0}).cache = rule;
  }

  CacheQuestion ask(std::string_view more, const http::RequestFraming& framing = {}) {
    Asker asker(world_, "/a?b", more);
    BalanceState balance;
    const Decision decision = asker.decide_in(world_, balance);
    return ask_cache(decision,
                     {.head = asker.head, .framing = framing, .scheme = "http", .tiers = *asker.snapshot->tiers});
  }

  DecideWorld world_;
};

TEST_F(AtCache, LooksForWhatIsAskedFor) {
  const CacheQuestion question = ask("");
  EXPECT_EQ(question.url, "shop.example/a?b");
  EXPECT_TRUE(question.forward.empty());
}

TEST_F(AtCache, PassesWhatIsNotStored) {
  EXPECT_EQ(ask("If-Match: \"x\"\r\n").why_forward, "a condition for the server");
  EXPECT_EQ(ask("Cache-Control: no-store\r\n").why_forward, "no-store");
  EXPECT_EQ(ask("X-HTTP-Method-Override: PUT\r\n").forward, "bypass");
  EXPECT_EQ(ask("", {.body = {http::BodyKind::length, 3}}).forward, "bypass");
  EXPECT_TRUE(ask("", {.body = {http::BodyKind::length, 0}}).forward.empty());
}

}  // namespace
}  // namespace edge::test
