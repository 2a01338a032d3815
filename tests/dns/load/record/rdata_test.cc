#include "dns/load/record/rdata.h"

#include <gtest/gtest.h>
#include <ldns/ldns.h>

#include <array>
#include <fstream>
#include <string>
#include <vector>

#include "dns/core/wire/name.h"
#include "tests/support/paths.h"

namespace dns::rdata_test {
namespace {

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
  for (const std::uint8_t byte : *rdata) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

// The same by ldns alone, from the whole record's text.
std::string parse_by_ldns(const std::string& record) {
  ldns_rr* rr = nullptr;
  ldns_rdf* const origin = ldns_dname_new_frm_str("example.com.");
  ldns_rdf* previous = nullptr;
  const std::string text = "x.example.com. 60 IN " + record;
  std::string out = "error";
  if (ldns_rr_new_frm_str(&rr, text.c_str(), 0, origin, &previous) == LDNS_STATUS_OK) {
    ldns_buffer* const buffer = ldns_buffer_new(65536);
    EXPECT_EQ(ldns_rr_rdata2buffer_wire(buffer, rr), LDNS_STATUS_OK);
    out.clear();
    for (std::size_t i = 0; i < ldns_buffer_position(buffer); ++i) {
      const std::uint8_t byte = *ldns_buffer_at(buffer, i);
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    }
    ldns_buffer_free(buffer);
    ldns_rr_free(rr);
  }
  ldns_rdf_deep_free(previous);
  ldns_rdf_deep_free(origin);
  return out;
}

TEST(Rdata, AgreesWithLdnsOnEveryType) {
  const std::vector<std::string> records = {
      "A 192.0.2.1",
      "AAAA 2001:db8::1",
      "NS ns",
      "CNAME @",
      "DNAME target.example.net.",
      "PTR a\\.b",
      "MX 10 mail",
      "SOA ns host 1 1h 2h 3d 60",
      "TXT \"a b\" c \"\"",
      "SPF \"v=spf1 -all\"",
      "HINFO cpu os",
      "SRV 0 5 5060 sip",
      "NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.com!\" .",
      "CAA 0 issue \"ca.example.net; a=b\"",
      "LOC 42 21 54 N 71 06 18 W -24m 30m",
      "DS 1 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
      "DNSKEY 256 3 13 AAAABBBB",
      "TLSA 3 1 1 abcdef",
      "SMIMEA 3 1 1 abcdef",
      "SSHFP 1 1 123456789abcdef67890123456789abcdef67890",
      "CERT 1 2 3 AAAA",
      "URI 10 1 \"http://example.com/\"",
      "EUI48 00-00-5e-00-53-2a",
      "EUI64 00-00-5e-ef-10-00-00-2a",
      "RP mbox txt",
      "AFSDB 1 host",
      "KX 1 host",
      "OPENPGPKEY AAAA",
      "APL 1:192.168.32.0/21 !1:192.168.38.0/28",
      "NSEC next A MX",
      "CDS 1 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
      "CDNSKEY 256 3 13 AAAA",
      "ZONEMD 1 1 240 00112233445566778899aabb",
      "CSYNC 1 3 A NS",
      "NID 10 0014:4fff:ff20:ee64",
      "L32 10 10.1.2.0",
      "L64 10 2001:0DB8:1140:1000",
      "LP 10 l64",
      "HTTPS 1 . alpn=h2,h3",
      "SVCB 0 other",
      "TYPE65400 \\# 4 0a000001",
      "TYPE65400 \\# 0",
      "A \\# 4 0a000001",
      "NSEC3PARAM 1 0 0 -"};
  for (const auto& record : records) {
    const std::string wire = parse(record);
    EXPECT_EQ(wire, parse_by_ldns(record)) << record;
    EXPECT_NE(wire, "error") << record;
  }
}

TEST(Rdata, QuotesWhatLdnsWouldTakeForSyntax) {
  EXPECT_EQ(parse(R"(TXT "a(b);c")"),
            "066128"
            "62293b63");
  EXPECT_EQ(parse("TXT \"tab\there\""),
            "08746162"
            "0968657265");
}

// The lines that named-checkzone, nsd-checkzone and kzonecheck are asked about in tests/e2e/test_zone_lines.py.
TEST(Rdata, AgreesWithTheTableOfZoneLines) {
  std::ifstream file(::test::source_file("tests/support/zone_lines.txt"));
  unsigned count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::array<std::string, 3> columns;  // verdict, peers that differ, data in hexadecimal
    for (std::string& column : columns) {
      const std::size_t end = line.find('|');
      ASSERT_NE(end, std::string::npos) << line;
      column = line.substr(0, end);
      line.erase(0, end + 1);
    }
    ++count;
    if (columns[0].starts_with("zone")) continue;  // the reader of zone files decides, not that of data
    const std::string read = parse(line);
    if (columns[0] == "good") {
      EXPECT_EQ(read, columns[2]) << line;
    } else {
      EXPECT_TRUE(read.starts_with("error") || read.starts_with("no ")) << line << ": " << read;
    }
  }
  EXPECT_GT(count, 300U);
}

TEST(Rdata, TextKeepsTheQuotesBehindAnEqualsSignApart) {
  EXPECT_EQ(parse(R"(TXT key="a b")"),
            "046b65793d"
            "03612062");
  EXPECT_EQ(parse(R"(HTTPS 1 . alpn="h2" port="443")"), parse("HTTPS 1 . alpn=h2 port=443"));
  EXPECT_TRUE(parse(R"(HTTPS 1 . alpn= "h2")").starts_with("error"));
}

TEST(Rdata, OrdersServiceParameters) {
  EXPECT_EQ(parse("HTTPS 1 . ipv4hint=192.0.2.1 port=443 alpn=h2"),
            parse("HTTPS 1 . alpn=h2 port=443 ipv4hint=192.0.2.1"));
  EXPECT_EQ(parse("SVCB 1 . alpn=h2 alpn=h3"), "error: alpn stands twice");
  EXPECT_EQ(parse("HTTPS 1 . alpn=\"h2,h3\""), parse("HTTPS 1 . alpn=h2,h3"));
}

TEST(Rdata, RefusesWhatLdnsLetsPass) {
  EXPECT_EQ(parse("MX 70000 a"), "error: '70000' is not a number from 0 to 65535");
  EXPECT_EQ(parse("SRV 1 2 -1 a"), "error: '-1' is not a number from 0 to 65535");
  EXPECT_EQ(parse("CAA 256 issue x"), "error: '256' is not a number from 0 to 255");
  EXPECT_EQ(parse("SOA a b 4294967296 1 1 1 1"), "error: '4294967296' is not a number from 0 to 4294967295");
  EXPECT_EQ(parse("SOA a b 1 5000000000 1 1 1").substr(0, 5), "error");
  EXPECT_EQ(parse("A \\# 4 C00002ZZ"), "error: 'C00002ZZ' is not an even number of hexadecimal digits");
  EXPECT_EQ(parse("HTTPS 1 . port=70000"), "error: port: '70000' is not a number from 0 to 65535");
  EXPECT_EQ(parse("TLSA 3 1 1 ABC"), "error: 'ABC' is not an even number of hexadecimal digits");
  EXPECT_EQ(parse("HTTPS 1 . mandatory=port alpn=h2"), "error: mandatory: port is not in the record");
  EXPECT_EQ(parse("HTTPS 1 . mandatory=mandatory"), "error: mandatory: lists itself");
}

TEST(Rdata, RefusesWhatIsWrong) {
  for (const char* record : {"A 192.0.2", "A ::1", "AAAA 192.0.2.1", "A \"192.0.2.1\"", "A 192.0.2.1 x", "A", "MX 10",
                             "MX 10 a b", "TXT", "A \\# 3 0a0000", "TYPE65400 x", "TYPE65400 \\# 2 00", "CNAME a..b"}) {
    EXPECT_TRUE(parse(record).starts_with("error: ")) << record << ": " << parse(record);
  }
}

}  // namespace
}  // namespace dns::rdata_test
