#include "dns/core/zone/shorten.h"

#include <gtest/gtest.h>

#include "tests/support/dns_message.h"

namespace dns::shorten_test {
namespace {

using test::Bytes;

constexpr const char* kHead = "c00c 0002 0001 0000003c 0000";

// The data of a set of NS for example.com.
[[nodiscard]] Bytes shortened(const std::vector<std::string>& targets, std::size_t* moves = nullptr) {
  Shortener shortener(test::wire_name("example.com"));
  Bytes set;
  for (const auto& target : targets) {
    shortener.add(set, test::from_hex(kHead), RrType::ns, test::wire_name(target));
  }
  if (moves != nullptr) *moves = shortener.moves().size();
  return set;
}

TEST(Shorten, PointsToTheOwnerAndToNamesBefore) {
  std::size_t moves = 0;
  EXPECT_EQ(shortened({"ns1.example.com"}, &moves), test::from_hex("c00c 0002 0001 0000003c 0006 03 6e7331 c00c"));
  EXPECT_EQ(moves, 1U);
  const Bytes two = shortened({"ns1.other.net", "ns2.other.net"}, &moves);
  // Header 12, owner 13, type and class 4: the set begins at 29, its first data at 41, other.net at 45.
  EXPECT_TRUE(std::ranges::equal(std::span(two).last(6), test::from_hex("03 6e7332 c02d")));
  EXPECT_EQ(moves, 1U);
}

TEST(Shorten, TellsNoCaseApartAndLeavesStrangersWhole) {
  EXPECT_EQ(shortened({"ns1.EXAMPLE.com"}), shortened({"ns1.example.com"}));
  std::size_t moves = 1;
  const Bytes whole = shortened({"ns.example.org"}, &moves);
  EXPECT_EQ(moves, 0U);
  EXPECT_TRUE(std::ranges::equal(std::span(whole).last(16), test::wire_name("ns.example.org")));
}

TEST(Shorten, OnlyTheTypesOfRfc1035) {
  for (const RrType type : {RrType::ns, RrType::cname, RrType::soa, RrType::ptr, RrType::mx}) {
    EXPECT_TRUE(may_be_shortened(type));
  }
  for (const RrType type : {RrType::dname, RrType::srv, RrType::https, RrType::rrsig}) {
    EXPECT_FALSE(may_be_shortened(type));
  }
}

TEST(Shorten, ReadsBackTheWholeData) {
  test::ZoneText text;
  text.lines = {"@ 60 SOA ns hostmaster 1 2 3 4 5", "@ 60 NS ns", "@ 60 NS ns.example.org.", "@ 60 MX 10 mail"};
  const auto zone = test::zone_of(text);
  const Node apex = zone->apex_node();
  const auto servers = whole_data(*zone, apex, apex.find(RrType::ns));
  ASSERT_EQ(servers.size(), 2U);
  EXPECT_EQ(servers[0], test::wire_name("ns.example.com"));
  EXPECT_EQ(servers[1], test::wire_name("ns.example.org"));
  Bytes mail = test::from_hex("000a");
  test::append(mail, test::wire_name("mail.example.com"));
  EXPECT_EQ(whole_data(*zone, apex, apex.find(RrType::mx)).front(), mail);
}

}  // namespace
}  // namespace dns::shorten_test
