// A tunnel without sockets: what passes, where a Close goes, and who is said to have ended it.
#include "edge/serve/request/tunnel.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "edge/serve/io/task.h"
#include "tests/edge/serve/sealed.h"

namespace edge::test::tunnel_test {
namespace {

struct FakeSink {
  std::size_t room = 1000;
  std::string got;
  std::size_t write(std::string_view data) {
    const std::size_t n = std::min(room, data.size());
    got += data.substr(0, n);
    room -= n;
    return n;
  }
  void end(std::string_view) {}
  [[nodiscard]] Sent flush() const { return room > 0 ? Sent::all : Sent::blocked; }
  [[nodiscard]] bool failed() const { return false; }
  [[nodiscard]] bool blocked() const { return room == 0; }
};

const std::string kHello("\x81\x05hello", 7);
const std::string kMasked("\x81\x85mask12345", 11);
const std::string kMaskedClose("\x88\x82mask12", 8);
const std::string kAway(kGoingAway);
const shared::TimePoint kNow{};

class TunnelTest : public testing::Test {
 protected:
  std::size_t down(std::string_view data) {
    auto passage = tunnel.to_client(client);
    return passage.write(data);
  }
  std::size_t up(std::string_view data) {
    auto passage = tunnel.to_server(server);
    return passage.write(data);
  }
  Counters counters;
  Tunnel tunnel{Tunnel::Speaks::websocket, counters, 7};
  FakeSink client;
  FakeSink server;
};

TEST_F(TunnelTest, PassesOnAndCounts) {
  EXPECT_EQ(down(kHello), 7U);
  EXPECT_EQ(up(kMasked), 11U);
  EXPECT_EQ(client.got, kHello);
  EXPECT_EQ(server.got, kMasked);
  EXPECT_EQ(counters.tunnel_octets_out.read(), 7U);
  EXPECT_EQ(counters.tunnel_octets_in.read(), 11U);
  EXPECT_EQ(counters.tunnels_open.read(), 1U);
}

TEST_F(TunnelTest, LeavesBetweenTwoFrames) {
  ASSERT_TRUE(tunnel.leave(TunnelEnd::drain, kNow));
  auto passage = tunnel.to_client(client);
  passage.speak();
  EXPECT_EQ(client.got, kAway);
  EXPECT_EQ(down(kHello), 7U) << "taken, and not passed on";
  EXPECT_EQ(client.got, kAway);
  EXPECT_EQ(up(kMasked + kMaskedClose), 19U) << "what the client still says arrives";
  EXPECT_EQ(server.got, kMasked + kMaskedClose);
  EXPECT_EQ(tunnel.end_name(), "drain");
}

TEST_F(TunnelTest, TheFrameUnderWayIsFinishedFirstAtEverySplit) {
  for (std::size_t split = 1; split < kHello.size(); ++split) {
    Tunnel fresh(Tunnel::Speaks::websocket, counters, 7);
    FakeSink sink;
    auto passage = fresh.to_client(sink);
    EXPECT_EQ(passage.write(kHello.substr(0, split)), split);
    ASSERT_TRUE(fresh.leave(TunnelEnd::drain, kNow));
    passage.speak();
    EXPECT_EQ(sink.got, kHello.substr(0, split));
    const std::string rest = kHello.substr(split) + kHello;
    EXPECT_EQ(passage.write(rest), rest.size());
    EXPECT_EQ(sink.got, kHello + kAway);
  }
}

TEST_F(TunnelTest, AClientThatSaysNothingLeavesItToTheServer) {
  ASSERT_TRUE(tunnel.leave(TunnelEnd::idle, kNow));
  EXPECT_EQ(tunnel.deadline(), kNow + Tunnel::kPatience);
  EXPECT_TRUE(tunnel.go_on(kNow + Tunnel::kPatience));
  auto passage = tunnel.to_server(server);
  passage.speak();
  WebSocketFrames seen(WebSocketFrames::Sender::client);
  seen.follow(server.got);
  EXPECT_TRUE(seen.closed()) << "masked, as from a client";
  EXPECT_FALSE(tunnel.go_on(tunnel.deadline())) << "it is cut";
}

TEST_F(TunnelTest, ACloseThatDoesNotFitGoesOnLater) {
  client.room = 0;
  ASSERT_TRUE(tunnel.leave(TunnelEnd::drain, kNow));
  EXPECT_EQ(down(kHello), 0U);
  client.room = 3;
  EXPECT_EQ(down(kHello), 0U);
  client.room = 100;
  EXPECT_EQ(down(kHello), 7U);
  EXPECT_EQ(client.got, kAway);
}

TEST_F(TunnelTest, WhoClosesFirstHasEndedIt) {
  up(kMaskedClose);
  tunnel.ended_by(TunnelEnd::server);
  EXPECT_EQ(tunnel.end_name(), "client");
  ASSERT_TRUE(tunnel.leave(TunnelEnd::drain, kNow));
  EXPECT_EQ(tunnel.end_name(), "client");
}

TEST_F(TunnelTest, OneSideThatHasClosedIsToldNothing) {
  const std::string close("\x88\x00", 2);
  down(close);
  ASSERT_TRUE(tunnel.leave(TunnelEnd::drain, kNow));
  auto passage = tunnel.to_client(client);
  passage.speak();
  EXPECT_EQ(client.got, close);
}

TEST_F(TunnelTest, AnotherProtocolCanOnlyBeCut) {
  Tunnel opaque(Tunnel::Speaks::unknown, counters, 7);
  EXPECT_FALSE(opaque.leave(TunnelEnd::drain, kNow));
  auto passage = opaque.to_client(client);
  EXPECT_EQ(passage.write("anything"), 8U);
  EXPECT_EQ(client.got, "anything");
}

TEST(Tunnel, IsCountedByItsEnd) {
  Counters counters;
  {
    const Tunnel broken(Tunnel::Speaks::websocket, counters, 7);
  }
  {
    Tunnel idle(Tunnel::Speaks::unknown, counters, 7);
    idle.ended_by(TunnelEnd::idle);
  }
  EXPECT_EQ(counters.tunnels.read(), 2U);
  EXPECT_EQ(counters.tunnels_open.read(), 0U);
  EXPECT_EQ(counters.tunnel_ends[static_cast<std::size_t>(TunnelEnd::broken)].read(), 1U);
  EXPECT_EQ(counters.tunnel_ends[static_cast<std::size_t>(TunnelEnd::idle)].read(), 1U);
}

// A tunnel on two sockets, and the request that sleeps meanwhile.
struct Ride {
  explicit Ride(Tunnel::Speaks speaks = Tunnel::Speaks::websocket) : tunnel(speaks, counters, 7) {
    client.settle();
    server.settle();
    static_cast<void>(client.receive(1));  // they know that nothing has come
    static_cast<void>(server.receive(1));
    client.near.bind(&waiter);
    server.near.bind(&waiter);
    request.start();
    tunnel.ride({.client = client.near.raw(), .server = server.near.raw(), .scratch = &scratch, .waiter = &waiter});
  }
  Task<> sleep() {
    while (true) {
      co_await waiter.until(shared::TimePoint::max());
      ++woken;
    }
  }
  [[nodiscard]] std::string kept_for_server() {
    FakeSink sink{.room = 1U << 20U, .got = {}};
    auto passage = tunnel.to_server(sink);
    EXPECT_TRUE(passage.clear());
    return sink.got;
  }

