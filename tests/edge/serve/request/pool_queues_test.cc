// Who waits for a place, and who gets it.
#include "edge/serve/request/pool_queues.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "edge/core/pool/places.h"
#include "edge/serve/request/ticket.h"
#include "tests/edge/serve/fakes.h"

namespace edge::test::pool_queues_test {
namespace {

// Requests of a tier, as decide() leaves them when all is full.
struct Waiting {
  FakeSource source{get("/")};
  FakeSink sink;
  Waiter waiter;
  Work work;
  Request request;
  Ticket ticket;
  bool joined;

  Waiting(FakeWorker& worker, unsigned tier)
      : waiter(worker.loop),
        request(Exchange{source, sink, waiter, work}, worker.context()),
        ticket(request),
        joined(begin(tier)) {}

  bool begin(unsigned tier) {
    request.decision.kind = Decision::Kind::pool;
    request.decision.match.route = &request.snapshot->routes->all()[0];
    request.decision.at_pool.pool = &request.snapshot->pools->all()[0];
    request.decision.at_pool.tier = TierId{static_cast<std::uint8_t>(tier)};
    request.decision.at_pool.overload = Overload::full;
    return ticket.begin();
  }
  ~Waiting() {
    if (request.decision.first.server != nullptr) {
      give_place_back(request.pool(), *request.decision.first.server, request.context.live);
    }
  }
  [[nodiscard]] bool served() const { return request.decision.first.server != nullptr; }
};

struct World : FakeWorker {
  World() {
    pool.bounded = true;
    pool.servers[0].max_in_flight = 1;
    pool.queue = {.size = 2, .timeout = shared::milliseconds(60'000)};
    live.server(ServerId{0}).in_flight = 1;
    live.pool(pool.slot).in_flight = 1;
  }
  PoolLive& of_pool() { return live.pool(pool.slot); }
  void release() { give_place_back(pool, pool.servers[0], live); }
};

TEST(PoolQueues, APlaceGoesToTheHighestTier) {
  World world;
  Waiting low(world, 0);
  Waiting high(world, 2);
  world.loop.poll();
  EXPECT_FALSE(low.served() || high.served());
  EXPECT_EQ(world.of_pool().waiting, 2U);
  world.release();
  world.loop.poll();
  EXPECT_TRUE(high.served());
  EXPECT_FALSE(high.ticket.waits());
  EXPECT_FALSE(low.served());
  EXPECT_EQ(world.of_pool().in_flight, 1U);
  EXPECT_EQ(world.of_pool().waiting, 1U);
}

TEST(PoolQueues, AHigherTierPushesOutALowerOneAndNoEqual) {
  World world;
  Waiting first(world, 1);
  Waiting second(world, 1);
  Waiting equal(world, 1);
  EXPECT_FALSE(equal.joined);
  EXPECT_TRUE(equal.request.failed);
  Waiting high(world, 2);
  EXPECT_TRUE(high.joined);
  EXPECT_EQ(world.of_pool().waiting, 2U);
  EXPECT_EQ(world.of_pool().pushed_out, 1U);
  EXPECT_FALSE(second.ticket.waits()) << "who would have been served last";
  EXPECT_EQ(second.request.error.kind, ErrorKind::overloaded);
  EXPECT_TRUE(first.ticket.waits());
  world.loop.poll();
}

TEST(PoolQueues, OneThatHasGivenWayMayEndBeforeItIsTold) {
  World world;
  Waiting first(world, 1);
  {
    Waiting second(world, 1);
    Waiting high(world, 2);
  }
  world.loop.poll();
  EXPECT_EQ(world.of_pool().waiting, 1U);
}

TEST(PoolQueues, LeavesAPlaceToAnotherWorkersHigherTier) {
  World world;
  Waiting low(world, 0);
  world.loop.poll();
  world.of_pool().waiting_of_tier[2].fetch_add(1);  // somebody at another worker
  world.release();
  for (int turn = 0; turn < 3; ++turn) world.loop.poll();
  EXPECT_FALSE(low.served());
  world.of_pool().waiting_of_tier[2].fetch_sub(1);
  world.loop.poll();
  EXPECT_TRUE(low.served()) << "it is looked at again, though nothing more was given back";
}

TEST(PoolQueues, LooksAnywayNowAndThen) {
  World world;
  world.live.server(ServerId{0}).in_flight = 0;
  world.live.server(ServerId{0}).state.set_health(shared::HealthState::down);
  world.pool.when_all_down = WhenAllDown::refuse;
  world.pool.servers.push_back(
      {.name = "web1", .host = "127.0.0.1", .port = 2, .weight = 1, .id = ServerId{1}, .max_in_flight = 1});
  world.pool.selector = make_sequence(std::vector<std::uint16_t>{1, 1});
  world.addresses.set(ServerId{1}, {FakeWorker::endpoint(1)});
  world.live.reserve(ServerId{1});
  world.live.server(ServerId{1}).in_flight = 1;
  Waiting one(world, 0);
  world.loop.poll();
  EXPECT_FALSE(one.served());
  world.live.server(ServerId{0}).state.set_health(shared::HealthState::up);
  for (int i = 0; i < 2000 && !one.served(); ++i) {
    ::usleep(1000);
    world.loop.poll();
  }
  EXPECT_TRUE(one.served()) << "a server that came up tells nobody";
}

}  // namespace
}  // namespace edge::test::pool_queues_test
