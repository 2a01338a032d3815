#include "dns/load/record/rdata_wire.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "dns/load/record/text_codec.h"

namespace dns::rdata_wire_test {
namespace {

// What is said of octets as the data of a type.
std::string problem(std::string_view type, std::string_view hex) {
  const RdataType* const known = find_rdata_type(type_from_text(type).value_or(0));
  EXPECT_NE(known, nullptr) << type;
  const auto octets = decode_hex(hex);
  EXPECT_TRUE(octets) << hex;
  return known == nullptr || !octets ? "?" : wire_problem(*known, *octets).value_or("");
}

TEST(RdataWire, FixedFieldsAreWholeAndNothingFollows) {
  EXPECT_EQ(problem("A", "c0000201"), "");
  EXPECT_EQ(problem("A", "c00002"), "these octets are not the data of this type");
  EXPECT_EQ(problem("A", "c000020101"), "these octets are more than the data of this type has");
  EXPECT_EQ(problem("AAAA", std::string(32, '0')), "");
  EXPECT_NE(problem("AAAA", std::string(30, '0')), "");
  EXPECT_EQ(problem("MX", "000a016100"), "");
  EXPECT_NE(problem("MX", "000a"), "");
  EXPECT_EQ(problem("EUI48", "010203040506"), "");
  EXPECT_NE(problem("EUI64", "010203040506"), "");
}

TEST(RdataWire, NamesEndAndAreNotCompressed) {
  EXPECT_EQ(problem("NS", "016100"), "");
  EXPECT_NE(problem("NS", "0161"), "") << "the root is missing";
  EXPECT_NE(problem("NS", "c00c"), "") << "RFC 3597 section 4";
}

TEST(RdataWire, StringsFillTheirLengths) {
  EXPECT_EQ(problem("TXT", "016100"), "");
  EXPECT_NE(problem("TXT", ""), "") << "at least one";
  EXPECT_NE(problem("TXT", "0261"), "");
  EXPECT_EQ(problem("X25", "0431313131"), "");
  EXPECT_EQ(problem("X25", "03313131"), "the number has not four digits or more");
  EXPECT_EQ(problem("CAA", "0005697373756561"), "");
  EXPECT_NE(problem("CAA", "000061"), "") << "a tag has a letter";
  EXPECT_NE(problem("CAA", "00012d61"), "") << "and nothing but letters and digits";
}

// RFC 3402 section 3.2.
TEST(RdataWire, SubstitutionsHaveTheirForm) {
  const auto naptr = [](std::string_view expression) {
    std::string hex = "000000000000";
    const auto add = [&hex](std::size_t octet) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      hex += kDigits[octet >> 4];
      hex += kDigits[octet & 15];
    };
    add(expression.size());
    for (const char c : expression) add(static_cast<unsigned char>(c));
    return problem("NAPTR", hex + "00");
  };
  for (const char* good : {"", "!a!b!", "/^.*$/x/i", "!a\\!b!c!"}) EXPECT_EQ(naptr(good), "") << good;
  for (const char* wrong : {"!a!b", "!a!b!x", "1a1b1", "iaibi", "\\a\\b\\", "!a!b!c!"})
    EXPECT_NE(naptr(wrong), "") << wrong;
}

// RFC 4034 section 4.1.2.
TEST(RdataWire, BitmapsOfTypesAscendAndEndInASetBit) {
  EXPECT_EQ(problem("NSEC", "00000140"), "");
  EXPECT_EQ(problem("NSEC", "00000140010101"), "");
  EXPECT_NE(problem("NSEC", "00000140000140"), "") << "a window twice";
  EXPECT_NE(problem("NSEC", "00010101000140"), "") << "the wrong way round";
  EXPECT_NE(problem("NSEC", "0000024000"), "") << "ends in nothing";
  EXPECT_NE(problem("NSEC", "000000"), "") << "an empty window";
  EXPECT_NE(problem("NSEC", "000021" + std::string(64, '0') + "01"), "") << "33 octets";
}

TEST(RdataWire, DigestsAreAsLongAsTheirAlgorithmMakesThem) {
  EXPECT_EQ(problem("DS", "00010801" + std::string(40, 'a')), "");
  EXPECT_EQ(problem("DS", "00010802" + std::string(40, 'a')), "the digest has not the 32 octets of its algorithm");
  EXPECT_EQ(problem("DS", "00010809" + std::string(6, 'a')), "") << "of an algorithm that nobody knows";
  EXPECT_EQ(problem("SSHFP", "0102" + std::string(64, 'a')), "");
  EXPECT_EQ(problem("SSHFP", "0101" + std::string(64, 'a')), "the digest has not the 20 octets of its algorithm");
  EXPECT_EQ(problem("ZONEMD", "000000010109" + std::string(22, 'a')), "the digest is shorter than 12 octets");
}

TEST(RdataWire, PrefixesAndPlacesAreInRange) {
  EXPECT_EQ(problem("APL", "00011803c00002"), "");
  EXPECT_NE(problem("APL", "00012103c00002"), "") << "33 bits of 32";
  EXPECT_NE(problem("APL", "00011803c00000"), "") << "a zero octet at the end";
  EXPECT_NE(problem("APL", "00031803c00002"), "") << "no such family";
  EXPECT_EQ(problem("LOC", "00121613800000008000000000989680"), "");
  EXPECT_NE(problem("LOC", "00a21613800000008000000000989680"), "") << "no digit";
  EXPECT_NE(problem("LOC", "00121613000000008000000000989680"), "") << "beyond the pole";
  EXPECT_EQ(problem("LOC", "01ffff"), "") << "nothing is known of other versions";
}

TEST(RdataWire, GatewaysAreOfTheirType) {
  EXPECT_EQ(problem("IPSECKEY", "0a0102c000022601"), "");
  EXPECT_NE(problem("IPSECKEY", "0a0102c00002"), "");
  EXPECT_NE(problem("IPSECKEY", "0a000001"), "") << "a key without an algorithm";
  EXPECT_NE(problem("IPSECKEY", "0a0002"), "") << "an algorithm without a key";
  EXPECT_NE(problem("IPSECKEY", "0a040201"), "");
  EXPECT_EQ(problem("AMTRELAY", "0a81c0000201"), "");
  EXPECT_NE(problem("AMTRELAY", "0a84"), "");
  EXPECT_EQ(problem("HIP", "02020001200101"), "");
  EXPECT_NE(problem("HIP", "0002000101"), "") << "no tag";
}

}  // namespace
}  // namespace dns::rdata_wire_test