  shared::WorkerLoop loop;
  Counters counters;
  Scratch scratch;
  StreamPair client{loop};
  StreamPair server{loop};
  Waiter waiter{loop};
  int woken = 0;
  Task<> request{sleep()};
  Tunnel tunnel;
};

TEST(TunnelRide, PassesMessagesOnWithoutItsRequest) {
  Ride ride;
  ride.client.peer.send(kMasked);
  EXPECT_TRUE(ride.client.until([&] { return ride.counters.tunnel_octets_in.read() == 11; }));
  EXPECT_EQ(ride.server.peer.receive(), kMasked);
  ride.server.peer.send(kHello + kHello);
  EXPECT_TRUE(ride.client.until([&] { return ride.counters.tunnel_octets_out.read() == 14; }));
  EXPECT_EQ(ride.client.peer.receive(), kHello + kHello);
  EXPECT_EQ(ride.woken, 0);
  const Tunnel::Passed passed = ride.tunnel.dismount();
  EXPECT_EQ(passed.in, 11U);
  EXPECT_EQ(passed.out, 14U);
  EXPECT_EQ(passed.at, ride.loop.now());
  EXPECT_FALSE(ride.tunnel.riding());
  ride.client.peer.send(kMasked);
  EXPECT_TRUE(ride.client.until([&] { return ride.woken > 0; })) << "events are the request's again";
}

TEST(TunnelRide, WakesItsRequestForACloseAndForAnEnd) {
  Ride closing;
  closing.client.peer.send(kMaskedClose);
  EXPECT_TRUE(closing.client.until([&] { return closing.woken > 0; }));
  EXPECT_EQ(closing.server.peer.receive(), kMaskedClose);
  EXPECT_EQ(closing.tunnel.end_name(), "client");
  static_cast<void>(closing.tunnel.dismount());
  EXPECT_FALSE(closing.tunnel.can_ride());
  Ride ending(Tunnel::Speaks::unknown);
  ending.server.peer.close();
  EXPECT_TRUE(ending.client.until([&] { return ending.woken > 0; }));
}

TEST(TunnelRide, KeepsWhatTheOtherSideDoesNotTake) {
  Ride ride(Tunnel::Speaks::unknown);
  ride.server.fill();
  EXPECT_EQ(ride.server.send("x").status, IoStatus::again);
  ride.client.peer.send("not taken");
  EXPECT_TRUE(ride.client.until([&] { return ride.woken > 0; }));
  EXPECT_EQ(ride.tunnel.dismount().in, 9U);
  EXPECT_FALSE(ride.tunnel.can_ride());
  EXPECT_EQ(ride.kept_for_server(), "not taken");
  EXPECT_TRUE(ride.tunnel.can_ride());
}

}  // namespace
}  // namespace edge::test::tunnel_test
