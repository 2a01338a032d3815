#include "edge/core/message/rewrite.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/shared/http/parse.h"

namespace edge::rewrite_test {
namespace {

Tiers shop_tiers() {
  Tiers::Settings settings;
  settings.order = {"free", "enterprise"};
  settings.sources = {TierSource::header};
  return Tiers(std::move(settings));
}

struct Sent {
  std::string text;
  std::string peer = "203.0.113.7";
  HeaderRules rules{};
  Tiers tiers{};
  std::string_view via{};
};

// The head that an upstream gets. 10.0.0.0/8 is trusted.
std::string forwarded(const Sent& sent) {
  http::RequestHead head = http::testing::request(sent.text);
  head.size = 0;  // only heads that came as lines have one: the bound must do without
  TargetScratch scratch;
  const auto target = resolve_target(head, scratch);
  const auto framing = http::frame_request(head, http::kNoBodyLimit);
  EXPECT_TRUE(target && framing) << sent.text;
  const std::vector<shared::Prefix> trusted{*shared::Prefix::parse("10.0.0.0/8")};
  const Client client = identify_client(*shared::IpAddress::parse(sent.peer), head.fields, PrefixSet(trusted));
  const UpstreamRequest request{head,       *target,    *framing,
                                client,     sent.tiers, sent.tiers.decide(head.fields, client),
                                sent.rules, "http",     request_id_of(head.fields, client, "fresh"),
                                sent.via};
  std::string out(upstream_request_bound(request), '\0');
  const auto size = write_upstream_request(out, request);
  EXPECT_TRUE(size) << "the bound must do";
  EXPECT_FALSE(write_upstream_request(std::span<char>(out.data(), size.value_or(1) - 1), request));
  out.resize(size.value_or(0));
  return out;
}

bool has(const std::string& head, const std::string& line) {
  return head.find("\r\n" + line + "\r\n") != std::string::npos;
}
bool names(const std::string& head, const std::string& name) {
  const http::RequestHead parsed = http::testing::request(head);
  return parsed.fields.find(name) != nullptr;
}

TEST(UpstreamRequest, IsAWholeHeadOfOurOwn) {
  const std::string head =
      forwarded({"GET //a/../b?c=%2e%2E HTTP/1.1\r\nHost: Shop.Example:8080\r\nAccept: x\r\n\r\n"});
  EXPECT_EQ(head,
            "GET //b?c=%2e%2E HTTP/1.1\r\nHost: Shop.Example:8080\r\nAccept: x\r\nX-Forwarded-For: 203.0.113.7\r\n"
            "X-Real-IP: 203.0.113.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: Shop.Example:8080\r\n"
            "X-Request-Id: fresh\r\n\r\n");
}

// RFC 9112 3.2.4.
TEST(UpstreamRequest, OptionsOfAWholeServer) {
  EXPECT_TRUE(forwarded({"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n"}).starts_with("OPTIONS * HTTP/1.1\r\n"));
}

// RFC 9110 7.6.3: behind those that came, with the version that came.
TEST(UpstreamRequest, ViaNamesUsWhereItIsWanted) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 before\r\n\r\n";
  EXPECT_FALSE(has(forwarded({text}), "Via: 1.1 meridian"));
  const std::string head = forwarded({.text = text, .via = kViaName});
  EXPECT_TRUE(has(head, "Via: 1.1 meridian"));
  EXPECT_LT(head.find("Via: 1.1 before"), head.find("Via: 1.1 meridian"));
  EXPECT_TRUE(has(forwarded({.text = "GET / HTTP/1.0\r\nHost: a\r\n\r\n", .via = kViaName}), "Via: 1.0 meridian"));
  HeaderRules rules{};
  rules.apply({HeaderRule::Op::remove, "Via", ""});
  EXPECT_FALSE(names(forwarded({.text = text, .rules = rules, .via = kViaName}), "Via"));
}

TEST(UpstreamRequest, HopByHopFieldsEndHere) {
  const std::string head = forwarded(
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine, Host, Cookie, Authorization, X-Real-IP\r\nX-Mine: "
       "1\r\n"
       "Keep-Alive: 5\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nProxy: evil\r\nTE: gzip\r\nUpgrade: h2c\r\n"
       "HTTP2-Settings: x\r\nTrailer: x\r\nCookie: c=d\r\nAuthorization: Basic x\r\nX-Other: 2\r\n\r\n"});
  for (const std::string name : {"Connection", "X-Mine", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization",
                                 "Proxy", "TE", "Upgrade", "HTTP2-Settings", "Trailer"}) {
    EXPECT_FALSE(names(head, name)) << name;
  }
  EXPECT_TRUE(has(head, "Host: a"));
  EXPECT_TRUE(has(head, "Cookie: c=d"));
  EXPECT_TRUE(has(head, "Authorization: Basic x"));
  EXPECT_TRUE(has(head, "X-Real-IP: 203.0.113.7"));
  EXPECT_TRUE(has(head, "X-Other: 2"));
}

