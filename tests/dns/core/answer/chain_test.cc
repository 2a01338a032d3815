#include "dns/core/answer/chain.h"

#include <gtest/gtest.h>

#include "tests/support/dns_message.h"

namespace dns::chain_test {
namespace {

[[nodiscard]] HashedName hashed(std::string_view text) {
  HashedName name;
  EXPECT_GT(name.assign(test::wire_name(text)), 0U);
  return name;
}

TEST(Chain, KnowsTheNamesThatItCameThrough) {
  Chain chain;
  EXPECT_TRUE(chain.empty());
  chain.follow(hashed("a.example.com"));
  EXPECT_FALSE(chain.empty());
  EXPECT_TRUE(chain.has_seen(hashed("A.example.com")));
  EXPECT_FALSE(chain.has_seen(hashed("b.example.com")));
}

TEST(Chain, EndsAfterSixteen) {
  Chain chain;
  for (int i = 0; i < 16; ++i) {
    EXPECT_FALSE(chain.full());
    chain.follow(hashed("n" + std::to_string(i) + ".example.com"));
  }
  EXPECT_TRUE(chain.full());
}

TEST(Chain, SaysADnameOnceAndSeesThatOneOnlyGrows) {
  const test::Bytes one(20);
  const test::Bytes two(20);
  const Rrset first{RrType::dname, 1, 0, one};
  const Rrset second{RrType::dname, 1, 0, two};
  Chain chain;
  chain.follow_dname(hashed("x.example.com"), first, 60);
  EXPECT_EQ(chain.target_at(first), 60U);
  EXPECT_EQ(chain.target_at(second), 0U);
  chain.follow_dname(hashed("x.y.example.com"), second, 80);
  EXPECT_TRUE(chain.grows(hashed("x.z.example.com"), first));
  EXPECT_FALSE(chain.grows(hashed("x.com"), first)) << "shorter than it was";
  chain.follow(hashed("alias.example.com"));
  EXPECT_FALSE(chain.grows(hashed("x.z.example.com"), first)) << "a CNAME lies between";
}

}  // namespace
}  // namespace dns::chain_test
