#include "shared/http/response_reader.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace http::response_reader_test {
namespace {

ResponseReader read_whole(std::string_view bytes) {
  ResponseReader response;
  response.feed(bytes);
  return response;
}

// Whatever the cuts: the same verdict.
ResponseReader read_in_pieces(std::string_view bytes, std::size_t piece, Method asked = Method::get) {
  ResponseReader response({}, asked);
  for (std::size_t at = 0; at < bytes.size(); at += piece) response.feed(bytes.substr(at, piece));
  return response;
}

TEST(ResponseReader, ReadsABodyByLength) {
  const auto response = read_whole("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.body(), "body");
  EXPECT_TRUE(response.keep_alive());
}

TEST(ResponseReader, ReadsByteByByte) {
  const std::string_view bytes =
      "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: "
      "1\r\n\r\n";
  ResponseReader response;
  for (const char c : bytes) {
    ASSERT_FALSE(response.done());
    response.feed(std::string_view(&c, 1));
    ASSERT_FALSE(response.bad()) << response.error();
  }
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.status(), 503);
  EXPECT_EQ(response.body(), "abcde");
  EXPECT_TRUE(response.keep_alive());
}

TEST(ResponseReader, BodyWithoutLengthEndsWithTheConnection) {
  auto response = read_whole("HTTP/1.1 200 OK\r\n\r\nsome");
  EXPECT_FALSE(response.done());
  response.feed_end();
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.body(), "some");
  EXPECT_FALSE(response.keep_alive());
}

TEST(ResponseReader, AnEndWithinTheAnswerIsBad) {
  for (const std::string_view part : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbod"}) {
    auto response = read_whole(part);
    response.feed_end();
    EXPECT_TRUE(response.bad()) << part;
  }
}

TEST(ResponseReader, InterimAnswersArePassedOver) {
  const auto response = read_whole("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.status(), 204);
}

TEST(ResponseReader, ConnectionOptionDecidesWhetherItIsKept) {
  EXPECT_FALSE(read_whole("HTTP/1.1 204 No\r\nConnection: x, Close\r\n\r\n").keep_alive());
  EXPECT_FALSE(read_whole("HTTP/1.0 204 No\r\n\r\n").keep_alive());
  EXPECT_TRUE(read_whole("HTTP/1.0 204 No\r\nConnection: keep-alive\r\n\r\n").keep_alive());
}

TEST(ResponseReader, BytesPastTheEndMakeTheConnectionUnfit) {
  const auto response = read_whole("HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n");
  EXPECT_TRUE(response.done());
  EXPECT_FALSE(response.keep_alive());
}

TEST(ResponseReader, KeepsFourKilobytesOfTheBody) {
  const std::string body(100'000, 'x');
  const auto response = read_whole("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body);
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.body().size(), 4096U);
}

TEST(ResponseReader, KeepsAsMuchOfTheBodyAsIsAskedFor) {
  ResponseReader response({.kept = 8});
  response.feed("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789");
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.body(), "12345678");
  EXPECT_FALSE(response.body_complete());
  ResponseReader whole({.kept = 9});
  whole.feed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789");
  EXPECT_TRUE(whole.body_complete());
}

// RFC 9112 5.1 and what servers do: the edge passes such answers on, and so they are healthy.
TEST(ResponseReader, SpacesThatProxiesTakeAwayAreNoFault) {
  EXPECT_TRUE(read_whole("HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok").done());
  EXPECT_TRUE(read_whole("HTTP/1.2 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nok\r\n0 \r\n\r\n").done());
}

TEST(ResponseReader, WhatCouldBeReadInTwoWaysIsBad) {
  for (const std::string_view bytes : {
           "SSH-2.0-OpenSSH\r\n",
           "HTTP/2 200 OK\r\n",
           "HTTP/1.1 2000 OK\r\n",
           "HTTP/1.1 20 OK\r\n",
           "HTTP/1.1 101 Switching\r\n\r\n",
           "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
           "HTTP/1.1 200 OK\r\nA\rB: 1\r\n",
           "HTTP/1.1 200 OK\r\n : 0\r\n",
           "HTTP/1.1 200 OK\r\nContent Length: 0\r\n",
           "HTTP/1.1 200 OK\r\n folded\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
           "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
       }) {
    EXPECT_TRUE(read_whole(bytes).bad()) << bytes;
  }
}

TEST(ResponseReader, TellsWhatIsBad) {
  EXPECT_EQ(read_whole("SSH-2.0-OpenSSH\r\n").error(), "no HTTP status line");
  EXPECT_EQ(read_whole("HTTP/1.1 200 OK\r\n\r\n" + std::string(2'000'000, 'x')).error(), "the body is too large");
  auto cut = read_whole("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbod");
  cut.feed_end();
  EXPECT_EQ(cut.error(), "the connection closed within the answer");
}

TEST(ResponseReader, AnAnswerToHeadHasNoBody) {
  const auto response = read_in_pieces("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", 7, Method::head);
  EXPECT_TRUE(response.done());
  EXPECT_TRUE(response.keep_alive());
}

TEST(ResponseReader, TellsFieldsOfTheLastHead) {
  const auto response = read_in_pieces(
      "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-type: text/plain\r\n"
      "X-Own: 1\r\nContent-Length: 0\r\n\r\n",
      5);
  ASSERT_TRUE(response.done());
  EXPECT_EQ(response.field("Content-Type"), "text/plain");
  EXPECT_EQ(response.field("x-own"), "1");
  EXPECT_EQ(response.field("Link"), std::nullopt);
}

TEST(ResponseReader, TrailersMayComeInPieces) {
  const std::string_view bytes =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nETag: \"1\"\r\nServer-Timing: x\r\n\r\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const auto response = read_in_pieces(bytes, piece);
    ASSERT_TRUE(response.done()) << piece << ": " << response.error();
    EXPECT_EQ(response.body(), "ab");
    EXPECT_TRUE(response.keep_alive()) << piece;
    const auto surplus = read_in_pieces(std::string(bytes) + "HTTP/1.1 200", piece);
    EXPECT_TRUE(surplus.done());
    EXPECT_FALSE(surplus.keep_alive()) << piece;
  }
}

TEST(ResponseReader, EndlessHeadsAndBodiesAreBad) {
  std::string hints;
  for (int i = 0; i < 1000; ++i) hints += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
  EXPECT_TRUE(read_whole(hints).bad());
  EXPECT_TRUE(read_whole("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x')).bad());
  EXPECT_TRUE(read_whole("HTTP/1.1 200 OK\r\n\r\n" + std::string(2'000'000, 'x')).bad());
}

}  // namespace
}  // namespace http::response_reader_test
