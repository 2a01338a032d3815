#include "edge/core/message/trace_context.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/shared/http/parse.h"

namespace edge::trace_context_test {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kSpan = "00f067aa0ba902b7";
const std::string kGiven = "00-" + kTrace + "-" + kSpan + "-01";

TEST(TraceContext, OfSeveralNoneIsGiven) {
  const std::string line = "traceparent: " + kGiven + "\r\n";
  const auto given = [](const std::string& lines) {
    const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
    const auto head = http::testing::request(text);
    return std::string(given_traceparent(head.fields));
  };
  EXPECT_EQ(given(line), kGiven);
  EXPECT_EQ(given(""), "");
  EXPECT_EQ(given(line + line), "");
}

TEST(TraceContext, ReadsWhatTheRecommendationAllows) {
  EXPECT_TRUE(is_traceparent(kGiven));
  EXPECT_TRUE(is_traceparent("cc-" + kTrace + "-" + kSpan + "-01-what-comes"));
  for (const std::string& text :
       {std::string(), kGiven + "-x", kGiven.substr(1), "ff-" + kTrace + "-" + kSpan + "-01",
        "00-" + std::string(32, '0') + "-" + kSpan + "-01", "00-" + kTrace + "-" + std::string(16, '0') + "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kSpan + "-01", "00_" + kTrace + "-" + kSpan + "-01"}) {
    EXPECT_FALSE(is_traceparent(text)) << text;
  }
}

TEST(TraceContext, HasATraceASpanAndAFlag) {
  const auto given = parse_traceparent(kGiven);
  ASSERT_TRUE(given);
  EXPECT_EQ(given->trace, kTrace);
  EXPECT_EQ(given->span, kSpan);
  EXPECT_TRUE(given->recorded);
  EXPECT_FALSE(parse_traceparent("00-" + kTrace + "-" + kSpan + "-02")->recorded) << "another flag";
  EXPECT_TRUE(parse_traceparent("00-" + kTrace + "-" + kSpan + "-03")->recorded);
  EXPECT_FALSE(parse_traceparent("nonsense"));
  EXPECT_EQ(with_span(kGiven, std::string(16, 'b')), "00-" + kTrace + "-" + std::string(16, 'b') + "-01");
}

TEST(TraceContext, GoesOnWithATraceUnderAnIdOfItsOwn) {
  const std::string fresh(32, 'a');
  const std::string span(16, 'b');
  EXPECT_EQ(make_traceparent(kGiven, fresh, span, 0).view(), "00-" + kTrace + "-" + span + "-01");
  EXPECT_EQ(make_traceparent("nonsense", fresh, span, 0).view(), "00-" + fresh + "-" + span + "-00");
  EXPECT_EQ(make_traceparent("", fresh, span, 1).view(), "00-" + fresh + "-" + span + "-01");
}

TEST(TraceContext, TheSpanOfAnIdIsItsOwn) {
  std::set<std::string> spans;
  for (int i = 0; i < 1000; ++i) {
    const auto span = span_of(std::to_string(i) + kTrace);
    spans.insert(std::string(span.data(), span.size()));
  }
  EXPECT_EQ(spans.size(), 1000U);
  EXPECT_TRUE(is_traceparent("00-" + kTrace + "-" + *spans.begin() + "-00"));
}

TEST(TraceContext, RecordsAShareByTheId) {
  const std::string span(16, 'b');
  const std::string low = std::string(18, 'f') + "0" + std::string(13, 'f');  // one sixteenth at most
  EXPECT_TRUE(make_traceparent("", low, span, 0.07).view().ends_with("-01"));
  EXPECT_TRUE(make_traceparent("", low, span, 0.05).view().ends_with("-00"));
  const std::string digits = "0000000000000000000123456789abcd";  // each counts, and with its own weight
  constexpr double kShare = 0x00123456789abcdp0 / 0x1.0p56;
  EXPECT_TRUE(make_traceparent("", digits, span, kShare * 1.0001).view().ends_with("-01"));
  EXPECT_TRUE(make_traceparent("", digits, span, kShare * 0.9999).view().ends_with("-00"));
  EXPECT_TRUE(make_traceparent("", std::string(32, 'f'), span, 1).view().ends_with("-01"));
}

}  // namespace
}  // namespace edge::trace_context_test
