// A request's way to its first server where places are bounded: at once, after waiting, or not at all.
#include "edge/serve/request/ticket.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "edge/core/pool/places.h"
#include "tests/edge/serve/fake_server.h"

namespace edge::test::ticket_test {
namespace {

// One server with one place, and kept connections to it.
struct World : FakeWorker {
  World() {
    pool.bounded = true;
    pool.servers[0].max_in_flight = 1;
    pool.queue = {.size = 2, .timeout = shared::milliseconds(60'000)};
  }
  PoolLive& of_pool() { return live.pool(pool.slot); }
};

// A request, its server at the other end of a kept connection.
struct Asked {
  FakeSource source;
  FakeSink sink;
  Served served;

  explicit Asked(World& world, const std::string& text = get("/")) : source(text), served(world, source, sink) {}
};

TEST(Ticket, WaitsForThePlaceOfTheOneBeforeIt) {
  World world;
  FakeServer first(world, 0);
  FakeServer second(world, 0);
  Asked one(world);
  Asked two(world);
  EXPECT_FALSE(two.served.done());
  EXPECT_EQ(world.of_pool().waiting, 1U);
  EXPECT_EQ(world.of_pool().queued, 1U);
  const std::string heard = first.heard() + second.heard();
  EXPECT_EQ(heard.find("GET", 1), std::string::npos) << "one is on its way";
  // The kept connection that was given back last was taken first.
  second.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(one.served.done());
  EXPECT_EQ(one.sink.status, 200);
  for (int turn = 0; turn < 20 && world.of_pool().waiting != 0; ++turn) world.loop.poll();
  EXPECT_EQ(world.of_pool().waiting, 0U);
  EXPECT_EQ(world.of_pool().in_flight, 1U) << "it has the place now";
  second.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(two.served.done());
  EXPECT_EQ(two.sink.status, 200);
  EXPECT_EQ(world.of_pool().in_flight, 0U);
  EXPECT_EQ(world.live.server(ServerId{0}).in_flight, 0U);
}

TEST(Ticket, WithoutAQueueAFullPoolIs503AtOnce) {
  World world;
  world.pool.queue.size = 0;
  world.live.server(ServerId{0}).in_flight = 1;
  Asked asked(world);
  EXPECT_TRUE(asked.served.done());
  EXPECT_EQ(asked.sink.status, 503);
  const int again = std::stoi(asked.sink.retry_after);
  EXPECT_GE(again, 1);
  EXPECT_LE(again, 5);
  EXPECT_EQ(world.errors(ErrorKind::overloaded), 1U);
  EXPECT_EQ(world.of_pool().turned_away, 1U);
  EXPECT_EQ(world.live.server(ServerId{0}).requests, 0U);
}

TEST(Ticket, AFullQueueTurnsAway) {
  World world;
  world.live.server(ServerId{0}).in_flight = 1;
  Asked one(world);
  Asked two(world);
  Asked three(world);
  EXPECT_TRUE(three.served.done());
  EXPECT_EQ(three.sink.status, 503);
  EXPECT_EQ(world.of_pool().waiting, 2U);
  EXPECT_EQ(world.of_pool().turned_away, 1U);
}

TEST(Ticket, GivesUpWhenItsTimeIsOver) {
  World world;
  world.pool.queue.timeout = shared::milliseconds(1);
  world.live.server(ServerId{0}).in_flight = 1;
  Asked asked(world);
  for (int i = 0; i < 1000 && asked.sink.status == 0; ++i) {
    ::usleep(1000);
    static_cast<void>(asked.served.done());
  }
  EXPECT_EQ(asked.sink.status, 503);
  EXPECT_EQ(world.of_pool().queue_timeouts, 1U);
  EXPECT_EQ(world.of_pool().waiting, 0U);
}

TEST(Ticket, AClientThatLeavesIsForgotten) {
  World world;
  world.live.server(ServerId{0}).in_flight = 1;
  Asked asked(world);
  asked.source.gone = true;
  asked.served.waiter().wake();
  EXPECT_TRUE(asked.served.done());
  EXPECT_TRUE(asked.sink.was_cut);
  EXPECT_EQ(world.of_pool().waiting, 0U);
  EXPECT_EQ(world.errors(ErrorKind::client_closed), 1U);
}

TEST(Ticket, OneThatIsTakenAwayLeavesNothingBehind) {
  World world;
  world.live.server(ServerId{0}).in_flight = 1;
  {
    const Asked asked(world);
  }
  EXPECT_EQ(world.of_pool().waiting, 0U);
  EXPECT_EQ(world.of_pool().waiting_of_tier[0], 0U);
  world.live.server(ServerId{0}).in_flight = 0;
  world.loop.poll();
  EXPECT_EQ(world.of_pool().in_flight, 0U);
}

TEST(Ticket, AWokenOneThatHasNoTurnWaitsOn) {
  World world;
  world.live.server(ServerId{0}).in_flight = 1;
  Asked asked(world);
  asked.served.waiter().wake();
  EXPECT_FALSE(asked.served.done());
  EXPECT_EQ(world.of_pool().waiting, 1U);
}

TEST(Ticket, AShedTierIs503WithoutWaiting) {
  World world;
  world.pool.shed = {.mode = shared::Mode::enforce, .from = {0.5}};
  world.of_pool().capacity = 1;
  world.of_pool().in_flight = 1;
  Asked asked(world);
  EXPECT_TRUE(asked.served.done());
  EXPECT_EQ(asked.sink.status, 503);
  EXPECT_FALSE(asked.sink.retry_after.empty());
  EXPECT_EQ(world.of_pool().queued, 0U);
  EXPECT_EQ(world.of_pool().shed, 1U);
}

TEST(Ticket, ARetryThatFindsNoPlaceTellsOfTheFirstFailure) {
  World world;
  world.pool.servers.push_back(
      {.name = "web1", .host = "127.0.0.1", .port = 2, .weight = 1, .id = ServerId{1}, .max_in_flight = 1});
  world.pool.selector = make_sequence(std::vector<std::uint16_t>{1, 1});
  world.addresses.set(ServerId{1}, {FakeWorker::endpoint(1)});
  world.live.reserve(ServerId{1});
  world.live.server(ServerId{1}).in_flight = 1;
  Asked asked(world);  // nobody listens at the first
  EXPECT_TRUE(asked.served.done());
  EXPECT_EQ(asked.sink.status, 502);
  EXPECT_EQ(world.live.server(ServerId{1}).requests, 0U);
  EXPECT_EQ(world.of_pool().in_flight, 0U);
}

}  // namespace
}  // namespace edge::test::ticket_test
