#pragma once
// Heads from text, for the tests of this room; the text outlives them.

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "shared/http/head.h"

namespace edge {

struct ParsedResponse {
  explicit ParsedResponse(std::string_view lines, int status = 200)
      : text("HTTP/1.1 " + std::to_string(status) + " Word\r\n" + std::string(lines) + "\r\n") {
    http::HeadParser parser;
    EXPECT_EQ(parser.parse_response(text, {}, head), http::ParseState::complete) << text;
  }
  ParsedResponse(const ParsedResponse&) = delete;
  ParsedResponse& operator=(const ParsedResponse&) = delete;
  std::string text;
  http::ResponseHead head;
};

struct ParsedRequest {
  explicit ParsedRequest(std::string_view lines, std::string_view line = "GET / HTTP/1.1")
      : text(std::string(line) + "\r\nHost: shop.test\r\n" + std::string(lines) + "\r\n") {
    http::HeadParser parser;
    EXPECT_EQ(parser.parse_request(text, {}, head), http::ParseState::complete) << text;
  }
  ParsedRequest(const ParsedRequest&) = delete;
  ParsedRequest& operator=(const ParsedRequest&) = delete;
  std::string text;
  http::RequestHead head;
};

}  // namespace edge
