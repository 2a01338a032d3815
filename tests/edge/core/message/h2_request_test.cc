#include "edge/core/message/h2_request.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "edge/core/message/target.h"

namespace edge::h2_request_test {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Taken = H2Request::Taken;

Pairs get(const std::string& path, Pairs more = {}) {
  Pairs all{{":method", "GET"}, {":scheme", "https"}, {":path", path}, {":authority", "shop.example"}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

struct Read {
  H2Request request;
  http::RequestHead head;
  http::Checked<http::RequestFraming> framing = http::refuse(400, "not finished");
  Taken taken = Taken::yes;
};

// Of a request that has ended, or whose body follows.
std::unique_ptr<Read> read(const Pairs& pairs, bool ended = true, const http::HeadLimits& limits = {},
                           std::uint64_t max_body = 1000) {
  auto read = std::make_unique<Read>();
  for (const auto& [name, value] : pairs) {
    read->taken = read->request.add(name, value, limits);
    if (read->taken != Taken::yes) return read;
  }
  read->framing = read->request.finish(limits, max_body, ended, "k==", read->head);
  return read;
}

TEST(H2Request, IsAHeadAsHttp1HasIt) {
  const auto got = read(get("/a?b", {{"user-agent", "x"}, {"accept", "*/*"}}));
  ASSERT_TRUE(got->framing);
  EXPECT_EQ(got->head.method, http::Method::get);
  EXPECT_EQ(got->head.target, "/a?b");
  EXPECT_EQ(got->head.version, http::Version::http_1_1);
  ASSERT_NE(got->head.fields.find(http::FieldId::host), nullptr);
  EXPECT_EQ(got->head.fields.find(http::FieldId::host)->value, "shop.example");
  EXPECT_EQ(got->head.fields.find(http::FieldId::user_agent)->value, "x");
  EXPECT_EQ(got->head.fields.size(), 3U);
  EXPECT_EQ(got->framing->body.kind, http::BodyKind::none);
}

TEST(H2Request, AFieldWhoseNameIsKnownIsTheSame) {
  Read got;
  for (const auto& [name, value] : get("/")) ASSERT_EQ(got.request.add(name, value, {}), Taken::yes);
  const auto add = [&](http::FieldId id, std::string_view name, std::string_view value) {
    return got.request.add(http::Field{name, value, id}, {});
  };
  EXPECT_EQ(add(http::FieldId::cookie, "cookie", "a=1"), Taken::yes);
  EXPECT_EQ(add(http::FieldId::user_agent, "user-agent", "x"), Taken::yes);
  EXPECT_EQ(add(http::FieldId::cookie, "cookie", "b=2"), Taken::yes);
  EXPECT_EQ(add(http::FieldId::etag, "etag", "a\nb"), Taken::malformed);
  EXPECT_EQ(add(http::FieldId::transfer_encoding, "transfer-encoding", "chunked"), Taken::malformed);
  ASSERT_TRUE(got.request.finish({}, 1000, true, {}, got.head));
  EXPECT_EQ(got.head.fields.find(http::FieldId::user_agent)->value, "x");
  EXPECT_EQ(got.head.fields.find(http::FieldId::cookie)->value, "a=1; b=2");
  EXPECT_EQ(got.head.fields.find(http::FieldId::host)->value, "shop.example");
}

TEST(H2Request, IsOfAnySize) {
  for (std::size_t fields = 1; fields < 60; ++fields) {
    Pairs more;
    for (std::size_t i = 0; i < fields; ++i) more.emplace_back("x-" + std::to_string(i), std::string(i * fields, 'v'));
    const auto got = read(get("/" + std::string(fields, 'p'), more), true, {.max_head = 1 << 20});
    ASSERT_TRUE(got->framing);
    EXPECT_EQ(got->head.target.size(), 1 + fields);
    ASSERT_EQ(got->head.fields.size(), fields + 1);
    for (std::size_t i = 0; i < fields; ++i) {
      ASSERT_EQ(got->head.fields.all()[i].name, more[i].first);
      ASSERT_EQ(got->head.fields.all()[i].value, more[i].second);
    }
    EXPECT_EQ(got->head.fields.all()[fields].value, "shop.example");
  }
}

// RFC 9113 8.1.1 and 8.2 to 8.3.1.
TEST(H2Request, WhatIsMalformedIsFoundFieldByField) {
  const Pairs all = get("/");
  for (const Pairs& late : {Pairs{{"x-y", "1"}}, Pairs{{"cookie", "a=1"}}}) {
    Pairs behind = late;
    behind.insert(behind.end(), all.begin(), all.end());
    EXPECT_EQ(read(behind)->taken, Taken::malformed);
  }
  for (const Pairs& more : {Pairs{{"te", "gzip"}},
                            Pairs{{"connection", "close"}},
                            Pairs{{"keep-alive", "5"}},
                            Pairs{{"proxy-connection", "x"}},
                            Pairs{{"transfer-encoding", "chunked"}},
                            Pairs{{"upgrade", "h2c"}},
                            Pairs{{"content-length", "-1"}},
                            Pairs{{"content-length", "+1"}},
                            Pairs{{"content-length", "1a"}},
                            Pairs{{"content-length", ""}},
                            Pairs{{"content-length", "99999999999999999999"}},
                            Pairs{{"content-length", "0"}, {"content-length", "0"}},
                            Pairs{{"x", " a"}},
                            Pairs{{"x", "a\t"}},
                            Pairs{{"host", "a"}, {"host", "a"}},
                            Pairs{{"host", ""}},
                            Pairs{{":path", "/"}},
                            Pairs{{":status", "200"}},
                            Pairs{{"X", "1"}},
                            Pairs{{"", "1"}}}) {
    EXPECT_EQ(read(get("/", more))->taken, Taken::malformed) << more[0].first << ": " << more[0].second;
  }
  EXPECT_EQ(read(get("/", {{"te", "Trailers"}}))->taken, Taken::yes);
}

TEST(H2Request, AHeadThatLacksAPseudoFieldIsMalformed) {
  const auto well_formed = [](const Pairs& pairs, bool ended = true) {
    const auto got = read(pairs, ended);
    EXPECT_EQ(got->taken, Taken::yes);
    return got->request.well_formed(ended);
  };
  const Pairs all = get("/");
  EXPECT_TRUE(well_formed(all));
  for (std::size_t without = 0; without < all.size(); ++without) {
    Pairs some = all;
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(without));
    EXPECT_FALSE(well_formed(some)) << all[without].first;
  }
  EXPECT_TRUE(well_formed({all[0], all[1], all[2], {"host", "shop.example"}}));
  EXPECT_FALSE(well_formed(get("x")));
  EXPECT_FALSE(well_formed(get("*")));
  EXPECT_TRUE(well_formed({{":method", "OPTIONS"}, all[1], {":path", "*"}, all[3]}));
  EXPECT_FALSE(well_formed({{":method", "G(T"}, all[1], all[2], all[3]}));
  EXPECT_TRUE(well_formed({{":method", "CONNECT"}, all[3]}));
  EXPECT_FALSE(well_formed({{":method", "CONNECT"}, all[1], all[2], all[3]}));
  EXPECT_TRUE(well_formed({{":method", "CONNECT"}, {":protocol", "websocket"}, all[1], all[2], all[3]}, false));
  EXPECT_FALSE(well_formed({all[0], {":protocol", "websocket"}, all[1], all[2], all[3]}, false));
  EXPECT_FALSE(well_formed(get("/", {{"content-length", "1"}})));
  EXPECT_TRUE(well_formed(get("/", {{"content-length", "1"}}), false));
  EXPECT_EQ(read(get("/", {{"content-length", "17"}}), false)->request.content_length(), 17U);
  EXPECT_FALSE(read(all)->request.content_length());
}

TEST(H2Request, ItsBodyIsAsTheStreamSays) {
  EXPECT_EQ(read(get("/"), false)->framing->body.kind, http::BodyKind::chunked);
  const auto counted = read(get("/", {{"content-length", "7"}}), false);
  EXPECT_EQ(counted->framing->body, (http::Body{http::BodyKind::length, 7}));
  EXPECT_EQ(read(get("/", {{"content-length", "1001"}}), false)->framing.error().status, 413);
  EXPECT_EQ(read(get("/", {{"content-length", "+7"}}), false)->framing.error().status, 400);
  EXPECT_EQ(read(get("/", {{"expect", "100-continue"}}), false)->framing->expectation, http::Expectation::continue_100);
  EXPECT_EQ(read(get("/", {{"expect", "100-continue"}}))->framing->expectation, http::Expectation::none);
}

TEST(H2Request, CookieCrumbsAreOne) {
  const auto got = read(get("/", {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}}));
  ASSERT_TRUE(got->framing);
  EXPECT_EQ(got->head.fields.count(http::FieldId::cookie), 1U);
  EXPECT_EQ(got->head.fields.find(http::FieldId::cookie)->value, "a=1; b=2");
}

TEST(H2Request, ACrumbOfNothingLeavesNoSeparator) {
  const auto joined = [](std::vector<std::string> crumbs) {
    Pairs fields;
    for (const std::string& crumb : crumbs) fields.emplace_back("cookie", crumb);
    const auto got = read(get("/", fields));
    return got->framing ? std::string(got->head.fields.find(http::FieldId::cookie)->value) : "refused";
  };
  EXPECT_EQ(joined({"a=1", ""}), "a=1") << "a blank at a line's end is none in HTTP/1";
  EXPECT_EQ(joined({"", "a=1"}), "a=1");
  EXPECT_EQ(joined({"a=1", "", "", "b=2"}), "a=1; b=2");
  EXPECT_EQ(joined({"", ""}), "");
}

TEST(H2Request, HostIsOneWithTheAuthorityOrTheTargetSaysSo) {
  const auto same = read(get("/x", {{"host", "SHOP.example"}}));
  ASSERT_TRUE(same->framing);
  EXPECT_EQ(same->head.target, "/x");
  EXPECT_EQ(same->head.fields.count(http::FieldId::host), 1U);
  const auto other = read(get("/x", {{"host", "evil.example"}, {"x", "y"}}));
  ASSERT_TRUE(other->framing);
  EXPECT_EQ(other->head.target, "https://shop.example/x");
  EXPECT_EQ(other->head.fields.find("x")->value, "y");
  TargetScratch scratch;
  EXPECT_FALSE(resolve_target(other->head, scratch));
}

TEST(H2Request, NoLineOfHttp1CanBeHiddenInIt) {
  const auto taken = [](const Pairs& more) { return read(get("/", more))->taken; };
  EXPECT_EQ(taken({{"x", "a\r\nHost: evil"}}), Taken::malformed);
  EXPECT_EQ(taken({{"x", "a\n"}}), Taken::malformed);
  EXPECT_EQ(taken({{"x", std::string("a\0b", 3)}}), Taken::malformed);
  EXPECT_EQ(taken({{"x\r\ny", "a"}}), Taken::malformed);
  EXPECT_EQ(taken({{"x:y", "a"}}), Taken::malformed);
  EXPECT_EQ(taken({{"X", "a"}}), Taken::malformed);
  EXPECT_EQ(taken({{"", "a"}}), Taken::malformed);
  EXPECT_EQ(taken({{"cookie", "a\r\nx: y"}}), Taken::malformed);
  EXPECT_EQ(read(get("/ HTTP/1.1\r\nx: y"))->taken, Taken::malformed);
  EXPECT_EQ(read(get("/a b"))->taken, Taken::malformed);
  EXPECT_EQ(read(get("/\x80"))->taken, Taken::malformed);
  EXPECT_EQ(read({{":method", "GET x"}})->taken, Taken::malformed);
  EXPECT_EQ(read(get("/", {{":path", "/y"}}))->taken, Taken::malformed);
  EXPECT_EQ(read(get("/", {{"x", "y"}, {":authority", "z"}}))->taken, Taken::malformed);
  EXPECT_EQ(read(get("/#x"))->framing.error().status, 400);
  EXPECT_EQ(read(get("/", {{"transfer-encoding", "chunked"}}), false)->framing.error().status, 400);
  EXPECT_EQ(read(get("/", {{"connection", "close"}}))->framing.error().status, 400);
  EXPECT_EQ(read(get("/", {{"content_length", "3"}}))->framing.error().status, 400);
}

TEST(H2Request, LimitsAreCountedBeforeMemoryIsTaken) {
  const http::HeadLimits limits{.max_head = 1000, .max_target = 20, .max_fields = 5};
  EXPECT_EQ(read(get("/123456789012345678901"), true, limits)->framing.error().status, 414);
  const auto fields = [&](std::size_t n) {
    Pairs more;
    for (std::size_t i = 0; i < n; ++i) more.emplace_back("x", "y");
    return read(get("/", more), true, limits);
  };
  EXPECT_TRUE(fields(4)->framing);
  EXPECT_EQ(fields(5)->framing.error().status, 431);
  EXPECT_EQ(fields(30)->taken, Taken::too_much);
  const auto large = read(get("/", {{"x", std::string(1000, 'y')}}), true, limits);
  EXPECT_EQ(large->framing.error().status, 431);
  EXPECT_LT(large->request.octets(), 1000U);
  EXPECT_EQ(read(get("/", {{"x", std::string(5000, 'y')}}), true, limits)->taken, Taken::too_much);
  Pairs crumbs;
  for (int i = 0; i < 5; ++i) crumbs.emplace_back("cookie", "a");
  EXPECT_EQ(read(get("/", crumbs), true, limits)->framing.error().status, 431);
}

Pairs connect(const std::string& protocol, Pairs more = {}) {
  Pairs all{{":method", "CONNECT"},
            {":protocol", protocol},
            {":scheme", "https"},
            {":path", "/chat"},
            {":authority", "shop.example"}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// RFC 8441 5.
TEST(H2Request, AWebSocketIsTheUpgradeThatItIsInHttp1) {
  const auto got = read(connect("websocket", {{"sec-websocket-version", "13"}, {"cookie", "a=1"}}), false);
  ASSERT_TRUE(got->framing);
  EXPECT_TRUE(got->request.extended_connect());
  EXPECT_EQ(got->head.method, http::Method::get);
  EXPECT_EQ(got->head.method_text, "GET");
  EXPECT_EQ(got->head.target, "/chat");
  EXPECT_TRUE(got->framing->upgrade);
  EXPECT_EQ(got->framing->body.kind, http::BodyKind::none);
  EXPECT_EQ(got->head.fields.find(http::FieldId::upgrade)->value, "websocket");
  EXPECT_EQ(got->head.fields.find("Sec-WebSocket-Key")->value, "k==");
  EXPECT_EQ(got->head.fields.find("Sec-WebSocket-Version")->value, "13");
  EXPECT_EQ(got->head.fields.find("cookie")->value, "a=1");
  EXPECT_EQ(got->head.fields.find(http::FieldId::host)->value, "shop.example");
}

TEST(H2Request, AWebSocketsHostMayDifferFromItsAuthority) {
  const auto got = read(connect("websocket", {{"host", "other.example"}}), false);
  ASSERT_TRUE(got->framing);
  EXPECT_EQ(got->head.target, "https://shop.example/chat");
  EXPECT_TRUE(got->framing->upgrade);
  EXPECT_EQ(got->head.fields.find("Sec-WebSocket-Key")->value, "k==");
}

TEST(H2Request, TheKeyOfAClientIsNotBelieved) {
  const auto got = read(connect("websocket", {{"sec-websocket-key", "mine"}}), false);
  ASSERT_TRUE(got->framing);
  EXPECT_EQ(got->head.fields.find("Sec-WebSocket-Key")->value, "k==");
}

TEST(H2Request, OtherTunnelsAreRefused) {
  EXPECT_EQ(read(connect("connect-udp"), false)->framing.error().status, 501);
  EXPECT_EQ(read(connect("websocket", {{"content-length", "0"}}), false)->taken, Taken::malformed);
  EXPECT_EQ(read(connect("websocket", {{"connection", "close"}}), false)->taken, Taken::malformed);
  EXPECT_EQ(read(connect("websocket", {{"upgrade", "h2c"}}), false)->taken, Taken::malformed);
  EXPECT_EQ(read(get("/", {{":protocol", "websocket"}}))->framing.error().status, 400);
}

}  // namespace
}  // namespace edge::h2_request_test
