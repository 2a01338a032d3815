#include "shared/serve/os/utc.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace shared::utc_test {
namespace {

WallTime at(std::int64_t unix_seconds) { return WallTime(seconds(unix_seconds)); }

// Logs of all regions are laid beside each other: the machine's own time zone is none of theirs.
TEST(Utc, IsUtcWhereverTheMachineIs) {
  EXPECT_EQ(utc(at(0)), "1970-01-01T00:00:00Z");
  ::setenv("TZ", "Asia/Tokyo", 1);
  ::tzset();
  EXPECT_EQ(utc(at(1767225600)), "2026-01-01T00:00:00Z");
  ::unsetenv("TZ");
  ::tzset();
  EXPECT_EQ(utc(at(1709164799)), "2024-02-28T23:59:59Z");
  EXPECT_EQ(utc(at(1709164800)), "2024-02-29T00:00:00Z");
}

TEST(Utc, PartsOfASecondAreCutOff) { EXPECT_EQ(utc(at(59) + milliseconds(999)), "1970-01-01T00:00:59Z"); }

}  // namespace
}  // namespace shared::utc_test
