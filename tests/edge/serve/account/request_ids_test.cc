#include "edge/serve/account/request_ids.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace edge {
namespace {

TEST(RequestIds, NoHalfIsEverSeenTwice) {
  RequestIds ids({shared::SipKey{1}, shared::SipKey{2}});
  std::set<std::string> halves;
  constexpr std::size_t kIds = 1000;
  for (std::size_t i = 0; i < kIds; ++i) {
    const std::string id(ids.fresh());
    ASSERT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
    halves.insert(id.substr(0, 16));
    halves.insert(id.substr(16));
  }
  EXPECT_EQ(halves.size(), 2 * kIds);
}

TEST(RequestIds, OtherKeysGiveOtherIds) {
  RequestIds one({shared::SipKey{1}, shared::SipKey{2}});
  RequestIds same({shared::SipKey{1}, shared::SipKey{2}});
  RequestIds other({shared::SipKey{1}, shared::SipKey{3}});
  const std::string id(one.fresh());
  EXPECT_EQ(id, same.fresh());
  const std::string third(other.fresh());
  EXPECT_EQ(id.substr(0, 16), third.substr(0, 16));  // each half has a key of its own
  EXPECT_NE(id.substr(16), third.substr(16));
}

}  // namespace
}  // namespace edge
