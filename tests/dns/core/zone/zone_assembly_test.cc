#include "dns/core/zone/zone_assembly.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/dns_message.h"

namespace dns::zone_assembly_test {
namespace {

using Severity = ZoneProblem::Severity;

[[nodiscard]] test::ZoneText minimal() {
  test::ZoneText text;
  text.lines = {"@ 3600 SOA ns.example.org. hostmaster 1 2 3 4 5", "@ 3600 NS ns.example.org."};
  return text;
}

[[nodiscard]] std::string lines(const std::vector<ZoneProblem>& problems) {
  std::string text;
  for (const ZoneProblem& p : problems) {
    text += std::to_string(p.where) + (p.severity == Severity::error ? " error: " : " warning: ") + p.text + "\n";
  }
  return text;
}

struct ProblemCase {
  std::vector<std::string> lines;  // behind the minimal zone's two; the first is number 3
  const char* expected;
};

TEST(ZoneAssembly, SaysWhatIsWrong) {
  for (const ProblemCase& c : std::initializer_list<ProblemCase>{
           {{"a 60 CNAME b", "a 60 A 192.0.2.1"}, "3 error: a.example.com.: CNAME beside other data (A)\n"},
           {{"a 60 A 192.0.2.1", "a 60 CNAME b"}, "4 error: a.example.com.: CNAME beside other data (A)\n"},
           {{"a 60 CNAME b", "a 60 CNAME c"}, "4 error: a.example.com.: more than one CNAME\n"},
           {{"a 60 DNAME b", "a 60 DNAME c"}, "3 error: a.example.com.: more than one DNAME\n"},
           {{"@ 60 CNAME b"}, "3 error: example.com.: CNAME beside other data (SOA)\n"},
           {{"www.example.org. 60 A 192.0.2.1"}, "3 error: www.example.org.: outside the zone example.com.\n"},
           {{"badexample.com. 60 A 192.0.2.1"}, "3 error: badexample.com.: outside the zone example.com.\n"},
           {{"a 60 A 192.0.2.1", "a 60 A 192.0.2.1"}, "4 warning: a.example.com.: duplicate A record removed\n"},
           {{"a 60 PTR b", "a 60 PTR B"}, "4 warning: a.example.com.: duplicate PTR record removed\n"},
           {{"a 60 A 192.0.2.1", "a 30 A 192.0.2.2"},
            "3 warning: a.example.com.: the A records differ in TTL, all get 30\n"},
           {{"a 60 SOA x y 1 2 3 4 5"}, "3 error: a.example.com.: SOA below the apex\n"},
           {{"@ 60 SOA x y 1 2 3 4 6"},
            "3 error: example.com.: the zone has more than one SOA\n3 warning: example.com.: the SOA records differ in "
            "TTL, all get 60\n"},
           {{"@ 3600 NS ns"}, "3 warning: name server ns.example.com. has no address in this zone\n"},
           {{"@ 3600 NS ns", "ns 60 CNAME a"},
            "3 warning: name server ns.example.com. is an alias, which resolvers do not follow (RFC 2181 section "
            "10.3)\n"},
           {{"@ 3600 NS ns", "ns 60 AAAA 2001:db8::1"}, ""},
           {{"@ 3600 NS ns.w", "*.w 60 A 192.0.2.1"}, ""},
           {{"sub 60 NS ns.sub"},
            "3 warning: name server ns.sub.example.com. lies in the zone that it serves and has no glue here: nobody "
            "can "
            "reach it\n"},
           {{"sub 60 NS sub"},
            "3 warning: name server sub.example.com. lies in the zone that it serves and has no glue here: nobody can "
            "reach it\n"},
           {{"sub 60 NS sub", "sub 60 A 192.0.2.1"}, ""},
           {{"sub 60 NS ns.sub", "ns.sub 60 A 192.0.2.1"}, ""},
           {{"sub 60 NS ns.b", "b 60 NS ns.example.org."},
            "3 warning: name server ns.b.example.com. lies below another delegation and has no glue here\n"},
           {{"sub 60 NS ns.example.org.", "a.sub 60 TXT x"},
            "4 warning: a.sub.example.com.: never answered, it lies below the delegation of sub.example.com.\n"},
           {{"sub 60 NS ns.example.org.", "sub 60 TXT x"},
            "4 warning: sub.example.com.: TXT is never answered, the name is delegated\n"},
           {{"sub 60 NS ns.example.org.", "sub 60 TYPE47 \\# 0000024000", "sub 60 TYPE43 \\# 00010d0200"}, ""},
           {{"a 60 CNAME b", "a 60 TYPE47 \\# 0000024000"}, ""},
           {{"d 60 DNAME e", "a.d 60 A 192.0.2.1"},
            "4 error: a.d.example.com.: lies below the DNAME of d.example.com.\n"},
           {{"*.w 60 NS ns.example.org."},
            "3 warning: *.w.example.com.: NS and DNAME of a wildcard are answered as data, they neither delegate nor "
            "redirect\n"},
           {{"*.w 60 DNAME example.org."},
            "3 warning: *.w.example.com.: NS and DNAME of a wildcard are answered as data, they neither delegate nor "
            "redirect\n"},
           {{"@ 60 TYPE43 \\# 00010d02 00"},
            "3 warning: example.com.: DS at the apex is never answered, it belongs to the parent\n"},
           {{"d 60 DNAME e", "d 60 A 192.0.2.1"}, ""},
           {{"a 60 TYPE250 \\# 00"}, "3 error: a.example.com.: TYPE250 is not a type of data\n"},
           {{"a 60 TYPE41 \\# 00"}, "3 error: a.example.com.: TYPE41 is not a type of data\n"},
           {{"a 2147483648 A 192.0.2.1"}, "3 error: a.example.com.: the TTL is over 2147483647 seconds\n"},
           {{"a 60 TYPE1 \\# 0102"}, "3 error: a.example.com.: an IPv4 address has 4 octets\n"},
           {{"a 60 HTTPS \\# 0001 00 0003 0002 01bb 0001 0003 026832"},
            "3 error: a.example.com.: the parameters are not in ascending order of their keys\n"},
           {{"a 60 HTTPS \\# 0001 00 00030001"}, "3 error: a.example.com.: a parameter is cut off\n"},
           {{"a 60 HTTPS \\# 0001 00 000300"}, "3 error: a.example.com.: a parameter is cut off\n"},
           {{"a 60 HTTPS \\# 0001 00 00"}, "3 error: a.example.com.: a parameter is cut off\n"},
       }) {
    test::ZoneText text = minimal();
    text.lines.insert(text.lines.end(), c.lines.begin(), c.lines.end());
    const BuiltZone built = test::build_zone(text);
    EXPECT_EQ(lines(built.problems), c.expected);
    const bool failed = std::string_view(c.expected).find("error") != std::string_view::npos;
    EXPECT_EQ(built.zone == nullptr, failed) << c.expected;
  }
}

TEST(ZoneAssembly, AZoneNeedsSoaAndServers) {
  EXPECT_EQ(
      lines(test::build_zone({}).problems),
      "0 error: example.com.: the zone has no SOA\n0 error: example.com.: the zone has no NS records at its apex\n");
}

TEST(ZoneAssembly, PolicyNames) {
  struct Case {
    std::vector<std::string> lines;
    std::vector<test::ZoneText::PolicyLine> policies;
    const char* expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {{"www 60 TXT x"}, {{"www", 0}, {"*.geo", 1}}, ""},
           {{"www 60 A 192.0.2.1"},
            {{"www", 0}},
            "3 error: www.example.com.: dns.names says where the addresses of this name come from, so it cannot have A "
            "records, unless `families` leaves them out\n"},
           {{"www 60 AAAA 2001:db8::1"},
            {{"www", 0}},
            "3 error: www.example.com.: dns.names says where the addresses of this name come from, so it cannot have "
            "AAAA records, unless `families` leaves them out\n"},
           {{"www 60 CNAME a"},
            {{"www", 0}},
            "3 error: www.example.com.: dns.names says where the addresses of this name come from, so it cannot have a "
            "CNAME\n"},
           {{"sub 60 NS ns.example.org."},
            {{"a.sub", 0}},
            "4 error: a.sub.example.com.: a policy name at or below a delegation is never answered\n"},
           {{"d 60 DNAME example.org."}, {{"d", 0}}, ""},
           {{"d 60 DNAME example.org."},
            {{"b.a.d", 0}},
            "4 error: b.a.d.example.com.: lies below the DNAME of d.example.com., so who has that one never asks for "
            "it\n"},
           {{}, {{"www", 0}, {"www", 1}}, "4 error: www.example.com.: has two policies\n"},
           {{}, {{"www.example.org.", 0}}, "3 error: www.example.org.: outside the zone example.com.\n"},
       }) {
    test::ZoneText text = minimal();
    text.lines.insert(text.lines.end(), c.lines.begin(), c.lines.end());
    text.policies = c.policies;
    EXPECT_EQ(lines(test::build_zone(text).problems), c.expected);
  }
}

// RFC 9460 section 8: a record without a parameter that it calls mandatory is worth nothing.
TEST(ZoneAssembly, AddressHintsOfPolicyNamesCannotBeMandatory) {
  test::ZoneText text = minimal();
  text.policies = {{"www", 0}};
  text.lines.push_back("www 60 HTTPS \\# 0001 00 0001 0003 026832 0004 0004 c0000201");
  const BuiltZone built = test::build_zone(text);
  EXPECT_EQ(lines(built.problems), "");

  text.lines.back() = "a 60 HTTPS \\# 0001 03 777777 07 6578616d706c65 03 636f6d 00 0000 0002 0004 0004 0004 c0000201";
  EXPECT_EQ(
      lines(test::build_zone(text).problems),
      "3 error: a.example.com.: address hints are mandatory, but a policy chooses the addresses and may find none\n");
}

TEST(ZoneAssembly, RefusesAnRrsetThatFitsIntoNoMessage) {
  ZoneBuilder builder(Name::from_text("example.com").value());
  const test::Bytes owner = test::wire_name("big.example.com");
  for (unsigned i = 0; i < 66; ++i) {
    test::Bytes rdata;
    for (int part = 0; part < 4; ++part) {
      rdata.push_back(250);
      rdata.insert(rdata.end(), 250, static_cast<std::uint8_t>(i));
    }
    ASSERT_TRUE(builder.add({owner, RrType::txt, RrClass::in, 60, rdata, 7}));
  }
  const BuiltZone built = builder.finish();
  ASSERT_FALSE(built.problems.empty());
  EXPECT_EQ(built.problems.back().text, "big.example.com.: the TXT records fit into no message");
  EXPECT_EQ(built.problems.back().where, 7U);
}

}  // namespace
}  // namespace dns::zone_assembly_test
