#include "shared/http/head.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "tests/shared/http/parse.h"

namespace http::head_test {
namespace {

using http::testing::parse_request;

// What a helper gives points into the text: one that is gone with the statement is refused by the compiler.
template <class Text>
concept Parsable = requires(Text&& text) {
  http::testing::parse_request(std::forward<Text>(text));
  http::testing::request(std::forward<Text>(text));
  http::testing::response(std::forward<Text>(text));
};
static_assert(Parsable<std::string&> && Parsable<const std::string&> && Parsable<const char (&)[4]>);
static_assert(Parsable<std::string_view>);
template <class Text>
concept ParsableInOneWay = requires(Text&& text) { http::testing::parse_request(std::forward<Text>(text)); } ||
                           requires(Text&& text) { http::testing::request(std::forward<Text>(text)); } ||
                           requires(Text&& text) { http::testing::response(std::forward<Text>(text)); };
static_assert(!ParsableInOneWay<std::string> && !ParsableInOneWay<const std::string>);

// Of both nothing points into the text.
ParseState state_of(const std::string& text, const HeadLimits& limits = {}) {
  return parse_request(text, limits).state;
}
std::uint16_t refusal_of(const std::string& text, const HeadLimits& limits = {}) {
  return parse_request(text, limits).refusal.status;
}

TEST(RequestHead, ReadsLineAndFields) {
  const std::string text =
      "POST /a/b?c=d HTTP/1.1\r\nHost: shop.example\r\nX-Thing:\t one two \t\r\nEmpty:\r\ncontent-length: 3\r\n\r\nabc";
  const RequestHead head = http::testing::request(text);
  EXPECT_EQ(head.method, Method::post);
  EXPECT_EQ(head.method_text, "POST");
  EXPECT_EQ(head.target, "/a/b?c=d");
  EXPECT_EQ(head.version, Version::http_1_1);
  EXPECT_EQ(head.size, text.size() - 3);
  ASSERT_EQ(head.fields.size(), 4u);
  EXPECT_EQ(head.fields.all()[0].id, FieldId::host);
  EXPECT_EQ(head.fields.all()[1].value, "one two");
  EXPECT_EQ(head.fields.all()[2].value, "");
  EXPECT_EQ(head.fields.find(FieldId::content_length)->value, "3");
  EXPECT_EQ(head.fields.find("x-thing")->name, "X-Thing");
  EXPECT_EQ(head.fields.find(FieldId::cookie), nullptr);
}

// Names are looked through by words where they can be: that changes nothing of what a token is (RFC 9110 5.6.2).
TEST(RequestHead, EachOctetAtEachPlaceOfANameIsATokensOrRefused) {
  for (std::size_t size = 1; size <= 18; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        std::string name(size, 'x');
        name[at] = static_cast<char>(octet);
        if (octet == ':' || octet == '\r' || octet == '\n') continue;
        const std::string text = "GET / HTTP/1.1\r\n" + name + ": y\r\n\r\n";
        const auto parsed = parse_request(text);
        ASSERT_EQ(parsed.state == ParseState::complete, is_token(name)) << size << " " << at << " " << octet;
        if (is_token(name)) {
          ASSERT_EQ(parsed.head.fields.all()[0].name, name);
        }
      }
    }
  }
}

TEST(RequestHead, AcceptsWhatIsOdd) {
  for (const std::string& text : {
           std::string("GET / HTTP/1.0\r\n\r\n"),
           std::string("\r\nGET / HTTP/1.1\r\n\r\n"),  // RFC 9112 2.2
           std::string("M-SEARCH * HTTP/1.1\r\n\r\n"),
           std::string("GET http://a/ HTTP/1.1\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nA: caf\xC3\xA9 \"x\"\r\n\r\n"),  // obs-text
           std::string("GET / HTTP/1.1\r\n!#$%&'*+-.^_`|~09aZ: x\r\n\r\n"),
           std::string("GET /?a=[b]|c HTTP/1.1\r\n\r\n"),
       }) {
    EXPECT_EQ(parse_request(text).state, ParseState::complete) << text;
  }
}

