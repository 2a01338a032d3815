#include "tests/edge/serve/harness.h"

#include <numeric>

#include "shared/core/hash.h"

namespace edge::test::bodies_test {
namespace {

constexpr std::size_t kLarge = 8 * 1024 * 1024;

std::string large_body() {
  std::string body(kLarge, '\0');
  std::uint64_t x = 1;
  for (char& c : body) c = static_cast<char>((x = shared::mix(x + 1)) & 0xFF);
  return body;
}

std::uint64_t digest(std::string_view body) { return shared::hash_text(0, body); }

// Splits into chunks of a prime size, so that no buffer's border is met twice at the same place.
std::string chunked(std::string_view body, std::string_view trailers = {}) {
  std::string out;
  while (!body.empty()) {
    const std::string_view piece = body.substr(0, 4093);
    char line[32];
    std::snprintf(line, sizeof line, "%zx\r\n", piece.size());
    out.append(line).append(piece).append("\r\n");
    body.remove_prefix(piece.size());
  }
  return out.append("0\r\n").append(trailers).append("\r\n");
}

std::string unchunk(std::string_view raw) {
  std::string body;
  while (true) {
    const std::size_t end = raw.find("\r\n");
    if (end == std::string_view::npos) return "(no chunk)";
    const std::size_t size = std::stoul(std::string(raw.substr(0, end)), nullptr, 16);
    raw.remove_prefix(end + 2);
    if (size == 0) return body;
    body.append(raw.substr(0, size));
    raw.remove_prefix(size + 2);
  }
}

bool has(const std::string& head, std::string_view field) { return head.find(field) != std::string::npos; }

TEST(Bodies, LargeWithLengthBothWays) {
  const std::string body = large_body();
  Backend backend([](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send(ok(conn.read_exactly(kLarge)));
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  std::jthread sender([&] {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kLarge) + "\r\n\r\n" + body);
  });
  EXPECT_TRUE(has(client.read_head(), "Content-Length: 8388608\r\n"));
  EXPECT_EQ(digest(client.read_exactly(kLarge)), digest(body));
}

TEST(Bodies, LargeInChunksBothWays) {
  const std::string body = large_body();
  Backend backend([](Conn& conn) {
    const std::string head = conn.read_head();
    if (head.empty()) return;
    EXPECT_TRUE(has(head, "Transfer-Encoding: chunked\r\n")) << head;
    const std::string received = unchunk(conn.read_chunks());
    conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(received));
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  std::jthread sender(
      [&] { client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body)); });
  const std::string head = client.read_head();
  EXPECT_TRUE(has(head, "Transfer-Encoding: chunked\r\n")) << head;
  EXPECT_EQ(digest(unchunk(client.read_chunks())), digest(body));
}

TEST(Bodies, StreamsWhileTheRequestStillRuns) {
  Backend backend([](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; ++i) conn.send(chunked(conn.read_exactly(5)).substr(0, 10));
    conn.send("0\r\n\r\n");
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\nfirst");
  client.read_head();
  EXPECT_EQ(client.read_exactly(10), "5\r\nfirst\r\n");
  client.send("other");
  EXPECT_EQ(client.read_exactly(10), "5\r\nother\r\n");
  client.send("third");
  EXPECT_EQ(unchunk(client.read_chunks()), "third");
}

TEST(Bodies, UntilCloseBecomesChunks) {
  Backend backend([](Conn& conn) {
    conn.read_head();
    conn.send("HTTP/1.1 200 OK\r\n\r\nto the end");
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send(get());
  EXPECT_TRUE(has(client.read_head(), "Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(unchunk(client.read_chunks()), "to the end");
  client.send(get());
  client.read_head();
  EXPECT_EQ(unchunk(client.read_chunks()), "to the end");
  EXPECT_EQ(backend.connections(), 2);
}

TEST(Bodies, ChunksBecomeUntilCloseForOldClients) {
  Backend backend(answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_FALSE(has(client.read_head(), "chunked"));
  EXPECT_EQ(client.read_to_end(), "hello");
}

TEST(Bodies, ResponsesWithoutABody) {
  Backend backend([](Conn& conn) {
    for (std::string head = conn.read_head(); !head.empty(); head = conn.read_head()) {
      if (head.starts_with("HEAD")) conn.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
      if (head.starts_with("GET /204")) conn.send("HTTP/1.1 204 No Content\r\n\r\n");
      if (head.starts_with("GET /304"))
        conn.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: \"x\"\r\n\r\n");
    }
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(has(client.read_head(), "Content-Length: 1000\r\n"));
  client.send(get("/204"));
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 204"));
  client.send(get("/304"));
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 304"));
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200"));
  EXPECT_EQ(backend.connections(), 1);
}

TEST(Bodies, TrailersPassForThoseWhoTakeThem) {
  Backend backend([](Conn& conn) {
    for (std::string head = conn.read_head(); !head.empty(); head = conn.read_head()) {
      conn.send(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n2\r\nok\r\n0\r\n"
          "grpc-status: 0\r\nContent-Length: 5\r\nX-Evil: 1\r\n\r\n");
    }
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
  client.read_head();
  EXPECT_EQ(client.read_chunks(), "2\r\nok\r\n0\r\ngrpc-status: 0\r\n\r\n");
  client.send(get());
  client.read_head();
  EXPECT_EQ(client.read_chunks(), "2\r\nok\r\n0\r\n\r\n");
}

TEST(Bodies, RequestTrailersOutsideTheListAreDropped) {
  std::promise<std::string> seen;
  Backend backend([&](Conn& conn) {
    if (conn.read_head().empty()) return;
    seen.set_value(conn.read_chunks());
    conn.send(ok("x"));
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;ext=1\r\nA\r\n0\r\nAuthorization: x\r\n\r\n");
  client.read_head();
  EXPECT_EQ(seen.get_future().get(), "1\r\nA\r\n0\r\n\r\n");
}

TEST(Bodies, InterimResponsesPassInOrder) {
  Backend backend(answering("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok("x")));
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send(get());
  const std::string hints = client.read_head();
  EXPECT_TRUE(hints.starts_with("HTTP/1.1 103 ")) << hints;
  EXPECT_TRUE(has(hints, "Link: </a>\r\n"));
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 102 "));
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(client.read_exactly(1), "x");
  Conn old = edge.client();
  old.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(old.read_head().starts_with("HTTP/1.1 200 "));
}

TEST(Bodies, ExpectIsAnsweredOnceAndNotForwarded) {
  std::promise<std::string> seen;
  Backend backend([&](Conn& conn) {
    const std::string head = conn.read_head();
    if (head.empty()) return;
    seen.set_value(head);
    conn.send("HTTP/1.1 100 Continue\r\n\r\n");
    conn.send(ok(conn.read_exactly(4)));
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(client.read_exactly(4), "body");
  EXPECT_FALSE(has(seen.get_future().get(), "Expect"));
}

TEST(Bodies, EarlyResponseEndsTheConnectionAndLeftoversAreNoRequest) {
  Backend backend([](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    conn.read_to_end();
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(has(client.read_head(), "Connection: close\r\n"));
  client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_to_end(), "no");
  EXPECT_EQ(edge.worker->counters().requests.read(), 1U);
}

TEST(Bodies, AnUpgradeBecomesATunnel) {
  Backend backend([](Conn& conn) {
    const std::string head = conn.read_head();
    if (head.empty()) return;
    EXPECT_TRUE(has(head, "Upgrade: websocket\r\n")) << head;
    conn.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nwelcome");
    conn.send(conn.read_exactly(5));
    conn.send(conn.read_to_end());
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  const std::string head = client.read_head();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ") && has(head, "Upgrade: websocket\r\n")) << head;
  EXPECT_EQ(client.read_exactly(7), "welcome");
  client.send("hello");
  EXPECT_EQ(client.read_exactly(5), "hello");
  client.send("bye");
  client.shutdown_send();
  EXPECT_EQ(client.read_to_end(), "bye");
}

TEST(Bodies, BackPressureHoldsBothSidesStill) {
  std::atomic<std::size_t> sent{0};
  Backend backend([&](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n");
    const std::string piece(65536, 'x');
    for (int i = 0; i < 1024 && conn.send(piece); ++i) sent += piece.size();
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  const int small = 65536;
  ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  client.send(get());
  client.read_head();
  std::size_t before = 1;
  while (before != sent) {  // until the backend makes no progress in 200 ms
    before = sent;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  EXPECT_LT(sent, 32U * 1024 * 1024);
  EXPECT_EQ(client.read_exactly(67108864).size(), 67108864U);
}

}  // namespace
}  // namespace edge::test::bodies_test
