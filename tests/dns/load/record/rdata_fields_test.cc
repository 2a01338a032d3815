#include "dns/load/record/rdata_fields.h"

#include <gtest/gtest.h>

namespace dns::rdata_fields_test {
namespace {

TEST(ParseTtl, ReadsSecondsAndUnits) {
  EXPECT_EQ(parse_ttl("0"), 0U);
  EXPECT_EQ(parse_ttl("3600"), 3600U);
  EXPECT_EQ(parse_ttl("1h30M"), 5400U);
  EXPECT_EQ(parse_ttl("1w1d1h1m1s"), 694861U);
  EXPECT_EQ(parse_ttl("1m30"), 90U);
  EXPECT_GT(*parse_ttl("99999999999999999999"), 1U << 31);
  for (const char* text : {"", "h", "1x", "1hh", "-1", "1 "}) EXPECT_FALSE(parse_ttl(text)) << text;
}

}  // namespace
}  // namespace dns::rdata_fields_test