struct Bad {
  std::string text;
  std::uint16_t status = 400;
};

TEST(RequestHead, RefusesEveryAmbiguity) {
  const std::string get = "GET / HTTP/1.1\r\n";
  const std::vector<Bad> cases{
      {"GET / HTTP/1.1\n\n"},                    // bare LF
      {"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n"},  // bare LF
      {"GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n"},  // bare CR
      {"GET / HTTP/1.1\rA: b\r\n\r\n"},          // bare CR
      {get + "A: b\r\n c\r\n\r\n"},              // obs-fold
      {get + "A: b\r\n\tc\r\n\r\n"},             // obs-fold
      {get + " A: b\r\n\r\n"},                   // white space before the first field
      {get + "A : b\r\n\r\n"},                   // space before colon
      {get + "A\t: b\r\n\r\n"},
      {get + ": b\r\n\r\n"},  // empty name
      {get + "Ab\r\n\r\n"},   // no colon
      {get + "A b: c\r\n\r\n"},
      {get + "A(: c\r\n\r\n"},
      {get + "A\x80: c\r\n\r\n"},
      {" GET / HTTP/1.1\r\n\r\n"},         // leading blank
      {"\r\n\r\nGET / HTTP/1.1\r\n\r\n"},  // more than one empty line
      {"\nGET / HTTP/1.1\r\n\r\n"},
      {get + std::string("A: b\0c\r\n\r\n", 10)},  // NUL
      {get + "A: b\x01\r\n\r\n"},                  // control
      {get + "A: b\x7F\r\n\r\n"},
      {get + "A: 12345678\x1F"
             "1234567812345678\r\n\r\n"},
      {"G@T / HTTP/1.1\r\n\r\n"},  // no token
      {"G{T / HTTP/1.1\r\n\r\n"},
      {"GET  / HTTP/1.1\r\n\r\n"},  // two spaces
      {"GET /  HTTP/1.1\r\n\r\n"},
      {"GET\t/ HTTP/1.1\r\n\r\n"},
      {"GET / a HTTP/1.1\r\n\r\n"},  // space in the target
      {"GET /\x01 HTTP/1.1\r\n\r\n"},
      {"GET /#a HTTP/1.1\r\n\r\n"},        // fragment
      {"GET /\xC3\xA9 HTTP/1.1\r\n\r\n"},  // octet over 0x7F
      {"GET /\r\n\r\n"},                   // HTTP/0.9
      {"GET / http/1.1\r\n\r\n"},
      {"GET / HTTP/1.1 \r\n\r\n"},
      {"GET / HTTP/1.10\r\n\r\n"},
      {"GET / HTTP/1.1x\nHost: a\r\n\r\n"},
      {"GET / HTTP/01.1\r\n\r\n"},
      {"GET / HTTP/1,1\r\n\r\n"},
      {"GET / HTTP/+1.1\r\n\r\n"},
      {"GET / ICAP/1.1\r\n\r\n"},
      {"GET / HTTP/2.0\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET / HTTP/0.9\r\n\r\n", 505},
      {"GET / HTTP/3.1\r\n\r\n", 505},
      {get + "Transfer_Encoding: chunked\r\n\r\n"},  // twins
      {get + "content_LENGTH: 3\r\n\r\n"},
      {std::string("\x16\x03\x01\x02\x00\x01\x00", 7)},  // a TLS hello
      {std::string(40, 'A') + " / HTTP/1.1\r\n\r\n"},
  };
  for (const Bad& bad : cases) {
    const auto parsed = parse_request(bad.text);
    EXPECT_EQ(parsed.state, ParseState::error) << bad.text;
    EXPECT_EQ(parsed.refusal.status, bad.status) << bad.text;
    EXPECT_FALSE(parsed.refusal.reason.empty());
  }
}

