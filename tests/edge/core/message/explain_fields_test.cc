#include "edge/core/message/explain_fields.h"

#include <gtest/gtest.h>

namespace edge::explain_fields_test {
namespace {

TEST(ExplainFields, AreOneLineOfVisibleOctets) {
  EXPECT_EQ(as_field_value("route a; path /x"), "route a; path /x");
  EXPECT_EQ(as_field_value("a\r\nSet-Cookie: b\x7f\xff\t "), "a??Set-Cookie: b???");
  EXPECT_EQ(as_field_value(std::string(10000, 'x')).size(), kMostExplained);
  EXPECT_TRUE(as_field_value(std::string(10000, 'x')).ends_with(" ..."));
}

}  // namespace
}  // namespace edge::explain_fields_test
