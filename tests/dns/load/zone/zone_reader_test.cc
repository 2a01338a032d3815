#include "dns/load/zone/zone_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "dns/core/zone/shorten.h"
#include "dns/load/record/rdata.h"

namespace dns::zone_reader_test {
namespace {

constexpr std::string_view kHead = "$TTL 300\n@ SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n";

// Loads example.com from files in memory; "zone" is the first.
struct Loader {
  std::map<std::string, std::string> files;
  ZoneFileSettings settings;
  ZoneSource source;
  shared::load::Diagnostics diagnostics;
  std::shared_ptr<const Zone> zone;

  explicit Loader(std::string text) {
    files["/z/zone"] = std::move(text);
    source.origin = *Name::from_text("example.com");
    source.file = "/z/zone";
    settings.read_file = [this](const std::filesystem::path& path) -> shared::Result<std::string> {
      const auto file = files.find(path.string());
      if (file == files.end()) return shared::fail("no such file");
      return file->second;
    };
  }
  Loader& load() {
    zone = load_zone_file(source, settings, diagnostics);
    return *this;
  }
  // "name type ttl rdata-in-hex", sorted.
  [[nodiscard]] std::vector<std::string> records() const;
};

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

void append_records(std::vector<std::string>& out, const Zone& zone, const Node& node, const Rrset& rrset) {
  std::vector<std::uint8_t> name(node.relative_name().begin(), node.relative_name().end());
  name.push_back(0);
  std::size_t at = 0;
  for (const auto& data : whole_data(zone, node, rrset)) {
    const std::uint8_t* rr = rrset.wire.data() + at;
    out.push_back(name_to_text(name) + " " + type_to_text(static_cast<std::uint16_t>(rrset.type)) + " " +
                  std::to_string(load_u32(rr + 6)) + " " + hex(data));
    at += std::size_t{12} + load_u16(rr + 10);
  }
}

std::vector<std::string> Loader::records() const {
  std::vector<std::string> out;
  if (zone == nullptr) return out;
  zone->for_each(
      [&](const Node& node) { node.for_each([&](const Rrset& rrset) { append_records(out, *zone, node, rrset); }); });
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> load(std::string_view body) {
  Loader loader(std::string(kHead) + std::string(body));
  loader.load();
  auto records = loader.records();
  EXPECT_EQ(loader.diagnostics.render(), "");
  std::erase_if(records, [](const std::string& r) { return r.starts_with(". ") || r.starts_with("ns."); });
  return records;
}

// Everything that is said about a body under the usual head, one line each without the file's name.
std::string complaints(std::string_view body) {
  Loader loader(std::string(kHead) + std::string(body));
  loader.load();
  std::string out;
  for (const auto& diagnostic : loader.diagnostics.list()) {
    out += std::to_string(diagnostic.at.line) + ":" + std::to_string(diagnostic.at.column) + ": " + diagnostic.message +
           "\n";
  }
  EXPECT_EQ(loader.zone == nullptr, loader.diagnostics.failed());
  return out;
}

using Records = std::vector<std::string>;

TEST(ZoneReader, ReadsASmallZone) {
  Loader loader{std::string(kHead)};
  loader.load();
  EXPECT_EQ(loader.diagnostics.render(), "");
  ASSERT_NE(loader.zone, nullptr);
  EXPECT_EQ(loader.zone->apex().to_text(), "example.com.");
  EXPECT_EQ(loader.zone->serial(), 1U);
  EXPECT_EQ(loader.records().size(), 3U);
}

TEST(ZoneReader, LinesMayEndAsOnWindowsButMarksAreRefused) {
  EXPECT_EQ(load("a A 192.0.2.1\r\nb TXT ( x\r\n y ) ; comment\r\n  A 192.0.2.2\r\n"),
            (Records{"a. A 300 c0000201", "b. A 300 c0000202", "b. TXT 300 01780179"}));
  Loader loader{"\xEF\xBB\xBF" + std::string(kHead)};
  loader.load();
  EXPECT_EQ(loader.zone, nullptr);
  EXPECT_NE(loader.diagnostics.render().find("1:1: error: begins with a byte order mark"), std::string::npos);
}

TEST(ZoneReader, TakesTtlClassAndTypeInEitherOrder) {
  EXPECT_EQ(load("a 60 IN A 192.0.2.1\nb IN 1h A 192.0.2.2\nc in a 192.0.2.3\nd CLASS1 TYPE1 192.0.2.4\n"),
            (Records{"a. A 60 c0000201", "b. A 3600 c0000202", "c. A 300 c0000203", "d. A 300 c0000204"}));
}

TEST(ZoneReader, InheritsOwners) {
  EXPECT_EQ(load("a A 192.0.2.1\n  A 192.0.2.2\n\tTXT x\n"),
            (Records{"a. A 300 c0000201", "a. A 300 c0000202", "a. TXT 300 0178"}));
}

TEST(ZoneReader, FollowsOriginAndTtl) {
  EXPECT_EQ(
      load("$ORIGIN sub\na A 192.0.2.1\n$TTL 1d\n@ A 192.0.2.2\n$ORIGIN example.com.\nb CNAME c\n"),
      (Records{"a.sub. A 300 c0000201", "b. CNAME 86400 0163076578616d706c6503636f6d00", "sub. A 86400 c0000202"}));
}

TEST(ZoneReader, TakesTheLastTtlWithoutADefault) {
  Loader loader("@ 60 SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n");
  loader.load();
  EXPECT_EQ(loader.diagnostics.render(), "");
}

TEST(ZoneReader, TakesTheMinimumOfTheSoaWithoutAnyTtl) {
  Loader loader("@ SOA ns h 1 2 3 4 5\n@ NS ns\nns 60 A 192.0.2.1\n  TXT x\n");
  loader.load();
  EXPECT_EQ(loader.diagnostics.render(),
            "/z/zone:1:1: warning: no TTL and no $TTL before this record: the SOA's minimum counts, 5\n");
  ASSERT_NE(loader.zone, nullptr);
  const auto records = loader.records();
  EXPECT_EQ(records[2], "ns. A 60 c0000201");
  EXPECT_EQ(records[3], "ns. TXT 5 0178");

  Loader early("@ NS ns\nns A 192.0.2.1\nx.example.org. A 192.0.2.1\n@ 60 SOA ns h 1 2 3 4 5\n  TXT x\n");
  early.load();
  EXPECT_NE(early.diagnostics.render().find("4:1: warning: no TTL and no $TTL before the first record"),
            std::string::npos)
      << early.diagnostics.render();
  EXPECT_NE(early.diagnostics.render().find("x.example.org.: outside the zone"), std::string::npos);
  ASSERT_NE(early.zone, nullptr);
  EXPECT_EQ(early.records()[0], ". NS 5 026e73076578616d706c6503636f6d00");
  EXPECT_EQ(early.records()[2], ". TXT 60 0178");
  EXPECT_EQ(early.records()[3], "ns. A 5 c0000201");
  Loader none("ns A 192.0.2.1\n");
  EXPECT_EQ(none.load().zone, nullptr) << "no SOA, no TTL";
}

TEST(ZoneReader, LeavesOutWhatLiesOutside) {
  std::string body = "a A 192.0.2.1\n";
  for (int i = 0; i < 30; ++i) body += "a.example.org. A 192.0.2.1\n";
  const std::string said = complaints(body);
  EXPECT_TRUE(said.starts_with("6:1: a.example.org.: outside the zone example.com., left out\n")) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 10);
  EXPECT_NE(said.find("more such records"), std::string::npos);
  EXPECT_NE(complaints("a.example.org. A nonsense\n").find("not an IPv4 address"), std::string::npos);
}

TEST(ZoneReader, RefusesASignedZoneOrWarns) {
  const std::string key = "@ DNSKEY 256 3 13 AAAABBBB\n";
  const std::string signature = "@ RRSIG A 13 2 300 20300101000000 20200101000000 1 example.com. AAAA\n";
  for (const std::string& body : {key, signature}) {
    EXPECT_NE(complaints(body).find("5:1: example.com. is signed, but signatures are not served yet"),
              std::string::npos);
    Loader loader(std::string(kHead) + body);
    loader.settings.signed_zones = SignedZones::warn;
    loader.load();
    EXPECT_NE(loader.zone, nullptr);
    EXPECT_NE(loader.diagnostics.render().find("warning: example.com. is signed"), std::string::npos);
  }
  EXPECT_EQ(complaints("sub DNSKEY 256 3 13 AAAABBBB\n"), "") << "only the apex is of this zone";
}

TEST(ZoneReader, WarnsOfNamesThatAreNotAscii) {
  EXPECT_EQ(complaints("b\u00fccher A 192.0.2.1\nt TXT \"b\u00fccher\"\n"),
            "5:1: 'b\u00fccher' is not ASCII and is served as the octets that it is; who types it asks for "
            "xn--bcher-kva\n");
  EXPECT_NE(complaints("m MX 10 b\u00fccher\n").find("'b\u00fccher' is not ASCII"), std::string::npos);
  EXPECT_EQ(complaints("b\\195\\188cher A 192.0.2.1\n"), "") << "said octet by octet: it is meant";
}

TEST(ZoneReader, OnlyOwnersMayBeQuoted) {
  EXPECT_EQ(load("\"a\" A 192.0.2.1\n"), (Records{"a. A 300 c0000201"})) << "as with BIND and NSD";
  EXPECT_EQ(complaints("a CNAME \"b\"\n"), "5:9: CNAME record: \"b\" must not be quoted\n");
}

TEST(ZoneReader, APolicyNameKeepsTheFamilyThatItsPolicyLeavesOut) {
  Loader loader(std::string(kHead) + "www AAAA 2001:db8::1\n");
  loader.source.marks.push_back({*Name::from_text("www.example.com"), PolicyNameId{3}, {}, {true, false}});
  loader.load();
  EXPECT_EQ(loader.diagnostics.render(), "");
  ASSERT_NE(loader.zone, nullptr);
  Loader other(std::string(kHead) + "www A 192.0.2.1\n");
  other.source.marks.push_back({*Name::from_text("www.example.com"), PolicyNameId{3}, {}, {true, false}});
  EXPECT_EQ(other.load().zone, nullptr);
}

TEST(ZoneReader, ReadsEscapedNames) {
  EXPECT_EQ(load("a\\.b A 192.0.2.1\n\\065 A 192.0.2.2\n"), (Records{"a. A 300 c0000202", "a\\.b. A 300 c0000201"}));
}

TEST(ZoneReader, IncludesFilesBesideTheIncludingOne) {
  Loader loader(std::string(kHead) + "o A 192.0.2.8\n$INCLUDE more/a sub\n  TXT x\nlast A 192.0.2.1\n");
  loader.files["/z/more/a"] = "x A 192.0.2.2\n$INCLUDE b\n$ORIGIN elsewhere.example.com.\n$TTL 9\ny A 192.0.2.3\n";
  loader.files["/z/more/b"] = "z A 192.0.2.4\n";
  loader.load();
  EXPECT_EQ(loader.diagnostics.render(), "");
  auto records = loader.records();
  std::erase_if(records, [](const std::string& r) { return r.starts_with(". "); });
  EXPECT_EQ(records, (Records{"last. A 9 c0000201", "ns. A 300 c0000235", "o. A 300 c0000208", "o. TXT 9 0178",
                              "x.sub. A 300 c0000202", "y.elsewhere. A 9 c0000203", "z.sub. A 300 c0000204"}));
}

TEST(ZoneReader, SaysWhatIsWrongWithAnInclude) {
  Loader loader(std::string(kHead) + "$INCLUDE missing\n$INCLUDE zone\n");
  loader.load();
  const std::string said = loader.diagnostics.render();
  EXPECT_NE(said.find("/z/zone:5:1: error: cannot read /z/missing: no such file"), std::string::npos) << said;
  EXPECT_NE(said.find("$INCLUDE goes deeper than 10 files"), std::string::npos) << said;
  EXPECT_EQ(loader.zone, nullptr);
}

TEST(ZoneReader, Generates) {
  EXPECT_EQ(load("$GENERATE 1-3/2 h$ 60 IN A 192.0.2.${100}\n$GENERATE 10-10 ${0,3,x} TXT \"v $\" w$\n"),
            (Records{"00a. TXT 300 04762031300377313" + std::string("0"), "h1. A 60 c0000265", "h3. A 60 c0000267"}));
}

TEST(ZoneReader, BoundsGenerate) {
  Loader loader(std::string(kHead) + "$GENERATE 1-100 a$ A 192.0.2.1\n$GENERATE 1-100 b$ A 192.0.2.1\n");
  loader.settings.generated = 150;
  loader.load();
  EXPECT_NE(loader.diagnostics.render().find("/z/zone:6:11: error: $GENERATE makes more than 150"), std::string::npos);
}

TEST(ZoneReader, ReportsEveryErrorWithItsPlace) {
  EXPECT_EQ(complaints("a A 192.0.2.300\n\nb BOGUS x\nc 5000000000 A 192.0.2.1\nd CH A 192.0.2.1\n"
                       "e MX 70000 x\nf MX 10\n$BOGUS\ng\nh A (192.0.2.1\n"),
            "5:5: A record: '192.0.2.300' is not an IPv4 address\n"
            "7:3: unknown record type 'BOGUS'\n"
            "8:3: TTL '5000000000' is above 2147483647 seconds\n"
            "9:3: class 'CH' is not served, only IN\n"
            "10:6: MX record: '70000' is not a number from 0 to 65535\n"
            "11:6: MX record: the data ends too soon\n"
            "12:1: unknown directive '$BOGUS'\n"
            "13:1: a name without a record\n"
            "14:1: '(' is never closed\n");
}

TEST(ZoneReader, StopsAtTheBoundOfErrors) {
  std::string body;
  for (int i = 0; i < 100; ++i) body += "a BOGUS x\n";
  const std::string said = complaints(body);
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 20);
}

TEST(ZoneReader, PassesOnWhatTheBuilderFinds) {
  const std::string said = complaints("w CNAME x\nw A 192.0.2.1\n");
  EXPECT_NE(said.find("CNAME"), std::string::npos);
  EXPECT_TRUE(said.starts_with("5:1: ") || said.starts_with("6:1: ")) << said;
  Loader outside(std::string(kHead) + "a.example.org. A 192.0.2.1\n");
  outside.load();
  EXPECT_TRUE(outside.diagnostics.render().starts_with("/z/zone:5:1: warning:")) << outside.diagnostics.render();
}

TEST(ZoneReader, RefusesWhatIsNoText) {
  EXPECT_NE(complaints(std::string_view("a A \0 1\n", 8)).find("zero byte"), std::string::npos);
  Loader missing("");
  missing.source.file = "/z/none";
  missing.load();
  EXPECT_NE(missing.diagnostics.render().find("cannot read /z/none: no such file"), std::string::npos);
  Loader empty("");
  empty.load();
  EXPECT_TRUE(empty.diagnostics.failed());
}

TEST(ZoneReader, MarksPolicyNames) {
  Loader loader{std::string(kHead)};
  loader.source.marks.push_back({*Name::from_text("www.example.com"), PolicyNameId{3}, {}});
  loader.load();
  ASSERT_NE(loader.zone, nullptr) << loader.diagnostics.render();
  HashedName name;
  const auto www = *Name::from_text("www.example.com");
  ASSERT_GT(name.assign(www.wire()), 0U);
  const Match match = loader.zone->match(name);
  ASSERT_EQ(match.kind, Match::Kind::exact);
  EXPECT_EQ(match.node.policy(), PolicyNameId{3});
}

}  // namespace
}  // namespace dns::zone_reader_test
