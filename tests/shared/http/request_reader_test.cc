#include "shared/http/request_reader.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace http::request_reader_test {
namespace {

using State = RequestReader::State;

// Fed in pieces of this size; what the last piece came to.
State feed(RequestReader& reader, std::string_view bytes, std::size_t piece) {
  State state = State::incomplete;
  for (std::size_t at = 0; at < bytes.size(); at += piece) state = reader.feed(bytes.substr(at, piece));
  return state;
}

std::uint16_t refused(std::string_view bytes, RequestLimits limits = {}) {
  RequestReader reader(limits);
  return reader.feed(bytes) == State::refused ? reader.refusal().status : 0;
}

TEST(RequestReader, ReadsAHeadAndABodyHoweverTheyCome) {
  const std::string_view bytes = "POST /change?a=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    RequestReader reader({});
    EXPECT_FALSE(reader.begun());
    ASSERT_EQ(feed(reader, bytes.substr(0, bytes.size() - 1), piece), State::incomplete);
    EXPECT_TRUE(reader.begun());
    ASSERT_EQ(reader.feed(bytes.substr(bytes.size() - 1)), State::complete);
    EXPECT_EQ(reader.head().method, Method::post);
    EXPECT_EQ(reader.head().target, "/change?a=1");
    EXPECT_EQ(reader.head().fields.find(FieldId::host)->value, "localhost");
    EXPECT_EQ(reader.body(), "{\"a\":1}");
    EXPECT_EQ(reader.framing().persistence, Persistence::keep);
    reader.next();
    EXPECT_FALSE(reader.begun());
  }
}

TEST(RequestReader, ReadsChunks) {
  const std::string_view bytes =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nETag: "
      "1\r\n\r\nGET";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    RequestReader reader({});
    ASSERT_EQ(feed(reader, bytes, piece), State::complete) << piece;
    EXPECT_EQ(reader.body(), "abcde");
    EXPECT_EQ(reader.head().fields.find(FieldId::host)->value, "a");
    reader.next();
    EXPECT_TRUE(reader.begun());
    EXPECT_EQ(reader.feed(" / HTTP/1.0\r\n\r\n"), State::complete);
    EXPECT_EQ(reader.head().version, Version::http_1_0);
  }
}

TEST(RequestReader, RequestsThatCameTogetherAreReadInTurn) {
  RequestReader reader({});
  EXPECT_EQ(
      reader.feed("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nokGET /3"),
      State::complete);
  EXPECT_EQ(reader.head().target, "/1");
  EXPECT_EQ(reader.feed(" HTTP/1.1\r\n"), State::complete) << "the first one is still to be answered";
  EXPECT_EQ(reader.head().target, "/1");
  reader.next();
  EXPECT_EQ(reader.feed({}), State::complete);
  EXPECT_EQ(reader.head().target, "/2");
  EXPECT_EQ(reader.body(), "ok");
  reader.next();
  EXPECT_EQ(reader.feed({}), State::incomplete);
  EXPECT_EQ(reader.feed("Host: a\r\nConnection: close\r\n\r\n"), State::complete);
  EXPECT_EQ(reader.head().target, "/3");
  EXPECT_EQ(reader.body(), "");
  EXPECT_EQ(reader.framing().persistence, Persistence::close);
}

TEST(RequestReader, RefusesWithTheStatusToAnswer) {
  EXPECT_EQ(refused("GET  / HTTP/1.1\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/2.0\r\n"), 505);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"), 400);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), 501);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nExpect: miracles\r\n\r\n"), 417);
  RequestReader reader({});
  EXPECT_EQ(reader.feed("\x16\x03\x01"), State::refused);
  EXPECT_EQ(reader.feed("GET / HTTP/1.1\r\n\r\n"), State::refused) << "for good";
}

TEST(RequestReader, HeadAndBodyAreBounded) {
  const RequestLimits limits{.head = 200, .body = 10};
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nX: " + std::string(300, 'x'), limits), 431);
  EXPECT_EQ(refused("GET /" + std::string(300, 'x'), limits), 414);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", limits), 413);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789", limits), 0);
  const std::string chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n";
  EXPECT_EQ(refused(chunked + "4\r\nghij\r\n0\r\n\r\n", limits), 0);
  EXPECT_EQ(refused(chunked + "5\r\nghijk\r\n0\r\n\r\n", limits), 413);
  EXPECT_EQ(refused(chunked + "ffffffffffffffff\r\nghijk", limits), 413);
}

}  // namespace
}  // namespace http::request_reader_test
