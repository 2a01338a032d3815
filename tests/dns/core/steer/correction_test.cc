#include "dns/core/steer/correction.h"

#include <gtest/gtest.h>

namespace dns::correction_test {
namespace {

using shared::IpAddress;
using shared::Prefix;

GeoCode place(const char* text) { return *GeoCode::parse(text); }

// France by one small and one large network, a network of Ireland, and a hole.
GeoDatabase europe() {
  std::vector<GeoRecord> records = {{},
                                    {place("EU-FR"), Location{43.3, 5.4}, 64500},
                                    {place("EU-FR"), Location{48.9, 2.4}, 64500},
                                    {place("EU-IE"), Location{53.35, -6.26}, 64501},
                                    {place("EU-DE-BE"), Location{52.5, 13.4}, 64502}};
  return {{"europe.mmdb", "City"},
          std::move(records),
          shared::PrefixTable::from_rows({{*Prefix::parse("80.0.0.0/16"), 1},
                                          {*Prefix::parse("81.0.0.0/8"), 2},
                                          {*Prefix::parse("203.0.113.0/24"), 3},
                                          {*Prefix::parse("2001:db8::/32"), 4}},
                                         0)};
}

Correction row(const char* prefix) { return {*Prefix::parse(prefix), std::nullopt, std::nullopt, std::nullopt}; }

const GeoRecord& at(const GeoDatabase& database, const char* address) {
  return database.record(database.lookup(*IpAddress::parse(address)).id);
}

TEST(Correction, ReplacesWhatItSaysAndKeepsTheRest) {
  Correction system = row("203.0.113.128/25");
  system.asn = 64999;
  const std::vector rows = {system};
  const auto fixed = corrected(europe(), rows);
  EXPECT_EQ(at(*fixed, "203.0.113.200"), (GeoRecord{place("EU-IE"), Location{53.35, -6.26}, 64999, true}));
  EXPECT_EQ(at(*fixed, "203.0.113.1"), (GeoRecord{place("EU-IE"), Location{53.35, -6.26}, 64501}));
  EXPECT_EQ(fixed->lookup(*IpAddress::parse("203.0.113.200")).block, *Prefix::parse("203.0.113.128/25"));
  EXPECT_EQ(fixed->source().file, "europe.mmdb");
}

TEST(Correction, APlaceWithoutALocationTakesThatOfItsLargestNetwork) {
  Correction moved = row("203.0.113.0/24");
  moved.code = place("EU-FR");
  Correction german = row("10.0.0.0/8");  // the database knows a part of Germany only
  german.code = place("EU-DE");
  Correction unknown = row("10.1.0.0/16");
  unknown.code = place("AS-JP");
  const std::vector rows = {moved, german, unknown};
  const auto fixed = corrected(europe(), rows);
  EXPECT_EQ(at(*fixed, "203.0.113.1").location, (Location{48.9, 2.4}));
  EXPECT_EQ(at(*fixed, "10.2.0.1").location, (Location{52.5, 13.4}));
  EXPECT_EQ(at(*fixed, "10.1.0.1").location, std::nullopt) << "never that of another place";
  EXPECT_EQ(at(*fixed, "10.1.0.1").code, place("AS-JP"));
}

TEST(Correction, OfRowsThatNestOnlyTheMostSpecificCounts) {
  Correction outer = row("2001:db8::/32");
  outer.asn = 1;
  Correction inner = row("2001:db8:7::/48");
  inner.location = Location{1, 2};
  const std::vector rows = {inner, outer};
  const auto fixed = corrected(europe(), rows);
  EXPECT_EQ(at(*fixed, "2001:db8:8::1").asn, 1u);
  EXPECT_EQ(at(*fixed, "2001:db8:7::1"), (GeoRecord{place("EU-DE-BE"), Location{1, 2}, 64502, true}));
}

TEST(Correction, ADatabaseOfRowsAloneIsOneToo) {
  Correction german = row("198.51.100.0/24");
  german.code = place("EU-DE");
  const std::vector rows = {german};
  const auto fixed = corrected(GeoDatabase(), rows);
  EXPECT_EQ(at(*fixed, "198.51.100.7").code, place("EU-DE"));
  EXPECT_FALSE(fixed->why_never(place("EU")));
  EXPECT_TRUE(fixed->why_never(place("NA")));
}

}  // namespace
}  // namespace dns::correction_test
