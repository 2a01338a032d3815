#include <algorithm>

#include "tests/edge/serve/harness.h"

namespace edge::test {
namespace {

TEST(KeepAlive, ManyRequestsUseOneConnectionOnBothSides) {
  Backend backend(answering(ok("hello")));
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(client.send(get()));
    const std::string head = client.read_head();
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
    EXPECT_EQ(client.read_exactly(5), "hello");
  }
  EXPECT_EQ(backend.connections(), 1);
  EXPECT_EQ(edge.worker->counters().requests.read(), 20U);
  EXPECT_EQ(edge.worker->counters().upstream_reuses.read(), 19U);
}

TEST(KeepAlive, PipelinedRequestsAreAnsweredInOrder) {
  Backend backend([](Conn& conn) {
    for (std::string head = conn.read_head(); !head.empty(); head = conn.read_head()) {
      conn.send(ok(head.substr(4, head.find(' ', 4) - 4)));
    }
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send(get("/1") + get("/2") + get("/3"));
  for (const std::string path : {"/1", "/2", "/3"}) {
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200"));
    EXPECT_EQ(client.read_exactly(2), path);
  }
}

TEST(KeepAlive, PipelinedBehindBodies) {
  Backend backend([](Conn& conn) {
    for (std::string head = conn.read_head(); !head.empty(); head = conn.read_head()) {
      conn.send(ok(conn.read_exactly(4)));
    }
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
  client.send(post + "abcd" + post + "efgh");
  client.read_head();
  EXPECT_EQ(client.read_exactly(4), "abcd");
  client.read_head();
  EXPECT_EQ(client.read_exactly(4), "efgh");
}

TEST(KeepAlive, ClientThatWantsToCloseIsClosed) {
  Backend backend(answering(ok("x")));
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(client.read_head().find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_EQ(client.read_to_end(), "x");
}

TEST(KeepAlive, OldClientsGetTheirConnectionClosed) {
  Backend backend(answering(ok("x")));
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  client.read_head();
  EXPECT_EQ(client.read_to_end(), "x");
}

TEST(KeepAlive, UpstreamThatClosesIsNotPooled) {
  Backend backend([](Conn& conn) {
    conn.read_head();
    conn.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 3; ++i) {
    client.send(get());
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200"));
    EXPECT_EQ(client.read_exactly(1), "x");
  }
  EXPECT_EQ(backend.connections(), 3);
}

TEST(KeepAlive, IdleClientsAreClosedInTime) {
  Backend backend(answering(ok("x")));
  Edge edge({backend.endpoint()}, [](Settings& s) { s.timeouts.keep_alive = shared::milliseconds(100); });
  edge.start();
  Conn client = edge.client();
  client.send(get());
  client.read_head();
  EXPECT_EQ(client.read_exactly(1), "x");
  EXPECT_TRUE(client.closed());
}

TEST(KeepAlive, OverTheCapIdleOnesMakeRoom) {
  Backend backend(answering(ok("x")));
  Edge edge({backend.endpoint()});
  edge.max_connections = 4;
  edge.start();
  std::vector<Conn> idle;
  for (int i = 0; i < 4; ++i) {
    idle.push_back(edge.client());
    idle.back().send(get());
    idle.back().read_head();
    idle.back().read_exactly(1);
  }
  // A connection is idle a moment after its answer was read; strangers come until idle ones have made room for one.
  EXPECT_TRUE(eventually([&edge] {
    Conn stranger = edge.client();
    stranger.send(get());
    return stranger.read_head().starts_with("HTTP/1.1 200");
  }));
  EXPECT_TRUE(std::ranges::any_of(idle, [](Conn& conn) { return conn.closed(100); }));
}

}  // namespace
}  // namespace edge::test
