#include "dns/core/zone/zone.h"

#include <gtest/gtest.h>

#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns::zone_test {
namespace {

using Kind = Match::Kind;

[[nodiscard]] HashedName hashed(const std::string& text) {
  HashedName name;
  name.assign(test::wire_name(text));
  return name;
}

struct MatchCase {
  const char* name;
  Kind kind;
  const char* node;  // relative name of the node that matches
};

TEST(Zone, MatchesAsRfc4592AndRfc6672Say) {
  const auto zone = test::zone_of(test::example_zone());
  for (const MatchCase& c : std::initializer_list<MatchCase>{
           {"example.com", Kind::exact, "."},
           {"static.example.com", Kind::exact, "static."},
           {"STATIC.example.com", Kind::exact, "static."},
           {"b.ent.example.com", Kind::exact, "b.ent."},
           {"ent.example.com", Kind::exact, "ent."},
           {"x.ent.example.com", Kind::missing, "ent."},
           {"x.static.example.com", Kind::missing, "static."},
           {"x.example.com", Kind::missing, "."},
           {"a.b.c.d.e.f.g.h.i.example.com", Kind::missing, "."},
           {"x.wild.example.com", Kind::wildcard, "*.wild."},
           {"x.y.wild.example.com", Kind::wildcard, "*.wild."},
           {"*.wild.example.com", Kind::exact, "*.wild."},
           {"x.*.wild.example.com", Kind::missing, "*.wild."},
           {"host.wild.example.com", Kind::exact, "host.wild."},
           {"x.host.wild.example.com", Kind::missing, "host.wild."},
           {"ent.wild.example.com", Kind::exact, "ent.wild."},
           {"x.ent.wild.example.com", Kind::missing, "ent.wild."},
           {"wild.example.com", Kind::exact, "wild."},
           {"x.geo.example.com", Kind::wildcard, "*.geo."},
           {"sub.example.com", Kind::delegation, "sub."},
           {"ns.sub.example.com", Kind::delegation, "sub."},
           {"x.y.sub.example.com", Kind::delegation, "sub."},
           {"old.example.com", Kind::exact, "old."},
           {"x.old.example.com", Kind::dname, "old."},
           {"x.y.old.example.com", Kind::dname, "old."},
       }) {
    const HashedName name = hashed(c.name);
    const Match match = zone->match(name);
    EXPECT_EQ(match.kind, c.kind) << c.name;
    ASSERT_TRUE(match.node) << c.name;
    EXPECT_EQ(name_to_text(match.node.relative_name()), c.node) << c.name;
  }
}

TEST(Zone, NodesLieInCanonicalOrder) {
  const auto zone = test::zone_of(test::example_zone());
  std::optional<test::Bytes> last;
  std::size_t count = 0;
  zone->for_each([&](const Node& node) {
    const test::Bytes name(node.relative_name().begin(), node.relative_name().end());
    if (last) {
      EXPECT_TRUE(compare_canonical(*last, name) < 0) << name_to_text(name);
    }
    last = name;
    ++count;
  });
  EXPECT_EQ(count, zone->name_count());
}

TEST(Zone, KnowsItsApex) {
  const auto zone = test::zone_of(test::example_zone());
  EXPECT_EQ(zone->apex().to_text(), "example.com.");
  EXPECT_EQ(zone->serial(), 2026112201U);
  EXPECT_EQ(zone->apex_node().find(RrType::mx).count, 2);
  EXPECT_EQ(load_u32(&zone->negative_soa().wire[6]), 300U);  // MINIMUM is less than the TTL
}

TEST(ZoneSet, TheLongestApexWins) {
  const auto make = [](const char* apex) {
    test::ZoneText text;
    text.apex = apex;
    text.lines = {"@ 60 SOA ns h 1 2 3 4 5", "@ 60 NS ns", "ns 60 A 192.0.2.1"};
    return test::zone_of(text);
  };
  const ZoneSet zones({make("com"), make("example.com"), make("a.b.example.com"), make("net")});
  const auto apex = [&](const std::string& name, unsigned label = 0) {
    const Zone* zone = zones.find(hashed(name), label);
    return zone == nullptr ? std::string("none") : zone->apex().to_text();
  };
  EXPECT_EQ(apex("www.example.com"), "example.com.");
  EXPECT_EQ(apex("b.example.com"), "example.com.");
  EXPECT_EQ(apex("x.y.z.a.b.example.com"), "a.b.example.com.");
  EXPECT_EQ(apex("a.b.example.com", 1), "example.com.");
  EXPECT_EQ(apex("badexample.com"), "com.");
  EXPECT_EQ(apex("com"), "com.");
  EXPECT_EQ(apex("org"), "none");
  EXPECT_EQ(apex("."), "none");
  EXPECT_EQ(ZoneSet().find(hashed("a")), nullptr);
  EXPECT_NE(ZoneSet({make(".")}).find(hashed("a")), nullptr);
}

}  // namespace
}  // namespace dns::zone_test