// Eight octets are looked at a time: wherever in them it stands, DEL is no part of a value, and what comes after it is.
TEST(RequestHead, TellsDelFromItsNeighboursWhereverItStands) {
  for (std::size_t at = 0; at < 24; ++at) {
    std::string value(24, 'v');
    const auto state = [&](char c) {
      value[at] = c;
      const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX-Value: " + value + "\r\n\r\n";
      return testing::parse_request(text).state;
    };
    EXPECT_EQ(state('\x7f'), ParseState::error) << at;
    EXPECT_EQ(state('\x7e'), ParseState::complete) << at;
    EXPECT_EQ(state('\x80'), ParseState::complete) << at << ": obs-text, RFC 9110 section 5.5";
    EXPECT_EQ(state('\xff'), ParseState::complete) << at;
    EXPECT_EQ(state('\x1f'), ParseState::error) << at;
  }
}

TEST(RequestHead, HoldsItsLimits) {
  const std::string get = "GET / HTTP/1.1\r\n";
  std::string fields = get;
  for (int i = 0; i < 100; ++i) fields += "A: b\r\n";
  EXPECT_EQ(state_of(fields + "\r\n"), ParseState::complete);
  EXPECT_EQ(refusal_of(fields + "A: b\r\n\r\n"), 431);

  const HeadLimits limits{64, 16, 100};
  const std::string room = get + "A: " + std::string(64 - get.size() - 7, 'x') + "\r\n\r\n";
  ASSERT_EQ(room.size(), 64u);
  EXPECT_EQ(state_of(room, limits), ParseState::complete);
  EXPECT_EQ(state_of(room + "a body", limits), ParseState::complete);
  EXPECT_EQ(refusal_of(get + "A: " + std::string(60, 'x'), limits), 431);
  EXPECT_EQ(refusal_of(get + "A: " + std::string(60, 'x') + "\r\n\r\n", limits), 431);
  EXPECT_EQ(refusal_of("GET /" + std::string(16, 'x'), limits), 414);
  EXPECT_EQ(state_of("GET /" + std::string(15, 'x') + " HTTP/1.1\r\n\r\n", limits), ParseState::complete);
}

TEST(RequestHead, ReadsWhatTricklesInWithoutReadingItAgain) {
  const std::string text = "GET /a HTTP/1.1\r\nHost: shop.example\r\nA: b\r\n\r\n";
  HeadParser parser;
  RequestHead head;
  for (std::size_t size = 0; size < text.size(); ++size) {
    // The buffer moves between calls, as a growing one does.
    const std::string moved = text.substr(0, size);
    ASSERT_EQ(parser.parse_request(moved, {}, head), ParseState::incomplete) << size;
  }
  ASSERT_EQ(parser.parse_request(text, {}, head), ParseState::complete);
  EXPECT_EQ(head.fields.size(), 2u);
  parser.reset();
  EXPECT_EQ(parser.parse_request("GET /b HTTP/1.1\r\n\r\n", {}, head), ParseState::complete);
  EXPECT_EQ(head.target, "/b");
  EXPECT_EQ(head.fields.size(), 0u);
}

TEST(RequestHead, FindsABareLineFeedBeforeTheEnd) {
  const std::string text = "GET /a HTTP/1.1\r\nHost: shop.example\nA";
  HeadParser parser;
  RequestHead head;
  ASSERT_EQ(parser.parse_request(std::string_view(text).substr(0, 20), {}, head), ParseState::incomplete);
  EXPECT_EQ(parser.parse_request(text, {}, head), ParseState::error);
}

TEST(RequestHead, EveryCutOfABadHeadIsIncompleteOrBad) {
  const std::string text = "GET / HTTP/1.1\r\nA: b\r\nC : d\r\n\r\n";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    EXPECT_NE(state_of(text.substr(0, size)), ParseState::complete) << size;
  }
}