TEST(UpstreamRequest, ForwardingFieldsOfStrangersAreOverwritten) {
  const std::string fields =
      "Host: a\r\nX-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Real-IP: "
      "1.2.3.4\r\n"
      "Forwarded: for=1.2.3.4\r\nX-Request-Id: theirs\r\ntraceparent: 00-1\r\nX_Forwarded_For: "
      "1.2.3.4\r\nX-Forwarded-Port: 1\r\n";
  const std::string head = forwarded({"GET / HTTP/1.1\r\n" + fields + "\r\n"});
  EXPECT_TRUE(has(head, "X-Forwarded-For: 203.0.113.7"));
  EXPECT_TRUE(has(head, "X-Forwarded-Proto: http"));
  EXPECT_TRUE(has(head, "X-Forwarded-Host: a"));
  EXPECT_TRUE(has(head, "X-Real-IP: 203.0.113.7"));
  EXPECT_TRUE(has(head, "X-Request-Id: fresh"));
  for (const std::string name : {"Forwarded", "traceparent", "X_Forwarded_For", "X-Forwarded-Port"})
    EXPECT_FALSE(names(head, name)) << name;
  EXPECT_EQ(head.find("1.2.3.4"), std::string::npos);
  EXPECT_EQ(head.find("evil"), std::string::npos);
}

TEST(UpstreamRequest, ATrustedProxyIsBelieved) {
  const std::string fields =
      "Host: a\r\nX-Forwarded-For: 6.6.6.6, 198.51.100.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: "
      "shop\r\nX-Real-IP: 1.2.3.4\r\n"
      "Forwarded: for=198.51.100.1\r\nX-Request-Id: theirs\r\ntraceparent: 00-1\r\n";
  const std::string head = forwarded({"GET / HTTP/1.1\r\n" + fields + "\r\n", "10.1.1.1"});
  EXPECT_TRUE(has(head, "X-Forwarded-For: 6.6.6.6, 198.51.100.1, 10.1.1.1"));
  EXPECT_TRUE(has(head, "X-Forwarded-Proto: https"));
  EXPECT_TRUE(has(head, "X-Forwarded-Host: shop"));
  EXPECT_TRUE(has(head, "X-Real-IP: 198.51.100.1"));
  EXPECT_TRUE(has(head, "Forwarded: for=198.51.100.1"));
  EXPECT_TRUE(has(head, "X-Request-Id: theirs"));
  EXPECT_TRUE(has(head, "traceparent: 00-1"));
}

TEST(UpstreamRequest, TierHeaderIsTheDecidedOneOnly) {
  const std::string text =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Customer-Tier: enterprise\r\nX_Customer_Tier: enterprise\r\n\r\n";
  const std::string stranger = forwarded({text, "203.0.113.7", {}, shop_tiers()});
  EXPECT_TRUE(has(stranger, "X-Customer-Tier: free"));
  EXPECT_EQ(stranger.find("enterprise"), std::string::npos);
  const std::string trusted = forwarded({text, "10.0.0.1", {}, shop_tiers()});
  EXPECT_TRUE(has(trusted, "X-Customer-Tier: enterprise"));
  EXPECT_FALSE(names(trusted, "X_Customer_Tier"));
  const std::string none = forwarded({text});
  EXPECT_EQ(none.find("enterprise"), std::string::npos) << "without tiers the header is nobody's";
}

