#include "edge/serve/account/http_date.h"

#include <ctime>
#include <string>

#include <gtest/gtest.h>

namespace edge::http_date_test {
namespace {

std::time_t parse(std::string_view text) {
  std::tm utc{};
  const std::string copy(text);
  const char* const rest = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  EXPECT_TRUE(rest != nullptr && *rest == '\0') << copy;
  return ::timegm(&utc);
}

TEST(HttpDate, SaysTheWallsTimeInTheFormOfRfc9110) {
  HttpDate date;
  const std::string_view text = date.at(shared::TimePoint(shared::seconds(1000)));
  EXPECT_EQ(text.size(), 29U);
  EXPECT_LE(std::abs(std::time(nullptr) - parse(text)), 2);
}

TEST(HttpDate, IsMadeOnceASecondOfTheLoopsClock) {
  HttpDate date;
  const shared::TimePoint now(shared::seconds(1000));
  std::string first(date.at(now));
  // The loop's second has not passed, so the text stays, however long this test takes.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(date.at(now + shared::milliseconds(999)), first);
  EXPECT_GE(parse(date.at(now + shared::seconds(1))), parse(first));
}

}  // namespace
}  // namespace edge::http_date_test
