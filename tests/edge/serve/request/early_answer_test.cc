// An answer that comes before the request was read, to a client that writes everything first and reads then (RFC 9112
// 9.6). The request is larger than what sockets hold on their own.
#include "tests/edge/serve/harness.h"

namespace edge::test::early_answer_test {
namespace {

constexpr std::size_t kUpload = 24 * 1024 * 1024;

std::string upload(std::string_view path = "/") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: shop.example\r\nContent-Length: " + std::to_string(kUpload) +
         "\r\n\r\n" + std::string(kUpload, 'x');
}

std::string refusal() { return "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"; }

// Writes all of it before it reads.
std::string answer_to(Conn& client, std::string_view request) {
  EXPECT_TRUE(client.send(request)) << "a broken pipe";
  return client.read_to_end();
}

TEST(EarlyAnswer, ReachesTheClientWhoseServerClosesAtOnce) {
  Backend backend([](Conn& conn) {
    if (!conn.read_head().empty()) conn.send(refusal());
  });
  Edge edge({backend.endpoint()});
  edge.start();
  for (int i = 0; i < 3; ++i) {
    Conn client = edge.client();
    const std::string answer = answer_to(client, upload());
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nno")) << answer;
  }
}

TEST(EarlyAnswer, ReachesTheClientWhoseServerOnlyStopsReading) {
  std::promise<void> over;
  Backend backend([&](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send(refusal());
    over.get_future().wait();
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  EXPECT_TRUE(answer_to(client, upload()).starts_with("HTTP/1.1 413 "));
  over.set_value();
}

TEST(EarlyAnswer, TheServerGetsTheRestIfItTakesIt) {
  std::promise<std::size_t> taken;
  Backend backend([&](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send(ok("early"));
    taken.set_value(conn.read_exactly(kUpload).size());
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  const std::string answer = answer_to(client, upload());
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("early")) << answer;
  EXPECT_EQ(taken.get_future().get(), kUpload);
  EXPECT_EQ(edge.live.server(ServerId{0}).failures, 0U);
}

TEST(EarlyAnswer, ALargeOneReachesTheClientWhoseServerStopsReading) {
  const std::string body(kUpload, 'y');
  const std::string early = ok(body);
  Backend backend([&](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send(early);
    conn.read_to_end();
  });
  Edge edge({backend.endpoint()});
  edge.route.timeouts.send = shared::seconds(2);
  edge.start();
  Conn client = edge.client();
  const std::string answer = answer_to(client, upload());
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 "));
  EXPECT_GE(answer.size(), body.size());
}

TEST(EarlyAnswer, OurOwnReachTheClientToo) {
  Backend backend([](Conn& conn) { conn.read_to_end(); });
  Edge edge({backend.endpoint()}, [](Settings& s) { s.max_body = 1024; });
  edge.route.path = "/known";
  edge.start();
  const struct {
    std::string request;
    std::string_view answer;
  } cases[] = {
      {upload("/known"), "HTTP/1.1 413 "},
      {"POST /unknown HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1800000\r\n" +
           std::string(kUpload, 'x') + "\r\n0\r\n\r\n",
       "HTTP/1.1 404 "},
      {"POST /known HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1800000\r\n" + std::string(kUpload, 'x') +
           "\r\n0\r\n\r\n",
       "HTTP/1.1 413 "},
      {"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 9\r\n\r\n" + std::string(kUpload, 'x'),
       "HTTP/1.1 400 "},
      {"POST / HTTP/1.1\r\nX : y\r\n\r\n" + std::string(kUpload, 'x'), "HTTP/1.1 400 "},
  };
  for (const auto& [request, expected] : cases) {
    Conn client = edge.client();
    const std::string answer = answer_to(client, request);
    EXPECT_TRUE(answer.starts_with(expected)) << request.substr(0, 60) << ": " << answer;
    EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "one answer only";
  }
}

TEST(EarlyAnswer, ASilentClientIsClosedInTime) {
  Backend backend([](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send(refusal());
    conn.read_to_end();
  });
  Edge edge({backend.endpoint()}, [](Settings& s) { s.timeouts.linger = shared::milliseconds(100); });
  edge.start();
  Conn client = edge.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
  EXPECT_TRUE(client.read_to_end().ends_with("no"));
  EXPECT_TRUE(eventually([&] { return edge.worker->counters().connections_open.read() == 0; }));
}

TEST(EarlyAnswer, ARefusedHeadRequestGetsNoBody) {
  Edge edge({}, [](Settings& s) { s.head_limits.max_target = 64; });
  edge.start();
  for (const std::string& request : {"HEAD /" + std::string(100, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n",
                                     std::string("HEAD / HTTP/1.1\r\nX : y\r\n\r\n"),
                                     std::string("\r\nHEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"),
                                     std::string("HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")}) {
    Conn client = edge.client();
    client.send(request);
    const std::string answer = client.read_to_end();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 4")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  }
}

}  // namespace
}  // namespace edge::test::early_answer_test