TEST(UpstreamRequest, FramingIsOurs) {
  EXPECT_TRUE(has(forwarded({"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 3\r\n\r\n"}), "Content-Length: 3"));
  EXPECT_TRUE(has(forwarded({"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"}),
                  "Transfer-Encoding: chunked"));
  const std::string expect =
      forwarded({"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"});
  EXPECT_FALSE(names(expect, "Expect")) << "answered by the edge, so never forwarded";
  const std::string trailers = forwarded({"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n"});
  EXPECT_TRUE(has(trailers, "TE: trailers"));
  EXPECT_TRUE(has(trailers, "Connection: TE"));
  const std::string upgrade =
      forwarded({"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"});
  EXPECT_TRUE(has(upgrade, "Upgrade: websocket"));
  EXPECT_TRUE(has(upgrade, "Connection: Upgrade"));
}

TEST(UpstreamRequest, AbsoluteFormAndOldClients) {
  EXPECT_TRUE(forwarded({"GET http://b/x HTTP/1.1\r\nHost: b\r\n\r\n"}).starts_with("GET /x HTTP/1.1\r\nHost: b\r\n"));
  EXPECT_TRUE(forwarded({"GET /x HTTP/1.0\r\nHost: b\r\n\r\n"}).starts_with("GET /x HTTP/1.1\r\nHost: b\r\n"));
  EXPECT_TRUE(forwarded({"OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n"}).starts_with("OPTIONS * HTTP/1.1\r\n"));
}

TEST(UpstreamRequest, RulesSetAddRemove) {
  HeaderRules rules{};
  rules.apply({HeaderRule::Op::set, "X-Env", "live"});
  rules.apply({HeaderRule::Op::remove, "X-Secret", ""});
  rules.apply({HeaderRule::Op::add, "X-Many", "2"});
  rules.apply({HeaderRule::Op::set, "Host", "inner"});
  rules.apply({HeaderRule::Op::remove, "X-Real-IP", ""});
  const std::string head =
      forwarded({"GET / HTTP/1.1\r\nHost: a\r\nX-env: theirs\r\nX_ENV: theirs\r\nx-secret: 1\r\nX-Many: 1\r\n\r\n",
                 "203.0.113.7", rules});
  EXPECT_TRUE(head.starts_with("GET / HTTP/1.1\r\nHost: inner\r\n"));
  EXPECT_TRUE(has(head, "X-Env: live"));
  EXPECT_EQ(head.find("theirs"), std::string::npos);
  EXPECT_FALSE(names(head, "X-Secret"));
  EXPECT_FALSE(names(head, "X-Real-IP"));
  EXPECT_TRUE(has(head, "X-Many: 1"));
  EXPECT_TRUE(has(head, "X-Many: 2"));
}

struct Answered {
  std::string text;
  http::Method method = http::Method::get;
  http::Version version = http::Version::http_1_1;
  http::Persistence persistence = http::Persistence::keep;
  HeaderRules rules{};
  bool upgrade = false;
  std::string_view via{};
};

std::string answered(const Answered& answer) {
  const http::ResponseHead head = http::testing::response(answer.text);
  const auto framing = http::frame_response(head, {answer.method, answer.upgrade});
  EXPECT_TRUE(framing) << answer.text;
  const ClientResponse response{head,
                                *framing,
                                http::client_body(framing->body, answer.version),
                                answer.persistence,
                                answer.version,
                                answer.rules,
                                "DATE",
                                answer.via};
  std::string out(client_response_bound(response), '\0');
  const auto size = write_client_response(out, response);
  EXPECT_TRUE(size);
  out.resize(size.value_or(0));
  return out;
}

TEST(ClientResponse, KeepsWhatIsEndToEnd) {
  EXPECT_EQ(answered({"HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nKeep-Alive: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
                      "Proxy-Authenticate: x\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n"}),
            "HTTP/1.1 200 Fine\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nDate: DATE\r\nContent-Length: 5\r\n\r\n");
}

