#include "dns/load/zone/plain_record.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dns/load/zone/zone_file.h"

namespace dns::plain_record_test {
namespace {

// All that a zone holds, in one text; the errors if it was refused.
std::string load(const std::string& body) {
  const std::string head = "$TTL 300\n@ SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n";
  ZoneFileSettings settings;
  settings.read_file = [&](const std::filesystem::path& file) -> shared::Result<std::string> {
    return file == "/z/zone" ? head + body : std::string("inc A 192.0.2.99\n");
  };
  shared::load::Diagnostics diagnostics;
  const ZoneSource source{*Name::from_text("example.com"), "/z/zone", {}};
  const auto zone = load_zone_file(source, settings, diagnostics);
  std::string out = diagnostics.render();
  if (zone == nullptr) return out;
  zone->for_each([&](const Node& node) {
    std::vector<std::uint8_t> name(node.relative_name().begin(), node.relative_name().end());
    name.push_back(0);
    node.for_each([&](const Rrset& rrset) {
      out += name_to_text(name) + " ";
      for (const std::uint8_t byte : rrset.wire) out += std::to_string(byte) + ".";
      out += "\n";
    });
  });
  return out;
}

bool is_plain(std::string_view line) {
  PlainRecord record;
  return read_plain_record(line, Name::from_text("example.com")->wire(), record);
}

TEST(PlainRecord, TakesAddressLines) {
  for (const char* line : {"www A 192.0.2.1", "www 60 IN A 192.0.2.1", "www\t60\tA\t192.0.2.1 \r", "a.B.c A 1.2.3.4",
                           "www.example.com. 0 AAAA 2001:db8::1", "*.x_y-z IN AAAA ::", "9 A 1.2.3.4"}) {
    EXPECT_TRUE(is_plain(line)) << line;
  }
}

TEST(PlainRecord, LeavesTheRestToTheLongWay) {
  for (const char* line : {"",
                           " A 1.2.3.4",
                           "@ A 1.2.3.4",
                           "$TTL 5",
                           "w A 1.2.3.4 ; x",
                           "w A ( 1.2.3.4 )",
                           "w A 1.2.3",
                           "w A 1.2.3.4.5",
                           "w A 256.1.1.1",
                           "w A 01.2.3.4",
                           "w A 1.2.3.",
                           "w A 1..2.3",
                           "w A",
                           "w 1h A 1.2.3.4",
                           "w 5 5 A 1.2.3.4",
                           "w CH A 1.2.3.4",
                           "w TXT x",
                           "w a 1.2.3.4",
                           "w\\.v A 1.2.3.4",
                           "w..v A 1.2.3.4",
                           ".w A 1.2.3.4",
                           ". A 1.2.3.4",
                           "\"w\" A 1.2.3.4",
                           "w AAAA 1.2.3.4",
                           "w A ::1",
                           "w AAAA ::g",
                           "w 2147483648 A 1.2.3.4",
                           "w IN 5 A 1.2.3.4"}) {
    EXPECT_FALSE(is_plain(line)) << line;
  }
  EXPECT_FALSE(is_plain(std::string(64, 'a') + " A 1.2.3.4"));
  EXPECT_TRUE(is_plain(std::string(63, 'a') + " A 1.2.3.4"));
  std::string deep;
  while (deep.size() < 250) deep += "abcdefghi.";
  EXPECT_FALSE(is_plain(deep + "x A 1.2.3.4"));
}

// Empty parentheses keep a line from the quick way without changing what it says.
TEST(PlainRecord, MeansWhatTheLongWayMeans) {
  const std::vector<std::string> lines = {"www", "WWW.Sub", "host.example.com.", "*.wild", "out.example.net.", "ns"};
  for (const std::string& owner : lines) {
    for (const char* rest :
         {"A 192.0.2.1", "60 A 192.0.2.1", "IN AAAA 2001:DB8::1", "2147483647 IN A 255.255.255.255"}) {
      EXPECT_EQ(load(owner + " " + rest + "\n"), load(owner + " " + rest + " ( )\n")) << owner << " " << rest;
    }
  }
}

// What a record inherits comes from the plain records before it, too.
TEST(PlainRecord, HandsItsOwnerAndTtlOn) {
  EXPECT_EQ(load("a 7 A 192.0.2.1\n TXT x\nb A 192.0.2.2\n\n; y\n MX 1 a\n"),
            load("a ( 7 A 192.0.2.1 )\n TXT x\nb ( A 192.0.2.2 )\n\n; y\n MX 1 a\n"));
  EXPECT_EQ(load("a A 192.0.2.1\n$INCLUDE other\n TXT x\n"), load("a ( A 192.0.2.1 )\n$INCLUDE other\n TXT x\n"));
  EXPECT_EQ(load("$ORIGIN sub\na A 192.0.2.1\nbroken A 192.0.2\n"),
            "/z/zone:7:10: error: A record: '192.0.2' is not an IPv4 address\n");
  EXPECT_EQ(load("a A 192.0.2.1\nbad..name A 192.0.2.2\n TXT x\n"),
            load("a (A 192.0.2.1)\nbad..name A 192.0.2.2\n TXT x\n"));
}

}  // namespace
}  // namespace dns::plain_record_test
