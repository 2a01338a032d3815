// `edge.answer`: a server's head over the limits is a 502, and they are not the client's limits.
#include "tests/edge/serve/harness.h"

namespace edge::test::answer_limits_test {
namespace {

std::string answer_with(std::size_t fields, std::size_t octets) {
  std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
  for (std::size_t i = 0; i < fields; ++i) head += "X-" + std::to_string(i) + ": " + std::string(octets, 'x') + "\r\n";
  return head + "\r\nok";
}

void narrow(Settings& settings) {
  settings.answer_limits.max_head = 8192;
  settings.answer_limits.max_fields = 20;
  settings.head_limits.max_head = 1024;
  settings.head_limits.max_fields = 10;
}

std::string answer_to_get(const std::string& response) {
  Backend backend(answering(response));
  Edge edge({backend.endpoint()}, narrow);
  edge.start();
  Conn client = edge.client();
  client.send(get());
  return client.read_head();
}

TEST(AnswerLimits, AHeadThatIsTooLongIsA502) {
  EXPECT_TRUE(answer_to_get(answer_with(4, 4000)).starts_with("HTTP/1.1 502 "));
  EXPECT_TRUE(answer_to_get("HTTP/1.1 200 OK\r\nX: " + std::string(100000, 'x')).starts_with("HTTP/1.1 502 "));
}

TEST(AnswerLimits, AHeadOfTooManyFieldsIsA502) {
  EXPECT_TRUE(answer_to_get(answer_with(30, 1)).starts_with("HTTP/1.1 502 "));
}

TEST(AnswerLimits, AreNotTheLimitsOfRequests) {
  EXPECT_TRUE(answer_to_get(answer_with(15, 300)).starts_with("HTTP/1.1 200 "));
}

TEST(AnswerLimits, TheServerIsBlamedAndTheNextOneAsked) {
  Backend bad(answering(answer_with(30, 1)));
  Backend good(answering(ok("good")));
  Edge edge({bad.endpoint(), good.endpoint()}, narrow);
  edge.pool.retry.attempts = 2;
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 4; ++i) {
    client.send(get());
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(client.read_exactly(4), "good");
  }
  EXPECT_GT(edge.live.server(ServerId{0}).failures, 0U);
}

}  // namespace
}  // namespace edge::test::answer_limits_test