TEST(ClientResponse, FramingFollowsTheClient) {
  EXPECT_TRUE(has(answered({"HTTP/1.1 200 OK\r\n\r\n"}), "Transfer-Encoding: chunked"));
  EXPECT_TRUE(
      has(answered({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: ETag\r\n\r\n"}), "Trailer: ETag"));
  const std::string old = answered({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", http::Method::get,
                                    http::Version::http_1_0, http::Persistence::close});
  EXPECT_EQ(old.find("chunked"), std::string::npos);
  EXPECT_TRUE(has(old, "Connection: close"));
  EXPECT_TRUE(
      has(answered({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", http::Method::get, http::Version::http_1_0}),
          "Connection: keep-alive"));
  EXPECT_TRUE(has(answered({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", http::Method::head}), "Content-Length: 5"));
  EXPECT_TRUE(has(answered({"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"}), "Content-Length: 5"));
  EXPECT_EQ(answered({"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nDate: D\r\n\r\n"}),
            "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n");
  const std::string switched =
      answered({"HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
                http::Method::get,
                http::Version::http_1_1,
                http::Persistence::keep,
                {},
                true});
  EXPECT_TRUE(switched.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_TRUE(has(switched, "Upgrade: websocket"));
  EXPECT_TRUE(has(switched, "Connection: Upgrade"));
  EXPECT_TRUE(has(switched, "Sec-WebSocket-Accept: x"));
}

// RFC 9110 15.5.22: it says to what, and hop by hop.
TEST(ClientResponse, UpgradeRequiredSaysToWhat) {
  const std::string text = " Upgrade Required\r\nConnection: upgrade\r\nUpgrade: TLS/1.2\r\nContent-Length: 0\r\n\r\n";
  const std::string head = answered({"HTTP/1.1 426" + text});
  EXPECT_TRUE(has(head, "Upgrade: TLS/1.2")) << head;
  EXPECT_TRUE(has(head, "Connection: Upgrade")) << head;
  const std::string last = answered({.text = "HTTP/1.1 426" + text, .persistence = http::Persistence::close});
  EXPECT_TRUE(has(last, "Connection: close")) << last;
  EXPECT_TRUE(has(last, "Upgrade: TLS/1.2")) << last;
  EXPECT_EQ(answered({"HTTP/1.1 200" + text}).find("TLS/1.2"), std::string::npos);
}

TEST(ClientResponse, ViaNamesUsWhereItIsWanted) {
  const std::string text = "HTTP/1.0 200 OK\r\nVia: 1.1 before\r\nContent-Length: 0\r\n\r\n";
  EXPECT_FALSE(has(answered({text}), "Via: 1.0 meridian"));
  EXPECT_TRUE(has(answered({.text = text, .via = kViaName}), "Via: 1.0 meridian"));
}

TEST(ClientResponse, RulesApply) {
  HeaderRules rules{};
  rules.apply({HeaderRule::Op::set, "Cache-Control", "no-store"});
  rules.apply({HeaderRule::Op::remove, "Server", ""});
  const std::string head =
      answered({"HTTP/1.1 200 OK\r\nServer: x\r\nCache-Control: public\r\nContent-Length: 0\r\n\r\n", http::Method::get,
                http::Version::http_1_1, http::Persistence::keep, rules});
  EXPECT_EQ(head.find("Server"), std::string::npos);
  EXPECT_EQ(head.find("public"), std::string::npos);
  EXPECT_TRUE(has(head, "Cache-Control: no-store"));
}

TEST(InterimResponse, PassesHintsOn) {
  const http::ResponseHead head =
      http::testing::response("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\nContent-Length: 3\r\n\r\n");
  std::string out(512, '\0');
  out.resize(*write_interim_response(out, head));
  EXPECT_EQ(out, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
}

std::string own(const OwnResponse& response) {
  std::string out(own_response_bound(response), '\0');
  EXPECT_FALSE(write_own_response(std::span<char>(out.data(), 10), response));
  const auto size = write_own_response(out, response);
  EXPECT_TRUE(size);
  out.resize(size.value_or(0));
  return out;
}

TEST(OwnResponse, IsWhole) {
  const OwnHead missing{.status = 404, .length = 9};
  EXPECT_EQ(own({.head = missing, .date = "DATE"}),
            "HTTP/1.1 404 Not Found\r\nDate: DATE\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 9\r\n"
            "Connection: close\r\n\r\n");
  const OwnHead moved{.status = 308, .location = "https://a/"};
  EXPECT_EQ(own({.head = moved, .persistence = http::Persistence::keep}),
            "HTTP/1.1 308 Permanent Redirect\r\nContent-Length: 0\r\nLocation: https://a/\r\n\r\n");
  const OwnHead nothing{.status = 204, .length = 9};
  EXPECT_EQ(own({.head = nothing, .persistence = http::Persistence::keep}), "HTTP/1.1 204 No Content\r\n\r\n");
}

}  // namespace
}  // namespace edge::rewrite_test
