#include "shared/http/date.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace http::date_test {
namespace {

constexpr UnixSeconds kExample = 784111777;  // of RFC 9110 5.6.7
constexpr UnixSeconds kNow = 1764460800;     // 30 November 2025

TEST(Date, IsReadInAllThreeForms) {
  for (const char* const text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                 "Sun Nov  6 08:49:37 1994", "sun, 06 nov 1994 08:49:37 gmt"}) {
    EXPECT_EQ(parse_date(text, kNow), kExample) << text;
  }
  EXPECT_EQ(parse_date("Thu, 01 Jan 1970 00:00:00 GMT", kNow), 0);
  EXPECT_EQ(parse_date("Thu Feb 29 23:59:59 2024", kNow), 1709251199);
  EXPECT_EQ(parse_date("Sat, 31 Dec 2016 23:59:60 GMT", kNow), 1483228800) << "a leap second";
}

TEST(Date, AYearOfTwoDigitsIsAtMostFiftyYearsAhead) {
  EXPECT_EQ(write_date(*parse_date("Friday, 01-Jan-75 00:00:00 GMT", kNow)).view().substr(12, 4), "2075");
  EXPECT_EQ(write_date(*parse_date("Friday, 01-Jan-76 00:00:00 GMT", kNow)).view().substr(12, 4), "1976");
  EXPECT_EQ(write_date(*parse_date("Friday, 01-Jan-00 00:00:00 GMT", kNow)).view().substr(12, 4), "2000");
}

TEST(Date, WhatIsNoneIsNone) {
  const std::vector<std::string> texts{
      "",
      "0",
      "1994",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 06 Nov 1994 08:49:37 +0000",
      "Sun, 06 Nov 1994 08:49:37 GMT ",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:49:37 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      "Sun, 31 Feb 1994 08:49:37 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 Now 1994 08:49:37 GMT",
      "Foo, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 994 08:49:37 GMT",
      "Sunday, 06-Nov-1994 08:49:37 GMT",
      "Sun Nov 06 08:49:37 94",
  };
  for (const std::string& text : texts) EXPECT_EQ(parse_date(text, kNow), std::nullopt) << text;
}

TEST(Date, IsWrittenInItsOneFormAndReadBack) {
  EXPECT_EQ(write_date(kExample).view(), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(write_date(0).view(), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(write_date(-1).view(), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(write_date(INT64_MAX).view(), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(write_date(INT64_MIN).view(), "Mon, 01 Jan 0001 00:00:00 GMT");
  for (UnixSeconds time = -4'000'000'000; time < 8'000'000'000; time += 86'399 * 1001) {
    EXPECT_EQ(parse_date(write_date(time).view(), kNow), time);
  }
}

}  // namespace
}  // namespace http::date_test
