#include "tests/edge/serve/harness.h"

namespace edge::test::interim_test {
namespace {

const std::string kHints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";

std::uint64_t errors(const Edge& edge, ErrorKind kind) {
  return edge.worker->counters().errors[static_cast<std::size_t>(kind)].read();
}

// Sends `head` until the connection is closed.
Backend::Script for_ever(std::string head) {
  return [head = std::move(head)](Conn& conn) {
    if (conn.read_head().empty()) return;
    while (conn.send(head)) {
    }
  };
}

int interims_before_the_answer(Conn& client, std::string& answer) {
  int count = 0;
  for (answer = client.read_head(); answer.starts_with("HTTP/1.1 1"); answer = client.read_head()) ++count;
  return count;
}

TEST(Interim, AServerThatSendsThemForEverIsCutOff) {
  for (const std::string& head : {kHints, std::string("HTTP/1.1 100 Continue\r\n\r\n"),
                                  "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(20000, 'x') + "\r\n\r\n"}) {
    Backend backend(for_ever(head));
    Edge edge({backend.endpoint()});
    edge.start();
    Conn client = edge.client();
    client.send(get());
    std::string answer;
    EXPECT_LE(interims_before_the_answer(client, answer), 100);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 502 ")) << answer;
    EXPECT_TRUE(eventually([&] { return errors(edge, ErrorKind::bad_response) == 1; }));
  }
}

TEST(Interim, ManyPassAndTheAnswerFollows) {
  std::string all;
  for (int i = 0; i < 60; ++i) all += kHints;
  Backend backend(answering(all + ok("x")));
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 2; ++i) {
    client.send(get());
    std::string answer;
    EXPECT_EQ(interims_before_the_answer(client, answer), 60);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_EQ(client.read_exactly(1), "x");
  }
  EXPECT_EQ(backend.connections(), 1);
}

// A client that reads nothing is no reason to take in what is for it: the server is not read then.
TEST(Interim, WhileTheClientTakesNothingTheServerIsNotRead) {
  std::promise<void> sent;
  std::atomic<bool> cut{false};  // who sends too much is cut off as soon as it has been read
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(500, 'x') + "\r\n\r\n";
  Backend backend([&](Conn& conn) {
    for (std::string head = conn.read_head(); !head.empty(); head = conn.read_head()) {
      if (head.starts_with("GET /other ")) {
        conn.send(ok("other"));
        continue;
      }
      for (int i = 0; i < 150; ++i) conn.send(hints);  // more than are allowed
      sent.set_value();
      cut = conn.closed();
    }
  });
  Edge edge({backend.endpoint()});
  edge.send_buffer = 4096;
  edge.start();
  Conn slow = edge.narrow_client();
  slow.send(get());
  sent.get_future().wait();
  Conn other = edge.client();
  for (int turn = 0; turn < 300; ++turn) {  // each costs a turn of the loop at least, in which one head would be read
    other.send(get("/other"));
    EXPECT_TRUE(other.read_head().starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(other.read_exactly(5), "other");
  }
  EXPECT_FALSE(cut) << "all of them were read";
  std::string answer;
  EXPECT_LE(interims_before_the_answer(slow, answer), 100);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 502 ")) << answer;
  EXPECT_TRUE(eventually([&] { return cut.load(); }));
}

// Fewer than would be too many, in a time that is much longer than the server has.
TEST(Interim, TheyBuyTheServerNoTime) {
  Backend backend([](Conn& conn) {
    if (conn.read_head().empty()) return;
    for (int i = 0; i < 90 && conn.silent(30); ++i) conn.send(kHints);
    conn.send(ok("late"));
  });
  Edge edge({backend.endpoint()});
  edge.route.timeouts.read = shared::milliseconds(150);
  edge.start();
  Conn client = edge.client();
  client.send(get());
  std::string answer;
  interims_before_the_answer(client, answer);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 504 ")) << answer;
}

// Nor do the octets of a head that trickles.
TEST(Interim, ATricklingHeadBuysTheServerNoTime) {
  Backend backend([](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send("HTTP/1.1 200 OK\r\nX: ");
    for (int i = 0; i < 90 && conn.silent(30); ++i) conn.send("x");
    conn.send("\r\nContent-Length: 0\r\n\r\n");
  });
  Edge edge({backend.endpoint()});
  edge.route.timeouts.read = shared::milliseconds(150);
  edge.start();
  Conn client = edge.client();
  client.send(get());
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 504 "));
}

}  // namespace
}  // namespace edge::test::interim_test
