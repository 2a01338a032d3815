// Large answers of the edge's own (`respond`), to clients that write everything first, read slowly, or have left.
#include "edge/serve/request/send_rest.h"

#include "tests/edge/serve/harness.h"

namespace edge::test::send_rest_test {
namespace {

const std::string kBody(256 * 1024, 'y');

// Its route answers by itself, and neither side's kernel takes much of that.
struct Responder {
  Edge edge;

  explicit Responder(shared::milliseconds patience)
      : edge({}, [patience](Settings& s) { s.timeouts.send = patience; }) {
    edge.route.action = Respond{.status = 200, .body = kBody, .content_type = "text/plain"};
    edge.send_buffer = 4096;
    edge.start();
  }

  [[nodiscard]] bool all_closed() const {
    return eventually([&] { return edge.worker->counters().connections_open.read() == 0; });
  }
  [[nodiscard]] std::uint64_t left() const {
    return edge.worker->counters().errors[static_cast<std::size_t>(ErrorKind::client_closed)].read();
  }
};

TEST(SendRest, AClientThatWritesEverythingFirstGetsTheAnswer) {
  Responder responder(shared::seconds(10));
  Conn client = responder.edge.narrow_client();
  constexpr std::size_t kUpload = 24 * 1024 * 1024;
  EXPECT_TRUE(client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kUpload) + "\r\n\r\n" +
                          std::string(kUpload, 'x')));
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(client.read_exactly(kBody.size()), kBody);
}

TEST(SendRest, AClientThatHasLeftIsNotWaitedFor) {
  Responder responder(shared::seconds(60));
  Conn client = responder.edge.narrow_client();
  client.send(get());
  EXPECT_FALSE(client.silent(10000)) << "the answer has begun";
  client.shutdown_send();
  EXPECT_TRUE(responder.all_closed());
  EXPECT_EQ(responder.left(), 1U);
}

TEST(SendRest, AClientThatLeftInsideItsRequestIsNotWaitedFor) {
  Responder responder(shared::seconds(60));
  Conn client = responder.edge.narrow_client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_FALSE(client.silent(10000)) << "the answer has begun";
  client.shutdown_send();
  EXPECT_EQ(eventually([&] { return responder.left() == 1; }), true);
}

TEST(SendRest, AHalfClosingClientGetsAllOfItWhereThatIsAllowed) {
  Responder responder(shared::seconds(60));
  responder.edge.stop();
  responder.edge.settings.half_close = HalfClose::allow;
  responder.edge.start();
  Conn client = responder.edge.narrow_client();
  client.send(get());
  EXPECT_FALSE(client.silent(10000)) << "the answer has begun";
  client.shutdown_send();
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(client.read_exactly(kBody.size()), kBody);
}

// Its time is that from one progress to the next.
TEST(SendRest, ASlowReaderGetsAllOfIt) {
  Responder responder(shared::milliseconds(400));
  Conn client = responder.edge.narrow_client();
  client.send(get());
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
  std::string body;
  for (std::size_t part = 0; part < 32; ++part) {
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    body += client.read_exactly(kBody.size() / 32);
  }
  EXPECT_EQ(body, kBody);
}

TEST(SendRest, AClientThatTakesNothingIsCutInTime) {
  Responder responder(shared::milliseconds(100));
  Conn client = responder.edge.narrow_client();
  client.send(get());
  EXPECT_TRUE(eventually([&] { return responder.left() == 1; }));
  EXPECT_TRUE(responder.all_closed());
}

}  // namespace
}  // namespace edge::test::send_rest_test
