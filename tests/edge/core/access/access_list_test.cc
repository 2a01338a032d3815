#include "edge/core/access/access_list.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace edge::access_list_test {
namespace {

shared::Prefix net(std::string_view text) { return *shared::Prefix::parse(text); }
shared::IpAddress at(std::string_view text) { return *shared::IpAddress::parse(text); }

std::shared_ptr<const AccessList> list(AccessSettings settings) {
  return std::make_shared<const AccessList>(std::move(settings), std::make_shared<AccessLive>());
}

TEST(AccessList, TheMostSpecificNetworkDecides) {
  const auto office = list({.name = "office",
                            .allow = {net("10.0.0.0/8"), net("10.9.7.0/24"), net("2001:db8::/32")},
                            .deny = {net("10.9.0.0/16"), net("2001:db8:1::/48")},
                            .allow_others = false});
  EXPECT_TRUE(office->allows(at("10.1.1.1")));
  EXPECT_FALSE(office->allows(at("10.9.1.1")));
  EXPECT_TRUE(office->allows(at("10.9.7.1")));
  EXPECT_FALSE(office->allows(at("192.0.2.1"))) << "some are allowed: nobody else is";
  EXPECT_TRUE(office->allows(at("2001:db8:2::1")));
  EXPECT_FALSE(office->allows(at("2001:db8:1::1")));
  EXPECT_EQ(office->networks(), 5U);
}

TEST(AccessList, OfTheSameNetworkDenialWins) {
  const auto both = list({.name = "both", .allow = {net("10.0.0.0/8")}, .deny = {net("10.0.0.0/8")}});
  EXPECT_FALSE(both->allows(at("10.1.1.1")));
  EXPECT_TRUE(both->allows(at("192.0.2.1")));
}

TEST(AccessList, MappedNetworksMeanTheIpv4OnesInThem) {
  const auto mapped = list({.name = "mapped", .deny = {net("::ffff:192.0.2.0/120"), net("::/0")}});
  EXPECT_FALSE(mapped->allows(at("192.0.2.7")));
  EXPECT_TRUE(mapped->allows(at("192.0.3.7"))) << "::/0 is all of IPv6 and no IPv4";
  EXPECT_FALSE(mapped->allows(at("2001:db8::1")));
}

TEST(AccessList, SaysWhy) {
  const auto deny = list({.name = "bad", .deny = {net("198.51.100.0/24")}});
  EXPECT_EQ(deny->words_for(at("198.51.100.7")), "bad: 198.51.100.7 is denied, as all of 198.51.100.0/24");
  EXPECT_EQ(deny->words_for(at("192.0.2.1")), "bad: 192.0.2.1 is allowed, being in none of its networks");
  EXPECT_EQ(deny->reason(), "denied by the access list 'bad'");
}

TEST(AccessList, EachHasToLetTheClientInAndCountsByItsMode) {
  const AccessSettings bad{.name = "bad", .deny = {net("198.51.100.0/24")}};
  AccessSettings watched = bad;
  watched.mode = shared::Mode::shadow;
  AccessSettings off = bad;
  off.mode = shared::Mode::disabled;
  const AccessLists lists{list(off), list(watched), list(bad)};
  EXPECT_EQ(first_denial(lists, at("192.0.2.1"), AccessCounting::count), nullptr);
  EXPECT_EQ(first_denial(lists, at("198.51.100.7"), AccessCounting::foresee), lists[2].get());
  EXPECT_EQ(first_denial(lists, at("198.51.100.7"), AccessCounting::count), lists[2].get());
  EXPECT_EQ(lists[0]->live().allowed + lists[0]->live().shadowed + lists[0]->live().denied, 0U);
  EXPECT_EQ(lists[1]->live().allowed, 1U);
  EXPECT_EQ(lists[1]->live().shadowed, 1U);
  EXPECT_EQ(lists[1]->live().denied, 0U);
  EXPECT_EQ(lists[2]->live().allowed, 1U);
  EXPECT_EQ(lists[2]->live().denied, 1U);
}

TEST(AccessLives, KeepTheirCountsByName) {
  AccessLives lives;
  const auto first = lives.of("office");
  first->denied = 7;
  EXPECT_EQ(lives.of("office")->denied, 7U);
  EXPECT_EQ(lives.of("other")->denied, 0U);
}

}  // namespace
}  // namespace edge::access_list_test
