// TcpConnection with real sockets; test_tcp.py has the rest. Under a layer it is the same connection: TLS ends here.
#include "edge/serve/client/tcp.h"

#include "tests/edge/serve/harness.h"
#include "tests/edge/serve/sealed.h"

namespace edge::test::tcp_test {
namespace {

struct TcpEdge : Edge {
  explicit TcpEdge(const std::vector<shared::Endpoint>& servers, bool layered = false) : Edge(servers) {
    auto tcp = std::make_shared<Listener>();
    tcp->protocol = Listener::Protocol::tcp;
    if (layered) tcp->make_layer = [] { return std::make_unique<Sealed>(); };
    listener = tcp;
    PoolListener at;
    at.name = "tcp:test";
    at.pool = PoolId{0};
    listeners.push_back(std::move(at));
  }
  [[nodiscard]] const SessionCounters& sessions() const { return worker->counters().sessions[0]; }
};

void echo(Conn& conn) {
  for (std::string octet = conn.read_exactly(1); !octet.empty(); octet = conn.read_exactly(1)) conn.send(octet);
}

TEST(TcpConnection, PassesOctetsAndEndsOn) {
  Backend backend(echo);
  TcpEdge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send("hello");
  EXPECT_EQ(client.read_exactly(5), "hello");
  EXPECT_EQ(edge.sessions().open.read(), 1U);
  client.shutdown_send();
  EXPECT_EQ(client.read_to_end(), "");
  ASSERT_TRUE(eventually([&] { return edge.sessions().open.read() == 0; }));
  EXPECT_EQ(edge.sessions().octets_in.read(), 5U);
  EXPECT_EQ(edge.sessions().octets_out.read(), 5U);
  EXPECT_EQ(edge.live.server(ServerId{0}).in_flight.load(), 0U);
}

TEST(TcpConnection, ALayerEndsHere) {
  Backend backend(echo);
  TcpEdge edge({backend.endpoint()}, true);
  edge.start();
  Peer peer(::dup(edge.client().fd()));
  peer.send(seal('h'));
  ASSERT_EQ(peer.record().first, 'h');
  peer.send(seal('d', "hello"));
  std::string got;
  while (got.size() < 5) {
    const auto [kind, payload] = peer.record();
    ASSERT_EQ(kind, 'd');
    got += payload;
  }
  EXPECT_EQ(got, "hello");
  peer.send(seal('e'));
  EXPECT_EQ(peer.record().first, 'e');
  EXPECT_EQ(peer.record().first, 0);
  ASSERT_TRUE(eventually([&] { return edge.sessions().open.read() == 0; }));
  EXPECT_EQ(edge.sessions().octets_in.read(), 5U);
}

TEST(TcpConnection, WhoNeverShakesHandsIsClosedInTime) {
  Backend backend(echo);
  TcpEdge edge({backend.endpoint()}, true);
  edge.settings.timeouts.head = shared::milliseconds(50);
  edge.start();
  Conn silent = edge.client();
  EXPECT_EQ(silent.read_to_end(), seal('h'));
  EXPECT_EQ(backend.connections(), 0);
}

TEST(TcpConnection, AListenerThatIsNotConfiguredServesNobody) {
  Backend backend(echo);
  TcpEdge edge({backend.endpoint()});
  edge.listeners.clear();
  edge.start();
  Conn client = edge.client();
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(backend.connections(), 0);
}

TEST(TcpConnection, OneThatNeverReadsIsSlow) {
  Backend backend([](Conn& conn) {
    const std::string much(1024 * 1024, 'm');
    while (conn.send(much)) {
    }
  });
  TcpEdge edge({backend.endpoint()});
  edge.send_buffer = 4096;
  edge.max_connections = 1;
  edge.start();
  Conn slow = edge.narrow_client();
  ASSERT_TRUE(eventually([&] {
    const Conn next = edge.client();
    return edge.worker->counters().evicted_slow.read() == 1;
  }));
}

}  // namespace
}  // namespace edge::test::tcp_test
