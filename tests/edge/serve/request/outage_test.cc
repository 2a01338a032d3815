// What a pool does when much of it seems to fail at once: all servers down by their checks, addresses that are dead,
// requests that fail everywhere, probes and first requests that stream.

#include "tests/edge/serve/harness.h"

namespace edge::test::outage_test {
namespace {

// An address where nobody listens.
shared::Endpoint refusing() {
  auto sockets = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
  return shared::local_endpoint(sockets->front().get());
}

Backend::Script closing() {
  return [](Conn& conn) { conn.read_head(); };
}

// The first chunk of an answer that never ends.
Backend::Script streaming() {
  return [](Conn& conn) {
    conn.read_head();
    conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
    conn.closed(60'000);
  };
}

ServerLive& server(Edge& edge, std::uint32_t index) { return edge.live.server(ServerId{index}); }
PoolLive& pool(Edge& edge) { return edge.live.pool(PoolSlot{0}); }

void all_down(Edge& edge) {
  for (std::uint32_t i = 0; i < edge.pool.servers.size(); ++i) {
    server(edge, i).state.set_health(shared::HealthState::down);
  }
}

std::string status_of(Edge& edge, const std::string& request = get()) {
  Conn client = edge.client();
  client.send(request);
  return client.read_head().substr(0, std::string_view("HTTP/1.1 200").size());
}

TEST(AllDown, TheyAreTriedAllTheSame) {
  Backend backend(answering(ok("x")));
  Edge edge({refusing(), backend.endpoint()});
  all_down(edge);
  edge.start();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(status_of(edge), "HTTP/1.1 200");
  EXPECT_GE(pool(edge).last_resorts.load(), 4U);
  EXPECT_EQ(server(edge, 1).state.health(), shared::HealthState::down) << "the DNS is still told the truth";
}

TEST(AllDown, OrRefusedIfThatIsSaid) {
  Backend backend(answering(ok("x")));
  Edge edge({backend.endpoint()});
  edge.pool.when_all_down = WhenAllDown::refuse;
  all_down(edge);
  edge.start();
  EXPECT_EQ(status_of(edge), "HTTP/1.1 503");
  EXPECT_EQ(backend.connections(), 0);
}

TEST(AllDown, AnOperatorsDrainHolds) {
  Backend backend(answering(ok("x")));
  Edge edge({backend.endpoint()});
  all_down(edge);
  server(edge, 0).state.set_draining(true);
  edge.start();
  EXPECT_EQ(status_of(edge), "HTTP/1.1 503");
  EXPECT_EQ(backend.connections(), 0);
}

TEST(AllDown, ARequestThatHasFailedAtAGoodServerIsNotSentToADownOne) {
  Backend bad(closing());
  Backend down(answering(ok("x")));
  Edge edge({bad.endpoint(), down.endpoint()});
  server(edge, 1).state.set_health(shared::HealthState::down);
  edge.start();
  EXPECT_EQ(status_of(edge), "HTTP/1.1 502");
  EXPECT_EQ(down.connections(), 0);
}

TEST(AllDown, WhoIsRefusedByTheLastOneTriesTheOthers) {
  Backend restarted(answering(ok("x")));
  Edge edge({refusing(), restarted.endpoint()});
  server(edge, 1).state.set_health(shared::HealthState::down);
  edge.start();
  EXPECT_EQ(status_of(edge), "HTTP/1.1 200");
}

TEST(Addresses, ADeadOneOfSeveralCostsNoRequest) {
  Backend backend(answering(ok("x")));
  Edge edge({backend.endpoint()});
  edge.addresses.set(ServerId{0}, {refusing(), backend.endpoint(), *shared::Endpoint::parse("[::1]:1")});
  edge.pool.idle.connections = 0;
  edge.start();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(status_of(edge, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), "HTTP/1.1 200");
  }
  EXPECT_EQ(server(edge, 0).failures.load(), 0U);
  EXPECT_EQ(edge.worker->counters().retries.read(), 0U);
  EXPECT_LE(edge.worker->counters().upstream_connects.read(), 24U) << "it is not tried again for a while";
}

TEST(Addresses, AllDeadIsOneFailure) {
  Edge edge({refusing()});
  edge.addresses.set(ServerId{0}, {refusing(), refusing()});
  edge.start();
  EXPECT_EQ(status_of(edge), "HTTP/1.1 502");
  EXPECT_TRUE(eventually([&] { return server(edge, 0).failures == 1; }));
}

TEST(Blame, OneRequestSpeaksAgainstOneServer) {
  Backend bad(closing());
  Edge edge({bad.endpoint(), bad.endpoint(), bad.endpoint()});
  edge.start();
  EXPECT_EQ(status_of(edge), "HTTP/1.1 502");
  EXPECT_EQ(bad.connections(), 3);
  EXPECT_TRUE(eventually([&] { return server(edge, 0).in_flight == 0 && server(edge, 2).in_flight == 0; }));
  EXPECT_EQ(server(edge, 0).failures + server(edge, 1).failures + server(edge, 2).failures, 1U);
}

TEST(Blame, RequestsThatFailEverywhereLeaveHalfOfThePool) {
  Backend bad(closing());
  Edge edge({bad.endpoint(), bad.endpoint(), bad.endpoint(), bad.endpoint()});
  edge.pool.breaker.mode = shared::Mode::enforce;
  edge.start();
  int open = 0;
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(status_of(edge), "HTTP/1.1 502") << i;
    open = 0;
    for (std::uint32_t s = 0; s < 4; ++s) open += server(edge, s).state.breaker() == BreakerState::open ? 1 : 0;
    EXPECT_LE(open, 2);
  }
  EXPECT_EQ(open, 2);
  EXPECT_GE(pool(edge).breakers_held.load(), 1U);
}

TEST(Streams, AHalfOpenProbeIsASuccessWithItsHead) {
  std::atomic<bool> well{false};
  Backend backend([&](Conn& conn) { well ? streaming()(conn) : closing()(conn); });
  Edge edge({backend.endpoint()});
  edge.pool.breaker = {.mode = shared::Mode::enforce, .failures = 1, .open = shared::milliseconds(50), .max_opened = 1};
  edge.pool.retry.attempts = 1;
  edge.start();
  EXPECT_EQ(status_of(edge), "HTTP/1.1 502");
  ServerLive& live = server(edge, 0);
  EXPECT_TRUE(eventually([&] { return live.state.breaker() == BreakerState::open; }));
  well = true;
  // As Healing does.
  EXPECT_TRUE(eventually([&] {
    live.breaker.tick(edge.pool.breaker, shared::Clock::now(), live.state);
    return live.state.breaker() == BreakerState::half_open;
  }));
  Conn stream = edge.client();
  stream.send(get());
  EXPECT_TRUE(stream.read_head().starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(eventually([&] { return live.state.breaker() == BreakerState::closed; }));
  Conn another = edge.client();
  another.send(get());
  EXPECT_TRUE(another.read_head().starts_with("HTTP/1.1 200 ")) << "while the first one goes on";
  EXPECT_EQ(live.in_flight.load(), 2U);
}

TEST(Streams, AFirstRequestIsMeasuredByItsHead) {
  Backend backend(streaming());
  Edge edge({backend.endpoint()});
  edge.pool.selector = LeastTime{make_compared({{ServerId{0}, 0, 1}})};
  edge.start();
  Conn stream = edge.client();
  stream.send(get());
  EXPECT_TRUE(stream.read_head().starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(eventually([&] {
    return server(edge, 0).response_time.mean_us(shared::Clock::now(), edge.pool.response_time.half_life) > 0;
  }));
  EXPECT_EQ(server(edge, 0).in_flight.load(), 1U);
}

}  // namespace
}  // namespace edge::test::outage_test
