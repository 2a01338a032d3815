#include "edge/core/message/h2_answer.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace edge::h2_answer_test {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
constexpr http::HeadLimits kLimits{.max_head = 400, .max_target = 100, .max_fields = 4};

H2Answer::Taken take(H2Answer& answer, const Pairs& fields) {
  for (const auto& [name, value] : fields) {
    const H2Answer::Taken taken = answer.add(name, value, kLimits);
    if (taken != H2Answer::Taken::yes) return taken;
  }
  return H2Answer::Taken::yes;
}

TEST(H2Answer, BecomesTheHeadThatHttp1Has) {
  H2Answer answer;
  ASSERT_EQ(take(answer, {{":status", "200"}, {"content-length", "5"}, {"x-empty", ""}}), H2Answer::Taken::yes);
  http::ResponseHead head;
  ASSERT_TRUE(answer.finish(head));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.fields.size(), 2U);
  EXPECT_EQ(head.fields.find(http::FieldId::content_length)->value, "5");
  EXPECT_EQ(head.fields.find("x-empty")->value, "");
  EXPECT_FALSE(answer.interim());
}

TEST(H2Answer, WhatWouldNotBeAHeadOfHttp1IsMalformed) {
  const std::vector<Pairs> bad{{{":status", "20"}},
                               {{":status", "2x0"}},
                               {{":status", "099"}},
                               {{":status", "200"}, {":status", "200"}},
                               {{"x-first", "1"}},
                               {{":status", "200"}, {"X-Upper", "1"}},
                               {{":status", "200"}, {"x", "a\r\nb: c"}},
                               {{":status", "200"}, {"x", std::string(1, '\0')}},
                               {{":status", "200"}, {"a b", "1"}},
                               {{":status", "200"}, {":path", "/"}},
                               {{":status", "200"}, {"transfer-encoding", "chunked"}},
                               {{":status", "200"}, {"connection", "close"}}};
  for (const Pairs& fields : bad) {
    H2Answer answer;
    EXPECT_EQ(take(answer, fields), H2Answer::Taken::malformed) << fields.back().first;
  }
}

TEST(H2Answer, ThereIsNo101) {
  H2Answer answer;
  ASSERT_EQ(take(answer, {{":status", "101"}}), H2Answer::Taken::yes);
  http::ResponseHead head;
  EXPECT_FALSE(answer.finish(head));
}

// RFC 8441 5.
TEST(H2Answer, ASuccessToAWebSocketsConnectIsThe101OfHttp1) {
  H2Answer answer;
  ASSERT_EQ(take(answer,
                 {{":status", "200"}, {"sec-websocket-accept", "bWluZQ=="}, {"content-length", "0"}, {"x-kept", "1"}}),
            H2Answer::Taken::yes);
  EXPECT_TRUE(answer.success());
  answer.switch_protocols("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  http::ResponseHead head;
  ASSERT_TRUE(answer.finish(head));
  EXPECT_EQ(head.status, 101);
  ASSERT_EQ(head.fields.size(), 3U) << "neither a length nor the server's word of a key";
  EXPECT_EQ(head.fields.find("x-kept")->value, "1");
  EXPECT_EQ(head.fields.find(http::FieldId::upgrade)->value, "websocket");
  EXPECT_EQ(head.fields.find("Sec-WebSocket-Accept")->value, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  for (const char* status : {"103", "302", "404"}) {
    H2Answer other;
    ASSERT_EQ(take(other, {{":status", status}}), H2Answer::Taken::yes);
    EXPECT_FALSE(other.success()) << status;
  }
}

TEST(H2Answer, LimitsAreThoseOfHttp1) {
  H2Answer many;
  EXPECT_EQ(take(many, {{":status", "200"}, {"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}}), H2Answer::Taken::yes);
  EXPECT_EQ(many.add("e", "", kLimits), H2Answer::Taken::too_much);
  H2Answer large;
  EXPECT_EQ(take(large, {{":status", "200"}, {"a", std::string(400, 'a')}}), H2Answer::Taken::too_much);
}

TEST(H2Answer, AnInterimHeadIsOne) {
  H2Answer answer;
  ASSERT_EQ(take(answer, {{":status", "103"}, {"link", "</a>"}}), H2Answer::Taken::yes);
  EXPECT_TRUE(answer.interim());
}

TEST(H2Answer, ABodyWithoutALengthEndsWithItsStream) {
  const http::ResponseFraming close{.body = {.kind = http::BodyKind::until_close, .length = 0}};
  EXPECT_EQ(h2_framing(close, false).body, (http::Body{.kind = http::BodyKind::chunked, .length = 0}));
  EXPECT_EQ(h2_framing(close, true).body, (http::Body{.kind = http::BodyKind::length, .length = 0}));
  const http::ResponseFraming length{.body = {.kind = http::BodyKind::length, .length = 7}};
  EXPECT_EQ(h2_framing(length, false).body, length.body);
}

}  // namespace
}  // namespace edge::h2_answer_test
