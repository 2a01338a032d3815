#include "dns/load/record/rdata_types.h"

#include <gtest/gtest.h>

namespace dns::rdata_types_test {
namespace {

TEST(RdataTypes, KnowsTypesByNameAndNumber) {
  EXPECT_EQ(type_from_text("mx"), 15);
  EXPECT_EQ(type_from_text("HTTPS"), 65);
  EXPECT_EQ(type_from_text("type65535"), 65535);
  for (const char* text : {"", "BOGUS", "TYPE", "TYPE65536", "TYPE1x", "TYPE-1", "IN"}) {
    EXPECT_FALSE(type_from_text(text)) << text;
  }
  EXPECT_EQ(type_to_text(15), "MX");
  EXPECT_EQ(type_to_text(65400), "TYPE65400");
}

}  // namespace
}  // namespace dns::rdata_types_test
