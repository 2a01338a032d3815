#include "shared/serve/probe/probe_response.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace shared {
namespace {

ProbeResponse read_whole(std::string_view bytes) {
  ProbeResponse response;
  response.feed(bytes);
  return response;
}

TEST(ProbeResponseTest, ReadsABodyByLength) {
  const auto response = read_whole("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.body(), "body");
  EXPECT_TRUE(response.keep_alive());
}

TEST(ProbeResponseTest, ReadsByteByByte) {
  const std::string_view bytes =
      "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: "
      "1\r\n\r\n";
  ProbeResponse response;
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

TEST(ProbeResponseTest, BodyWithoutLengthEndsWithTheConnection) {
  auto response = read_whole("HTTP/1.1 200 OK\r\n\r\nsome");
  EXPECT_FALSE(response.done());
  response.feed_end();
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.body(), "some");
  EXPECT_FALSE(response.keep_alive());
}

TEST(ProbeResponseTest, AnEndWithinTheAnswerIsBad) {
  for (const std::string_view part : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbod"}) {
    auto response = read_whole(part);
    response.feed_end();
    EXPECT_TRUE(response.bad()) << part;
  }
}

TEST(ProbeResponseTest, InterimAnswersArePassedOver) {
  const auto response = read_whole("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.status(), 204);
}

TEST(ProbeResponseTest, ConnectionOptionDecidesWhetherItIsKept) {
  EXPECT_FALSE(read_whole("HTTP/1.1 204 No\r\nConnection: x, Close\r\n\r\n").keep_alive());
  EXPECT_FALSE(read_whole("HTTP/1.0 204 No\r\n\r\n").keep_alive());
  EXPECT_TRUE(read_whole("HTTP/1.0 204 No\r\nConnection: keep-alive\r\n\r\n").keep_alive());
}

TEST(ProbeResponseTest, BytesPastTheEndMakeTheConnectionUnfit) {
  const auto response = read_whole("HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n");
  EXPECT_TRUE(response.done());
  EXPECT_FALSE(response.keep_alive());
}

TEST(ProbeResponseTest, KeepsFourKilobytesOfTheBody) {
  const std::string body(100'000, 'x');
  const auto response = read_whole("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body);
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.body().size(), 4096U);
}

TEST(ProbeResponseTest, KeepsAsMuchOfTheBodyAsIsAskedFor) {
  ProbeResponse response(8);
  response.feed("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789");
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.body(), "12345678");
  EXPECT_FALSE(response.body_complete());
  ProbeResponse whole(9);
  whole.feed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789");
  EXPECT_TRUE(whole.body_complete());
}

// RFC 9112 5.1 and what servers do: the edge passes such answers on, and so they are healthy.
TEST(ProbeResponseTest, SpacesThatProxiesTakeAwayAreNoFault) {
  EXPECT_TRUE(read_whole("HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok").done());
  EXPECT_TRUE(read_whole("HTTP/1.2 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nok\r\n0 \r\n\r\n").done());
}

TEST(ProbeResponseTest, WhatCouldBeReadInTwoWaysIsBad) {
  for (const std::string_view bytes : {
           "SSH-2.0-OpenSSH\r\n",
           "HTTP/2 200 OK\r\n",
           "HTTP/1.1 2000 OK\r\n",
           "HTTP/1.1 20 OK\r\n",
           "HTTP/1.1 101 Switching\r\n",
           "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
           "HTTP/1.1 200 OK\r\nA\rB: 1\r\n",
           "HTTP/1.1 200 OK\r\n : 0\r\n",
           "HTTP/1.1 200 OK\r\nContent Length: 0\r\n",
           "HTTP/1.1 200 OK\r\n folded\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length:\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
       }) {
    EXPECT_TRUE(read_whole(bytes).bad()) << bytes;
  }
}

TEST(ProbeResponseTest, EndlessHeadsAndBodiesAreBad) {
  EXPECT_TRUE(read_whole("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x')).bad());
  EXPECT_TRUE(read_whole("HTTP/1.1 200 OK\r\n\r\n" + std::string(2'000'000, 'x')).bad());
}

}  // namespace
}  // namespace shared
