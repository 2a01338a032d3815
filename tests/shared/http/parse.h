#pragma once
// Test helper: a head from a text that outlives it. Temporary strings are refused: all that is parsed points into them.

#include <gtest/gtest.h>

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "shared/http/head.h"

namespace http::testing {

struct Parsed {
  ParseState state = ParseState::incomplete;
  RequestHead head;
  Refusal refusal;
};

template <class Text>
concept TemporaryString = std::same_as<std::remove_const_t<Text>, std::string>;

inline Parsed parse_request(std::string_view text, const HeadLimits& limits = {}) {
  Parsed parsed;
  HeadParser parser;
  parsed.state = parser.parse_request(text, limits, parsed.head);
  if (parsed.state == ParseState::error) parsed.refusal = parser.refusal();
  return parsed;
}

// REQUIRES: the text is a whole valid head and outlives the result.
inline RequestHead request(std::string_view text) {
  Parsed parsed = parse_request(text);
  EXPECT_EQ(parsed.state, ParseState::complete) << text << ": " << parsed.refusal.reason;
  return parsed.head;
}

inline ResponseHead response(std::string_view text) {
  ResponseHead head;
  HeadParser parser;
  EXPECT_EQ(parser.parse_response(text, {}, head), ParseState::complete) << text << ": " << parser.refusal().reason;
  return head;
}

template <TemporaryString Text>
Parsed parse_request(Text&& text, const HeadLimits& limits = {}) = delete;
template <TemporaryString Text>
RequestHead request(Text&& text) = delete;
template <TemporaryString Text>
ResponseHead response(Text&& text) = delete;

}  // namespace http::testing
