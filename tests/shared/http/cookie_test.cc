#include "shared/http/cookie.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/shared/http/parse.h"

namespace http::cookie_test {
namespace {

std::string value_of(const std::string& fields, std::string_view name) {
  const std::string text = "GET / HTTP/1.1\r\n" + fields + "\r\n";
  const RequestHead head = testing::request(text);
  const std::string_view value = find_cookie(head.fields, name);
  return value.data() == nullptr ? "absent" : "'" + std::string(value) + "'";
}

TEST(Cookie, IsFoundByItsWholeName) {
  EXPECT_EQ(value_of("Cookie: sid=7; cart=2\r\n", "sid"), "'7'");
  EXPECT_EQ(value_of("Cookie: sid=7; cart=2\r\n", "cart"), "'2'");
  EXPECT_EQ(value_of("Cookie: xsid=7; sid2=8\r\n", "sid"), "absent");
  EXPECT_EQ(value_of("Cookie: SID=7\r\n", "sid"), "absent") << "names of cookies have case (RFC 6265 5.4)";
  EXPECT_EQ(value_of("X-Cookie: sid=7\r\n", "sid"), "absent");
  EXPECT_EQ(value_of("", "sid"), "absent");
}

TEST(Cookie, TheFirstOfSeveralCounts) {
  EXPECT_EQ(value_of("Cookie: sid=1; sid=2\r\n", "sid"), "'1'");
  EXPECT_EQ(value_of("Cookie: a=1\r\nCookie: sid=2\r\nCookie: sid=3\r\n", "sid"), "'2'");
}

TEST(Cookie, ValuesMayBeEmptyAndHoldWhatTheyLike) {
  EXPECT_EQ(value_of("Cookie: sid=\r\n", "sid"), "''") << "there, and empty";
  EXPECT_EQ(value_of("Cookie: sid=a=b==\r\n", "sid"), "'a=b=='");
  EXPECT_EQ(value_of("Cookie: sid\r\n", "sid"), "absent") << "no pair at all";
}

TEST(Cookie, SpacesAndEmptyPartsAreNothing) {
  EXPECT_EQ(value_of("Cookie: ;; a=1 ;sid=2  ;\r\n", "sid"), "'2'");
  EXPECT_EQ(value_of("Cookie: a=1;   sid=2\r\n", "sid"), "'2'");
}

TEST(Cookie, IsCountedAsServersMayReadIt) {
  const auto times = [](const std::string& fields) {
    const std::string text = "GET / HTTP/1.1\r\n" + fields + "\r\n";
    const RequestHead head = testing::request(text);
    return count_cookie(head.fields, "sid");
  };
  EXPECT_EQ(times(""), 0U);
  EXPECT_EQ(times("Cookie: sid=1; xsid=2\r\n"), 1U);
  EXPECT_EQ(times("Cookie: sid=1;  sid =2\r\nCookie: sid=3\r\n"), 3U);
  EXPECT_GT(times("Cookie: sid=1; %73id=2\r\n"), 1U) << "some decode names";
}

}  // namespace
}  // namespace http::cookie_test
