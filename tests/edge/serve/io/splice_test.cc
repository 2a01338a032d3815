// Large bodies with a length go from socket to socket inside the kernel: the client must not see a difference.
#include "tests/edge/serve/harness.h"

#include <cstring>

#include "shared/core/hash.h"

namespace edge::test::splice_test {
namespace {

constexpr std::size_t kLarge = 3 * 1024 * 1024 + 77;

std::string body_of(std::size_t size, std::uint64_t seed) {
  std::string body(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t word = shared::mix(seed + i);
    std::memcpy(body.data() + i, &word, std::min<std::size_t>(8, size - i));
  }
  return body;
}

std::uint64_t digest(std::string_view body) { return shared::hash_text(0, body); }

TEST(Splice, TheConnectionsLiveOnBehindALargeBody) {
  const std::string large = body_of(kLarge, 1);
  Backend backend([&](Conn& conn) {
    for (std::string head = conn.read_head(); !head.empty(); head = conn.read_head()) {
      if (!conn.send(ok(head.starts_with("GET /large") ? large : "small"))) return;
    }
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/large"));
    EXPECT_NE(client.read_head().find("Content-Length: " + std::to_string(kLarge)), std::string::npos);
    EXPECT_EQ(digest(client.read_exactly(kLarge)), digest(large));
    client.send(get("/small"));
    client.read_head();
    EXPECT_EQ(client.read_exactly(5), "small");
  }
  EXPECT_EQ(backend.connections(), 1);
}

TEST(Splice, MoreClientsThanPipesGetTheirBodiesAll) {
  const std::string large = body_of(kLarge, 2);
  Backend backend(answering(ok(large)));
  Edge edge({backend.endpoint()});
  edge.start();
  std::vector<Conn> clients;
  for (std::size_t i = 0; i < PipePool::kOpen + 16; ++i) {
    clients.push_back(edge.client());
    clients.back().send(get());
  }
  // All are under way before the first is read to its end: none gives its pipe back.
  for (Conn& client : clients) ASSERT_FALSE(client.read_head().empty());
  for (Conn& client : clients) EXPECT_EQ(digest(client.read_exactly(kLarge)), digest(large));
}

TEST(Splice, ABackendThatDiesInsideTheBodyLeavesItVisiblyCut) {
  const std::string large = body_of(kLarge, 3);
  Backend backend([&](Conn& conn) {
    conn.read_head();
    conn.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kLarge) + "\r\n\r\n");
    conn.send(std::string_view(large).substr(0, kLarge / 2));
    conn.reset();
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send(get());
  ASSERT_FALSE(client.read_head().empty());
  const std::string got = client.read_to_end();
  EXPECT_LT(got.size(), kLarge);
  EXPECT_EQ(got, std::string_view(large).substr(0, got.size()));
}

TEST(Splice, AClientThatGoesAwayCostsOnlyItsOwnConnections) {
  const std::string large = body_of(kLarge, 4);
  Backend backend(answering(ok(large)));
  Edge edge({backend.endpoint()});
  edge.start();
  for (int i = 0; i < 5; ++i) {
    Conn gone = edge.client();
    gone.send(get());
    ASSERT_FALSE(gone.read_head().empty());
    gone.reset();
  }
  Conn client = edge.client();
  client.send(get());
  ASSERT_FALSE(client.read_head().empty());
  EXPECT_EQ(digest(client.read_exactly(kLarge)), digest(large));
}

TEST(PipePool, LendsABoundedNumberAndKeepsOnlyEmptyOnes) {
  PipePool pool;
  std::vector<std::unique_ptr<Pipe>> pipes;
  for (std::unique_ptr<Pipe> pipe = pool.take(); pipe != nullptr; pipe = pool.take()) pipes.push_back(std::move(pipe));
  EXPECT_EQ(pipes.size(), PipePool::kOpen);
  pipes.front()->held = 1;
  for (auto& pipe : pipes) pool.give_back(std::move(pipe));
  const auto again = pool.take();
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->held, 0U);
}

}  // namespace
}  // namespace edge::test::splice_test
