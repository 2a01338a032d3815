#include "edge/core/message/tier.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/shared/http/parse.h"

namespace edge::tier_test {
namespace {

PrefixSet trusted() {
  const std::vector<shared::Prefix> prefixes{*shared::Prefix::parse("10.0.0.0/8"), *shared::Prefix::parse("fd00::/8")};
  return PrefixSet(prefixes);
}

Tiers tiers() {
  Tiers::Settings settings;
  settings.order = {"free", "standard", "enterprise"};
  settings.fallback = TierId{1};
  settings.sources = {TierSource::api_key, TierSource::header};
  settings.keys = ApiKeys({{"enterprise-key", TierId{2}}, {"free-key", TierId{0}}}, 99);
  return Tiers(std::move(settings));
}

std::string tier_of(const std::string& peer, const std::string& fields) {
  const std::string text = "GET / HTTP/1.1\r\n" + fields + "\r\n";
  const http::RequestHead head = http::testing::request(text);
  const Client client = identify_client(*shared::IpAddress::parse(peer), head.fields, trusted());
  const Tiers shop = tiers();
  return std::string(shop.name(shop.decide(head.fields, client)));
}

TEST(Tiers, FromKeyOrTrustedHeaderOnly) {
  EXPECT_EQ(tier_of("203.0.113.7", ""), "standard");
  EXPECT_EQ(tier_of("203.0.113.7", "X-Api-Key: enterprise-key\r\n"), "enterprise");
  EXPECT_EQ(tier_of("203.0.113.7", "x-api-key: free-key\r\n"), "free");
  EXPECT_EQ(tier_of("203.0.113.7", "X-Api-Key: enterprise-keY\r\n"), "standard");
  EXPECT_EQ(tier_of("203.0.113.7", "X-Api-Key:\r\n"), "standard");
  EXPECT_EQ(tier_of("203.0.113.7", "Authorization: bearer enterprise-key\r\n"), "enterprise");
  EXPECT_EQ(tier_of("203.0.113.7", "Authorization: Basic enterprise-key\r\n"), "standard");
  EXPECT_EQ(tier_of("203.0.113.7", "Authorization: Digest enterprise-key\r\n"), "standard") << "a word as long";
  EXPECT_EQ(tier_of("203.0.113.7", "X-Customer-Tier: enterprise\r\n"), "standard") << "forged";
  EXPECT_EQ(tier_of("203.0.113.7", "X-Forwarded-For: 10.0.0.1\r\nX-Customer-Tier: enterprise\r\n"), "standard")
      << "forged";
  EXPECT_EQ(tier_of("10.0.0.1", "X-Customer-Tier: enterprise\r\n"), "enterprise");
  EXPECT_EQ(tier_of("10.0.0.1", "X-Customer-Tier: platinum\r\n"), "standard");
  EXPECT_EQ(tier_of("10.0.0.1", "X-Api-Key: free-key\r\nX-Customer-Tier: enterprise\r\n"), "free")
      << "the key is asked first";
}

TEST(ApiKeys, ManyKeysAreFoundEach) {
  std::vector<ApiKeys::Entry> entries;
  for (int i = 0; i < 1000; ++i)
    entries.push_back({"key-" + std::to_string(i), TierId{static_cast<std::uint8_t>(i % 3)}});
  const ApiKeys keys(entries, 7);
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(keys.find("key-" + std::to_string(i)), TierId{static_cast<std::uint8_t>(i % 3)});
  EXPECT_FALSE(keys.find("key-1000"));
  EXPECT_FALSE(keys.find(""));
  EXPECT_FALSE(ApiKeys().find("x"));
}

}  // namespace
}  // namespace edge::tier_test
