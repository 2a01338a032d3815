#include "shared/http/framing.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/shared/http/parse.h"

namespace http::framing_test {
namespace {

std::string post(std::string_view fields) { return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n"; }

struct Framed {
  std::string_view fields;
  Body body;
};

TEST(RequestFraming, Bodies) {
  for (const Framed& good : {
           Framed{"", {BodyKind::none, 0}},
           Framed{"Content-Length: 0\r\n", {BodyKind::length, 0}},
           Framed{"Content-Length: 42\r\n", {BodyKind::length, 42}},
           Framed{"Content-Length: 18446744073709551615\r\n", {BodyKind::length, 18446744073709551615ULL}},
           Framed{"Transfer-Encoding: chunked\r\n", {BodyKind::chunked, 0}},
           Framed{"Transfer-Encoding: CHUNKED\r\n", {BodyKind::chunked, 0}},
       }) {
    const std::string text = post(good.fields);
    const auto framing = frame_request(http::testing::request(text), kNoBodyLimit);
    ASSERT_TRUE(framing) << good.fields << framing.error().reason;
    EXPECT_EQ(framing->body, good.body) << good.fields;
  }
}

struct Refused {
  std::string_view fields;
  std::uint16_t status = 400;
};

TEST(RequestFraming, RefusesEveryAmbiguity) {
  for (const Refused& bad : {
           Refused{"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"},
           Refused{"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"},
           Refused{"Content-Length: 3\r\nContent-Length: 3\r\n"},
           Refused{"Content-Length: 3\r\nContent-Length: 4\r\n"},
           Refused{"Content-Length: 3, 3\r\n"},
           Refused{"Content-Length: +3\r\n"},
           Refused{"Content-Length: -3\r\n"},
           Refused{"Content-Length: 0x3\r\n"},
           Refused{"Content-Length: 3 4\r\n"},
           Refused{"Content-Length: 1_000\r\n"},
           Refused{"Content-Length: 007\r\n"},
           Refused{"Content-Length: 00\r\n"},
           Refused{"Content-Length: 18446744073709551616\r\n"},
           Refused{"Content-Length: 3.0\r\n"},
           Refused{"Content-Length:\r\n"},
           Refused{"Content-Length: three\r\n"},
           Refused{"Transfer-Encoding:\r\n"},
           Refused{"Transfer-Encoding: chunked, chunked\r\n"},
           Refused{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"},
           Refused{"Transfer-Encoding: chunked, identity\r\n"},
           Refused{"Transfer-Encoding: xchunked\r\n"},
           Refused{"Transfer-Encoding: chunked;q=1\r\n"},
           Refused{"Transfer-Encoding: \"chunked\"\r\n"},
           Refused{"Transfer-Encoding: \vchunked\r\n"},
           Refused{"Transfer-Encoding: chunked, gzip\r\n"},
           Refused{"Transfer-Encoding: gzip, chunked\r\n", 501},
           Refused{"Transfer-Encoding: gzip\r\n", 501},
           Refused{"Content-Length: 11\r\n", 413},
           Refused{"Expect: 200-ok\r\n", 417},
           Refused{"Expect: 100-continue, x\r\n", 417},
           Refused{"Connection: a b\r\n"},
       }) {
    const std::string text = post(bad.fields);
    const auto parsed = http::testing::parse_request(text);
    if (parsed.state == ParseState::error) {  // refused even earlier
      EXPECT_EQ(parsed.refusal.status, bad.status) << bad.fields;
      continue;
    }
    const auto framing = frame_request(parsed.head, 10);
    ASSERT_FALSE(framing) << bad.fields;
    EXPECT_EQ(framing.error().status, bad.status) << bad.fields;
  }
}

TEST(RequestFraming, TransferEncodingInHttp10IsRefused) {
  const std::string text = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(frame_request(http::testing::request(text), 10).error().status, 400);
}

RequestFraming framed(const std::string& text) {
  const auto framing = frame_request(http::testing::request(text), kNoBodyLimit);
  EXPECT_TRUE(framing) << text;
  return framing.value_or(RequestFraming{});
}

TEST(RequestFraming, Persistence) {
  EXPECT_EQ(framed("GET / HTTP/1.1\r\n\r\n").persistence, Persistence::keep);
  EXPECT_EQ(framed("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").persistence, Persistence::close);
  EXPECT_EQ(framed("GET / HTTP/1.1\r\nConnection: keep-alive, Close\r\n\r\n").persistence, Persistence::close);
  EXPECT_EQ(framed("GET / HTTP/1.0\r\n\r\n").persistence, Persistence::close);
  EXPECT_EQ(framed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").persistence, Persistence::keep);
}

TEST(RequestFraming, ExpectationOnlyWithABodyAndHttp11) {
  EXPECT_EQ(framed(post("Expect: 100-Continue\r\nContent-Length: 3\r\n")).expectation, Expectation::continue_100);
  EXPECT_EQ(framed(post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n")).expectation,
            Expectation::continue_100);
  EXPECT_EQ(framed(post("Expect: 100-continue\r\n")).expectation, Expectation::none);
  EXPECT_EQ(framed("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n").expectation,
            Expectation::none);
}

TEST(RequestFraming, UpgradeMustBeAskedForAndPassable) {
  EXPECT_TRUE(framed("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").upgrade);
  for (const std::string fields :
       {"Upgrade: websocket\r\n", "Connection: Upgrade\r\n", "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: HTTP/2.0\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n"}) {
    EXPECT_FALSE(framed("GET / HTTP/1.1\r\n" + fields + "\r\n").upgrade) << fields;
  }
  EXPECT_FALSE(framed("GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").upgrade);
  EXPECT_TRUE(framed("GET / HTTP/1.1\r\nTE: gzip, trailers\r\nConnection: TE\r\n\r\n").te_trailers);
}

struct ResponseCase {
  std::string_view text;
  Method method;
  Body body;
  Persistence persistence;
};

TEST(ResponseFraming, Bodies) {
  for (const ResponseCase& good : {
           ResponseCase{
               "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::get, {BodyKind::length, 5}, Persistence::keep},
           ResponseCase{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                        Method::get,
                        {BodyKind::chunked, 0},
                        Persistence::keep},
           ResponseCase{"HTTP/1.1 200 OK\r\n\r\n", Method::get, {BodyKind::until_close, 0}, Persistence::close},
           ResponseCase{
               "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::head, {BodyKind::none, 0}, Persistence::keep},
           ResponseCase{"HTTP/1.1 200 OK\r\n\r\n", Method::head, {BodyKind::none, 0}, Persistence::keep},
           ResponseCase{"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
                        Method::get,
                        {BodyKind::none, 0},
                        Persistence::keep},
           ResponseCase{"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
                        Method::get,
                        {BodyKind::none, 0},
                        Persistence::keep},
           ResponseCase{"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
                        Method::get,
                        {BodyKind::none, 0},
                        Persistence::keep},
           ResponseCase{
               "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", Method::get, {BodyKind::length, 5}, Persistence::close},
           ResponseCase{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
                        Method::get,
                        {BodyKind::length, 5},
                        Persistence::close},
       }) {
    const auto framing = frame_response(http::testing::response(good.text), {good.method, false});
    ASSERT_TRUE(framing) << good.text;
    EXPECT_EQ(framing->body, good.body) << good.text;
    EXPECT_EQ(framing->persistence, good.persistence) << good.text;
  }
}

TEST(ResponseFraming, InterimAndSwitched) {
  EXPECT_TRUE(frame_response(http::testing::response("HTTP/1.1 103 Early Hints\r\n\r\n"), {})->interim);
  EXPECT_TRUE(frame_response(http::testing::response("HTTP/1.1 100 Continue\r\n\r\n"), {})->interim);
  const std::string_view switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
  EXPECT_EQ(frame_response(http::testing::response(switching), {Method::get, false}).error().status, 502);
  EXPECT_TRUE(frame_response(http::testing::response(switching), {Method::get, true})->switched);
}

TEST(ResponseFraming, RefusesAs502) {
  for (const std::string_view fields : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: -1\r\n",
                                        "Content-Length: 5\r\nContent-Length: 5\r\n", "Transfer-Encoding: gzip\r\n"}) {
    const std::string text = "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n";
    EXPECT_EQ(frame_response(http::testing::response(text), {}).error().status, 502) << fields;
  }
}

TEST(ClientBody, LengthElseChunksElseUntilClose) {
  EXPECT_EQ(client_body({BodyKind::length, 7}, Version::http_1_0), (Body{BodyKind::length, 7}));
  EXPECT_EQ(client_body({BodyKind::until_close, 0}, Version::http_1_1), (Body{BodyKind::chunked, 0}));
  EXPECT_EQ(client_body({BodyKind::chunked, 0}, Version::http_1_0), (Body{BodyKind::until_close, 0}));
  EXPECT_EQ(client_body({BodyKind::none, 0}, Version::http_1_0), (Body{BodyKind::none, 0}));
}

}  // namespace
}  // namespace http::framing_test
