#include "edge/core/message/h2_response.h"

#include <string>

#include <gtest/gtest.h>

namespace edge::h2_response_test {
namespace {

std::string fields_of(std::string head) {
  const H2ResponseHead split = split_response(head);
  std::string all(split.status);
  for_each_h2_field(split.lines, [&](std::string_view name, std::string_view value) {
    all.append("|").append(name).append("=").append(value);
  });
  return all;
}

TEST(H2Response, NamesAreLowerAndTheConnectionsFieldsAreGone) {
  EXPECT_EQ(fields_of("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: Upgrade\r\nUpgrade: x\r\n"
                      "Transfer-Encoding: chunked\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\nX-Empty: \r\n\r\n"),
            "200|content-type=text/html|x-empty=");
}

TEST(H2Response, EachOctetOfANameIsLowerOrWhatItWas) {
  for (std::size_t size = 0; size < 40; ++size) {
    for (int first = 0; first < 256; ++first) {
      std::string text;
      for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(first + static_cast<int>(i) * 37);
      std::string expected = text;
      for (char& c : expected) c = shared::lower(c);
      lower_in_place(text);
      ASSERT_EQ(text, expected) << size << " from " << first;
    }
  }
}

TEST(H2Response, AHeadWithoutFieldsIsItsStatus) { EXPECT_EQ(fields_of("HTTP/1.1 204 No Content\r\n\r\n"), "204"); }

TEST(H2Response, ARequestIsTakenApart) {
  std::string head = "POST /a?b=c HTTP/1.1\r\nHost: shop.example:8080\r\nTE: trailers\r\nConnection: TE\r\n\r\n";
  const H2RequestHead split = split_request(head);
  EXPECT_EQ(split.method, "POST");
  EXPECT_EQ(split.path, "/a?b=c");
  EXPECT_EQ(split.authority, "shop.example:8080");
  std::string all;
  for_each_h2_field(split.lines, [&](std::string_view name, std::string_view value) {
    all.append(name).append("=").append(value).append(";");
  });
  EXPECT_EQ(all, "te=trailers;");
}

TEST(H2Response, TrailersAreLinesToo) {
  std::string trailers = "Server-Timing: a:b\r\nX-Checksum: 1\r\n";
  std::string all;
  for_each_h2_field(std::span(trailers), [&](std::string_view name, std::string_view value) {
    all.append(name).append("=").append(value).append(";");
  });
  EXPECT_EQ(all, "server-timing=a:b;x-checksum=1;");
}

}  // namespace
}  // namespace edge::h2_response_test
