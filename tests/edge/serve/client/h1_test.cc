#include <algorithm>

#include "tests/edge/serve/harness.h"
#include "tests/edge/serve/sealed.h"

namespace edge::test::h1_test {
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

// Under a layer, by the same worker.
class H1Layered : public testing::Test {
 protected:
  H1Layered() : backend_(answering(ok("hello"))), edge_({backend_.endpoint()}) {
    auto listener = std::make_shared<Listener>();
    listener->make_layer = [] { return std::make_unique<Sealed>(); };
    edge_.listener = listener;
  }
  // Connected, with its handshake behind it.
  Peer client() {
    const auto address = shared::to_socket_address(edge_.endpoint);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address.bytes), address.length), 0);
    Peer peer(fd);
    peer.send(seal('h'));
    EXPECT_EQ(peer.record().first, 'h');
    return peer;
  }
  // The data of the next records, up to this.
  static std::string read_to(Peer& peer, std::string_view end) {
    std::string got;
    while (!got.ends_with(end)) {
      const auto [kind, data] = peer.record();
      if (kind != 'd') return got + "|" + kind;
      got += data;
    }
    return got;
  }

  Backend backend_;
  Edge edge_;
};

TEST_F(H1Layered, RequestsAreServedAndTheConnectionKept) {
  edge_.start();
  Peer peer = client();
  for (int i = 0; i < 3; ++i) {
    peer.send(seal('d', get()));
    const std::string answer = read_to(peer, "hello");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  }
}

// All of them lie inside the layer after the first receive; no event tells of the second and the third.
TEST_F(H1Layered, PipelinedRequestsInOneRecordAreAllAnswered) {
  edge_.start();
  Peer peer = client();
  peer.send(seal('d', get() + get() + get()));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(read_to(peer, "hello").starts_with("HTTP/1.1 200 "));
}

TEST_F(H1Layered, AHeadMayComeInAsManyRecordsAsItLikes) {
  edge_.start();
  Peer peer = client();
  for (const char octet : get()) peer.send(seal('d', std::string_view(&octet, 1)));
  EXPECT_TRUE(read_to(peer, "hello").starts_with("HTTP/1.1 200 "));
}

TEST_F(H1Layered, ATicketOrANewKeyOnAnIdleConnectionEndsNothing) {
  edge_.start();
  Peer peer = client();
  peer.send(seal('d', get()));
  read_to(peer, "hello");
  peer.send(seal('t') + seal('k'));
  EXPECT_EQ(peer.record().first, 'K');
  peer.send(seal('d', get()));
  EXPECT_TRUE(read_to(peer, "hello").starts_with("HTTP/1.1 200 "));
}

TEST_F(H1Layered, ALastAnswerIsFollowedByTheWordsOfTheEnd) {
  edge_.start();
  Peer peer = client();
  peer.send(seal('d', "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"));
  EXPECT_TRUE(read_to(peer, "hello").starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(peer.record().first, 'e');
  EXPECT_EQ(peer.record().first, 0);
}

TEST_F(H1Layered, AnIdleConnectionIsClosedWithThem) {
  edge_.settings.timeouts.keep_alive = shared::milliseconds(50);
  edge_.start();
  Peer peer = client();
  peer.send(seal('d', get()));
  read_to(peer, "hello");
  EXPECT_EQ(peer.record().first, 'e');
}

TEST_F(H1Layered, WhoNeverShakesHandsIsClosedInTime) {
  edge_.settings.timeouts.head = shared::milliseconds(50);
  edge_.start();
  Conn silent = edge_.client();
  EXPECT_EQ(silent.read_to_end(), seal('h'));
  EXPECT_EQ(edge_.worker->counters().requests.read(), 0U);
}

// Splice would put octets past the layer.
TEST_F(H1Layered, ALargeAnswerIsNotSpliced) {
  const std::string large(3 * PipePool::kWorthwhile + 7, 'L');
  Backend backend(answering(ok(large + "end")));
  Edge edge({backend.endpoint()});
  edge.listener = edge_.listener;
  edge.start();
  edge_.endpoint = edge.endpoint;
  Peer peer = client();
  peer.send(seal('d', get()));
  const std::string answer = read_to(peer, "end");
  EXPECT_TRUE(answer.ends_with(large + "end")) << answer.size();
}

// The request's body lies inside the layer, behind its head; the answer to one that expects nothing comes at once.
TEST_F(H1Layered, BodiesBehindTheirHeadsAreForwarded) {
  Backend backend([](Conn& conn) {
    for (std::string head = conn.read_head(); !head.empty(); head = conn.read_head()) {
      conn.send(ok(conn.read_exactly(4)));
    }
  });
  Edge edge({backend.endpoint()});
  edge.listener = edge_.listener;
  edge.start();
  edge_.endpoint = edge.endpoint;
  Peer peer = client();
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
  peer.send(seal('d', post + "abcd" + post + "efgh"));
  EXPECT_TRUE(read_to(peer, "abcd").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(read_to(peer, "efgh").starts_with("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace edge::test::h1_test
