#include "edge/core/message/response_fields.h"

#include <string>

#include <gtest/gtest.h>

namespace edge::response_fields_test {
namespace {

template <class Response>
std::string fields_of(const Response& response) {
  std::string all;
  for_each_field(response, [&](const http::Field& field) {
    EXPECT_EQ(field.id, http::field_id(field.name)) << field.name;
    all.append(field.name).append("=").append(field.value).append(";");
  });
  return all;
}

std::string answered(const std::string& text, http::BodyKind kind, const HeaderRules& rules = {},
                     std::string_view via = {}) {
  http::HeadParser parser;
  http::ResponseHead head;
  EXPECT_EQ(parser.parse_response(text, {}, head), http::ParseState::complete);
  http::ResponseFraming framing;
  framing.body = {.kind = kind, .length = 7};
  return fields_of(ClientResponse{.head = head,
                                  .framing = framing,
                                  .body = framing.body,
                                  .persistence = http::Persistence::close,
                                  .rules = rules,
                                  .date = "today",
                                  .via = via});
}

TEST(ResponseFields, NoneOfTheConnectionIsAmongThem) {
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nUpgrade: x\r\n"
                     "Transfer-Encoding: chunked\r\nTrailer: ETag\r\nX-Stays: a b\r\nVia: 1.1 before\r\n\r\n",
                     http::BodyKind::chunked, {}, kViaName),
            "X-Stays=a b;Via=1.1 before;Date=today;Via=1.1 meridian;Trailer=ETag;");
}

TEST(ResponseFields, ALengthIsOursOrWhatTheBodyWouldHave) {
  const std::string head = "HTTP/1.0 200 OK\r\nDate: then\r\nContent-Length: 9\r\n\r\n";
  EXPECT_EQ(answered(head, http::BodyKind::length, {}, kViaName), "Date=then;Via=1.0 meridian;Content-Length=7;");
  EXPECT_EQ(answered(head, http::BodyKind::none), "Date=then;Content-Length=9;");
  EXPECT_EQ(answered(head, http::BodyKind::chunked), "Date=then;");
  EXPECT_EQ(answered("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", http::BodyKind::none), "Date=today;");
}

TEST(ResponseFields, RulesDropAndAppend) {
  HeaderRules rules;
  rules.apply({HeaderRule::Op::set, "Server", "ours"});
  rules.apply({HeaderRule::Op::remove, "Via", ""});
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nServer: theirs\r\n\r\n", http::BodyKind::chunked, rules, kViaName),
            "Date=today;Server=ours;");
}

TEST(ResponseFields, OfAPageOfOurs) {
  const OwnHead page{.status = 503, .length = 12, .retry_after = "3"};
  EXPECT_EQ(fields_of(OwnResponse{.head = page, .date = "today"}),
            "Date=today;Content-Type=text/plain; charset=utf-8;Content-Length=12;Retry-After=3;");
  const OwnHead none{.status = 304, .location = "/x"};
  EXPECT_EQ(fields_of(OwnResponse{.head = none}), "Location=/x;");
  const OwnHead call{.status = 200, .grpc_status = 14, .grpc_message = "gone"};
  EXPECT_EQ(fields_of(OwnResponse{.head = call}),
            "Content-Length=0;Content-Type=application/grpc;grpc-status=14;grpc-message=gone;");
}

TEST(ResponseFields, OfAnInterimHead) {
  http::HeadParser parser;
  http::ResponseHead head;
  const std::string text = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close\r\nContent-Length: 3\r\n\r\n";
  ASSERT_EQ(parser.parse_response(text, {}, head), http::ParseState::complete);
  EXPECT_EQ(fields_of(head), "Link=</a>;");
}

}  // namespace
}  // namespace edge::response_fields_test