TEST(ResponseHead, ReadsStatusLines) {
  EXPECT_EQ(http::testing::response("HTTP/1.1 200 OK\r\n\r\n").status, 200);
  EXPECT_EQ(http::testing::response("HTTP/1.1 200 OK\r\n\r\n").reason, "OK");
  EXPECT_EQ(http::testing::response("HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n").version, Version::http_1_0);
  EXPECT_EQ(http::testing::response("HTTP/1.1 204 \r\n\r\n").reason, "");
  EXPECT_EQ(http::testing::response("HTTP/1.1 204\r\n\r\n").status, 204);
}

// RFC 9110 2.5: a minor version that we do not know says nothing that we would not understand.
TEST(RequestHead, LaterMinorVersionsCountAs1_1) {
  EXPECT_EQ(http::testing::request("GET / HTTP/1.2\r\n\r\n").version, Version::http_1_1);
  EXPECT_EQ(http::testing::request("GET / HTTP/1.9\r\n\r\n").version, Version::http_1_1);
  EXPECT_EQ(http::testing::response("HTTP/1.2 200 OK\r\n\r\n").version, Version::http_1_1);
}

// RFC 9112 5.1: a proxy takes it away; in a request it is refused, see above.
TEST(ResponseHead, ASpaceBeforeTheColonIsTakenAway) {
  const ResponseHead head = http::testing::response("HTTP/1.1 200 OK\r\nContent-Length : 5\r\nX-A\t : b\r\n\r\n");
  ASSERT_EQ(head.fields.size(), 2u);
  EXPECT_EQ(head.fields.find(FieldId::content_length)->value, "5");
  EXPECT_EQ(head.fields.all()[1].name, "X-A");
  EXPECT_EQ(head.fields.all()[1].value, "b");
}

TEST(ResponseHead, RefusesAs502) {
  for (const std::string_view text : {
           "HTTP/1.1 20 OK\r\n\r\n",
           "HTTP/1.1 2000 OK\r\n\r\n",
           "HTTP/1.1 099 OK\r\n\r\n",
           "HTTP/1.1  200 OK\r\n\r\n",
           "HTTP/1.1 200 OK\n\n",
           "HTTP/2 200\r\n\r\n",
           "HTTP/1.1 200 O\x01K\r\n\r\n",
           "ICY 200 OK\r\n\r\n",
           "HTTP/1.1 200 OK\r\n : b\r\n\r\n",
           "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
           "HTTP/1.1 200 OK\r\nA \r\n\r\n",
           "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
           "HTTP/1.1 abc\r\n\r\n",
           "HTTP/1.1200 OK\r\n\r\n",
       }) {
    ResponseHead head;
    HeadParser parser;
    ASSERT_EQ(parser.parse_response(text, {}, head), ParseState::error) << text;
    EXPECT_EQ(parser.refusal().status, 502);
  }
}

TEST(FieldLine, ReadsOneLineAtATime) {
  const FieldLine line = parse_field_line("ETag: \"a\"\r\nrest", Sender::client);
  EXPECT_EQ(line.state, ParseState::complete);
  EXPECT_EQ(line.field.value, "\"a\"");
  EXPECT_EQ(line.size, 11u);
  EXPECT_TRUE(parse_field_line("\r\n", Sender::client).end);
  EXPECT_EQ(parse_field_line("\r", Sender::client).state, ParseState::incomplete);
  EXPECT_EQ(parse_field_line("A: b", Sender::client).state, ParseState::incomplete);
  EXPECT_EQ(parse_field_line("A: b\n", Sender::client).state, ParseState::error);
}

TEST(Method, IsCaseSensitive) {
  EXPECT_EQ(method_of("GET"), Method::get);
  EXPECT_EQ(method_of("get"), Method::other);
  EXPECT_TRUE(is_idempotent(Method::put));
  EXPECT_FALSE(is_idempotent(Method::post));
  EXPECT_TRUE(is_safe(Method::get) && is_safe(Method::head) && is_safe(Method::options));
  EXPECT_FALSE(is_safe(Method::put) || is_safe(Method::delete_) || is_safe(Method::post));
}

}  // namespace
}  // namespace http::head_test
