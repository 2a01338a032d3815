#include "dns/load/record/rdata_records.h"

#include <gtest/gtest.h>

#include <span>
#include <string>

#include "dns/load/record/master_reader.h"
#include "dns/load/record/rdata.h"
#include "shared/core/ascii.h"

namespace dns::rdata_records_test {
namespace {

// A record's data in hexadecimal, or what is wrong with it.
std::string parse(const std::string& record) {
  MasterReader reader(record);
  const auto entry = reader.next();
  if (!entry || *entry == nullptr) return "no entry";
  const std::span<const MasterToken> tokens = (*entry)->tokens;
  const auto type = type_from_text(tokens[0].text);
  if (!type) return "no type";
  RdataParser parser;
  parser.set_origin(Name::from_text("example.com")->wire());
  const auto rdata = parser.parse(*type, tokens.subspan(1));
  if (!rdata) return "error: " + rdata.error().message;
  std::string out;
  for (const std::uint8_t octet : *rdata) {
    out += shared::kHexDigits[octet >> 4];
    out += shared::kHexDigits[octet & 15];
  }
  return out;
}

// The example of RFC 1876 section 4.
TEST(RdataRecords, Loc) {
  EXPECT_EQ(parse("LOC 42 21 54 N 71 06 18 W -24m 30m"), "0033161389172dd070be15f000988d20")
      << "degrees, minutes, seconds; size 30 m, the other extents as they are by default";
  EXPECT_EQ(parse("LOC 0 N 0 E 0m"), "00121613800000008000000000989680");
  EXPECT_EQ(parse("LOC 90 N 180 W 0"), parse("LOC 90 0 0.000 N 180 0 0 W 0.00m")) << "the poles and the date line";
}

TEST(RdataRecords, LocBorders) {
  for (const char* wrong :
       {"LOC 90 0 1 N 0 E 0m", "LOC 91 N 0 E 0m", "LOC 0 N 180 0 0.001 E 0m", "LOC 1 60 N 0 E 0m",
        "LOC 1 0 60 N 0 E 0m", "LOC 1 0 0.0001 N 0 E 0m", "LOC 1 N 2 N 0m", "LOC 1 2 3 4 N 0 E 0m", "LOC 0 N 0 E",
        "LOC 0 N 0 E -100000.01m", "LOC 0 N 0 E 0m 90000000.01m", "LOC 0 N 0 E 1.m"}) {
    EXPECT_TRUE(parse(wrong).starts_with("error: ")) << wrong << ": " << parse(wrong);
  }
  EXPECT_FALSE(parse("LOC 0 N 0 E -100000.00m").starts_with("error: "));
  EXPECT_FALSE(parse("LOC 0 N 0 E 42849672.95m").starts_with("error: "));
  EXPECT_TRUE(parse("LOC 0 N 0 E 42849672.96m").starts_with("error: "));
}

// RFC 3123 section 4: zero octets at the end are left out.
TEST(RdataRecords, Apl) {
  EXPECT_EQ(parse("APL 1:192.0.2.0/24"), "00011803c00002");
  EXPECT_EQ(parse("APL !1:10.0.0.0/8"), "000108810a");
  EXPECT_EQ(parse("APL 1:0.0.0.0/0"), "00010000");
  EXPECT_EQ(parse("APL 2:2001:db8::/32 1:192.0.2.1/32"), "0002200420010db800012004c0000201");
  for (const char* wrong :
       {"APL 3:192.0.2.0/24", "APL 1:192.0.2.0/33", "APL 1:2001:db8::/32", "APL 1:192.0.2.0", "APL x"}) {
    EXPECT_TRUE(parse(wrong).starts_with("error: ")) << wrong;
  }
}

// RFC 1035 section 3.4.2: bit 0 of the first octet is port 0.
TEST(RdataRecords, Wks) {
  EXPECT_EQ(parse("WKS 192.0.2.1 tcp 0 9"), "c0000201068040");
  EXPECT_EQ(parse("WKS 192.0.2.1 17 7"), "c00002011101");
  EXPECT_EQ(parse("WKS 192.0.2.1 udp"), "c000020111");
  EXPECT_TRUE(parse("WKS 192.0.2.1 tcp nosuchservice").starts_with("error: "));
  EXPECT_TRUE(parse("WKS 192.0.2.1 256 1").starts_with("error: "));
  EXPECT_TRUE(parse("WKS 192.0.2.1 tcp 65536").starts_with("error: "));
}

TEST(RdataRecords, Nsap) {
  EXPECT_EQ(parse("NSAP 0x47.0005.80"), "47000580");
  for (const char* wrong : {"NSAP 47", "NSAP 0x", "NSAP 0x4", "NSAP 0xzz"}) {
    EXPECT_TRUE(parse(wrong).starts_with("error: ")) << wrong;
  }
}

TEST(RdataRecords, Gateways) {
  EXPECT_EQ(parse("IPSECKEY 10 0 2 . AQ=="), "0a000201");
  EXPECT_EQ(parse("IPSECKEY 10 1 2 192.0.2.38 AQ=="), "0a0102c000022601");
  EXPECT_EQ(parse("IPSECKEY 10 3 0 a.example."), "0a03000161076578616d706c6500");
  EXPECT_TRUE(parse("IPSECKEY 10 0 2 192.0.2.1 AQ==").starts_with("error: ")) << "without a gateway it is a dot";
  EXPECT_TRUE(parse("IPSECKEY 10 4 2 . AQ==").starts_with("error: "));
  EXPECT_TRUE(parse("IPSECKEY 10 1 2 192.0.2.38").starts_with("error: ")) << "an algorithm has a key";
  EXPECT_EQ(parse("AMTRELAY 10 1 1 192.0.2.1"), "0a81c0000201") << "the D bit is the first";
  EXPECT_EQ(parse("AMTRELAY 10 0 0 ."), "0a00");
  EXPECT_TRUE(parse("AMTRELAY 10 2 0 .").starts_with("error: "));
}

TEST(RdataRecords, Hip) {
  EXPECT_EQ(parse("HIP 2 2001 AQ== rvs.example."), "0202000120010103727673076578616d706c6500");
  EXPECT_TRUE(parse("HIP 2 20 ====").starts_with("error: "));
  EXPECT_TRUE(parse("HIP 256 20 AQ==").starts_with("error: "));
}

}  // namespace
}  // namespace dns::rdata_records_test
