#include "edge/core/access/credential_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::credential_cache_test {
namespace {

constexpr CredentialKeys kKeys{shared::SipKey{1}, shared::SipKey{2}};
const shared::TimePoint kNow{std::chrono::hours(1)};
constexpr shared::Duration kMinute = std::chrono::minutes(1);

TEST(CredentialCache, RemembersForAWhileWhoseItIsOrThatItIsWrong) {
  CredentialCache cache;
  const CredentialKey good = key_of(kKeys, "alice:secret");
  const CredentialKey bad = key_of(kKeys, "alice:guess");
  EXPECT_FALSE(cache.find(good, kNow).known);
  const auto alice = std::make_shared<const Principal>(Principal{.subject = "alice"});
  cache.put(good, alice, kNow + kMinute);
  cache.put(bad, nullptr, kNow + kMinute);
  EXPECT_EQ(cache.find(good, kNow).identity, alice);
  EXPECT_TRUE(cache.find(bad, kNow).known);
  EXPECT_EQ(cache.find(bad, kNow).identity, nullptr);
  EXPECT_FALSE(cache.find(good, kNow + kMinute).known);
  EXPECT_FALSE(cache.find(key_of({shared::SipKey{3}, shared::SipKey{4}}, "alice:secret"), kNow).known)
      << "what was good under another policy";
}

TEST(CredentialCache, ReplacesWhatItKnowsAndForgetsTheOldestOfASet) {
  CredentialCache cache;
  const auto key = [](std::uint64_t n) {
    return CredentialKey{CredentialCache::kSets * (n + 1), n + 1};
  };  // all of one set
  for (std::uint64_t n = 0; n < CredentialCache::kWays; ++n) {
    cache.put(key(n), nullptr, kNow + kMinute);
    cache.put(key(n), std::make_shared<const Principal>(), kNow + kMinute);
  }
  for (std::uint64_t n = 0; n < CredentialCache::kWays; ++n) EXPECT_NE(cache.find(key(n), kNow).identity, nullptr) << n;
  cache.put(key(9), nullptr, kNow + kMinute);
  EXPECT_FALSE(cache.find(key(0), kNow).known);
  EXPECT_TRUE(cache.find(key(1), kNow).known);
  EXPECT_TRUE(cache.find(key(9), kNow).known);
}

}  // namespace
}  // namespace edge::credential_cache_test
