#include "edge/core/content/byte_ranges.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace edge::byte_ranges_test {
namespace {

// "0-499 500-599", "whole", "unsatisfiable": last positions as the field has them.
std::string ruled(std::string_view field, std::uint64_t size) {
  const RangeRuling ruling = rule_ranges(field, size);
  if (ruling.kind == RangeRuling::Kind::whole) return "whole";
  if (ruling.kind == RangeRuling::Kind::unsatisfiable) return "unsatisfiable";
  std::string text;
  for (const ByteRange& range : ruling.all()) {
    if (!text.empty()) text += " ";
    text += std::to_string(range.begin) + "-" + std::to_string(range.end - 1);
  }
  return text;
}

struct Case {
  const char* field;
  std::uint64_t size;
  const char* ruling;
};

TEST(ByteRanges, OneRangeLiesWithinTheRepresentation) {
  const std::vector<Case> cases{
      {"bytes=0-499", 10000, "0-499"},
      {"bytes=500-999", 10000, "500-999"},
      {"bytes=-500", 10000, "9500-9999"},
      {"bytes=9500-", 10000, "9500-9999"},
      {"bytes=0-0", 10000, "0-0"},
      {"bytes=-1", 10000, "9999-9999"},
      {"bytes=0-", 10000, "0-9999"},
      {"bytes=0-99999", 10000, "0-9999"},
      {"bytes=-99999", 10000, "0-9999"},
      {"BYTES=0-1", 10000, "0-1"},
      {"bytes= 0-1 ", 10000, "0-1"},
      {"bytes=0-99999999999999999999999999", 10000, "0-9999"},
      {"bytes=10000-", 10000, "unsatisfiable"},
      {"bytes=99999999999999999999999999-", 10000, "unsatisfiable"},
      {"bytes=-0", 10000, "unsatisfiable"},
      {"bytes=0-", 0, "unsatisfiable"},
      {"bytes=-5", 0, "whole"},
      {"bytes=0-0,10000-", 10000, "0-0"},
  };
  for (const Case& one : cases) EXPECT_EQ(ruled(one.field, one.size), one.ruling) << one.field << " of " << one.size;
}

TEST(ByteRanges, WhatIsMalformedOrOfAnotherUnitIsIgnored) {
  for (const char* const field :
       {"",          "bytes",    "bytes=",      "bytes=,",    "bytes=-",    "bytes=1",     "bytes=5-4",   "bytes=a-b",
        "bytes=0-x", "bytes=-x", "bytes=0x0-1", "bytes=+0-1", "bytes=0--1", "bytes=0-1-2", "bytes=0 - 1", "items=0-1",
        "bytes:0-1", "0-1",      "bytes=0-1,x", "bytes =0-1"}) {
    EXPECT_EQ(ruled(field, 10000), "whole") << field;
  }
}

TEST(ByteRanges, SeveralKeepTheOrderInWhichTheyWereAskedFor) {
  EXPECT_EQ(ruled("bytes=0-9,1000-1009", 10000), "0-9 1000-1009");
  EXPECT_EQ(ruled("bytes=1000-1009 , 0-9", 10000), "1000-1009 0-9");
  EXPECT_EQ(ruled("bytes=-10,0-9,5000-5009", 10000), "9990-9999 0-9 5000-5009");
}

TEST(ByteRanges, WhatOverlapsOrIsCloseTogetherBecomesOne) {
  EXPECT_EQ(ruled("bytes=0-9,5-19", 10000), "0-19");
  EXPECT_EQ(ruled("bytes=0-9,10-19", 10000), "0-19");
  EXPECT_EQ(ruled("bytes=0-9,138-199", 10000), "0-199") << "a gap of kGap octets is sent along";
  EXPECT_EQ(ruled("bytes=0-9,139-199", 10000), "0-9 139-199");
  EXPECT_EQ(ruled("bytes=5000-5009,0-9,300-309,5-305", 10000), "5000-5009 0-309") << "one may join two others";
  EXPECT_EQ(ruled("bytes=0-,0-,0-,0-,0-", 10000), "0-9999");
}

// CVE-2011-3192: an answer of many times the representation.
TEST(ByteRanges, ManyRangesGetTheWhole) {
  std::string field = "bytes=0-0";
  for (std::size_t i = 1; i < RangeRuling::kMaxRanges; ++i) {
    field += "," + std::to_string(i * 1000) + "-" + std::to_string(i * 1000);
  }
  EXPECT_EQ(rule_ranges(field, 1'000'000).count, RangeRuling::kMaxRanges);
  EXPECT_EQ(ruled(field + ",500000-500001", 1'000'000), "whole");
  EXPECT_EQ(ruled("bytes=0-,1-,2-,3-,4-,5-,6-,7-,8-,9-,10-,11-,12-,13-,14-,15-,16-", 10000), "whole");
}

TEST(ByteRanges, AreOfGetAndOfOneField) {
  http::FieldList fields;
  ASSERT_TRUE(fields.push({.name = "Range", .value = "bytes=0-1", .id = http::FieldId::range}));
  EXPECT_EQ(rule_ranges(http::Method::get, fields, 10).kind, RangeRuling::Kind::partial);
  EXPECT_EQ(rule_ranges(http::Method::head, fields, 10).kind, RangeRuling::Kind::whole);
  EXPECT_EQ(rule_ranges(http::Method::post, fields, 10).kind, RangeRuling::Kind::whole);
  ASSERT_TRUE(fields.push({.name = "Range", .value = "bytes=2-3", .id = http::FieldId::range}));
  EXPECT_EQ(rule_ranges(http::Method::get, fields, 10).kind, RangeRuling::Kind::whole);
  EXPECT_EQ(rule_ranges(http::Method::get, http::FieldList(), 10).kind, RangeRuling::Kind::whole);
}

TEST(ByteRanges, AreToldInContentRange) {
  EXPECT_EQ(content_range({.begin = 0, .end = 500}, 1234), "bytes 0-499/1234");
  EXPECT_EQ(unsatisfied_range(1234), "bytes */1234");
}

// The shape of RFC 9110 15.3.7.2.
TEST(ByteRanges, SeveralAreFramedAsMultipart) {
  const MultipartRanges frame({.boundary = "SEP", .content_type = "text/plain", .size = 8000});
  EXPECT_EQ(frame.content_type(), "multipart/byteranges; boundary=SEP");
  const ByteRange range{.begin = 500, .end = 1000};
  EXPECT_EQ(frame.part_head(range),
            "\r\n--SEP\r\nContent-Type: text/plain\r\nContent-Range: bytes 500-999/8000\r\n\r\n");
  EXPECT_EQ(frame.end(), "\r\n--SEP--\r\n");
  const std::vector<ByteRange> ranges{range, {.begin = 7000, .end = 8000}};
  EXPECT_EQ(frame.length(ranges),
            frame.part_head(ranges[0]).size() + 500 + frame.part_head(ranges[1]).size() + 1000 + frame.end().size());
  EXPECT_EQ(MultipartRanges({.boundary = "S", .content_type = "", .size = 9}).part_head({.begin = 0, .end = 1}),
            "\r\n--S\r\nContent-Range: bytes 0-0/9\r\n\r\n");
}

}  // namespace
}  // namespace edge::byte_ranges_test
