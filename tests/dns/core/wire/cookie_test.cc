#include "dns/core/wire/cookie.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/dns_message.h"

namespace dns::cookie_test {
namespace {

using test::Bytes;

CookieSecrets secrets(std::initializer_list<const char*> hex) {
  CookieSecrets out;
  for (const char* secret : hex) {
    const Bytes bytes = test::from_hex(secret);
    std::copy(bytes.begin(), bytes.end(), out.keys[out.count++].begin());
  }
  return out;
}

CookieCheck check(const CookieSecrets& secrets, const Bytes& option, const char* client, std::uint32_t now) {
  return check_cookie(secrets, option, *shared::IpAddress::parse(client), now);
}

Bytes reply_of(const CookieCheck& check) { return {check.reply.begin(), check.reply.end()}; }

constexpr const char* kSecret = "e5e973e5a6b2a43f48e7dc849e37bfcf";
constexpr const char* kClient = "198.51.100.100";
constexpr std::uint32_t kTime = 1559731985;
const Bytes kClientOnly = test::from_hex("2464c4abcf10c957");
const Bytes kCookie = test::from_hex("2464c4abcf10c957 010000005cf79f11 1f8130c3eee29480");

// RFC 9018 appendix A.1.
TEST(Cookie, LearningANewServerCookie) {
  const CookieCheck learned = check(secrets({kSecret}), kClientOnly, kClient, kTime);
  EXPECT_EQ(learned.state, CookieState::client_only);
  EXPECT_EQ(reply_of(learned), kCookie);
}

// Appendix A.2: 40 minutes later.
TEST(Cookie, TheSameClientLearnsARenewedCookie) {
  const CookieCheck renewed = check(secrets({kSecret}), kCookie, kClient, 1559734385);
  EXPECT_EQ(renewed.state, CookieState::valid);
  EXPECT_EQ(reply_of(renewed), test::from_hex("2464c4abcf10c957 010000005cf7a871 d4a564a1442aca77"));
}

// Appendix A.3: the reserved octets are signed as they came and are zero in what we make.
TEST(Cookie, ReservedOctetsAreSigned) {
  const Bytes shown = test::from_hex("fc93fc62807ddb86 01abcdef5cf78f71 a314227b6679ebf5");
  EXPECT_EQ(check(secrets({kSecret}), shown, "203.0.113.203", 1559727985 + 3600).state, CookieState::valid);
  const CookieCheck renewed = check(secrets({kSecret}), shown, "203.0.113.203", 1559734700);
  EXPECT_EQ(reply_of(renewed), test::from_hex("fc93fc62807ddb86 010000005cf7a9ac f73a7810aca2381e"));
}

// Appendix A.4: IPv6, and a secret that was replaced.
TEST(Cookie, ARolledOverSecretIsGoodAndRenewed) {
  const Bytes shown = test::from_hex("22681ab97d52c298 010000005cf7c579 26556bd0934c72f8");
  const char* client = "2001:db8:220:1:59de:d0f4:8769:82b8";
  const char* old_secret = "dd3bdf9344b678b185a6f5cb60fca715";
  const char* new_secret = "445536bcd2513298075a5d379663c962";
  const CookieCheck renewed = check(secrets({new_secret, old_secret}), shown, client, 1559741961);
  EXPECT_EQ(renewed.state, CookieState::valid);
  EXPECT_EQ(reply_of(renewed), test::from_hex("22681ab97d52c298 010000005cf7c609 a6bb79d16625507a"));
  EXPECT_EQ(check(secrets({new_secret}), shown, client, 1559741961).state, CookieState::invalid);
}

struct Age {
  std::int32_t seconds;
  CookieState state;
  bool kept;  // goes back as it came
};

TEST(Cookie, AgesByTheClock) {
  for (const Age& c :
       {Age{0, CookieState::valid, true}, Age{1799, CookieState::valid, true}, Age{1800, CookieState::valid, false},
        Age{3600, CookieState::valid, false}, Age{3601, CookieState::invalid, false},
        Age{-300, CookieState::valid, true}, Age{-301, CookieState::invalid, false}}) {
    const std::uint32_t now = kTime + static_cast<std::uint32_t>(c.seconds);
    const CookieCheck found = check(secrets({kSecret}), kCookie, kClient, now);
    EXPECT_EQ(found.state, c.state) << c.seconds;
    EXPECT_EQ(reply_of(found) == kCookie, c.kept) << c.seconds;
    EXPECT_EQ(check(secrets({kSecret}), reply_of(found), kClient, now).state, CookieState::valid) << c.seconds;
  }
}

TEST(Cookie, TimeWraps) {
  const Bytes last = reply_of(check(secrets({kSecret}), kClientOnly, kClient, 0xFFFFFFFF));
  EXPECT_EQ(check(secrets({kSecret}), last, kClient, 100).state, CookieState::valid);
}

TEST(Cookie, EveryBitCounts) {
  for (std::size_t bit = 0; bit < kCookie.size() * 8; ++bit) {
    Bytes forged = kCookie;
    forged[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_EQ(check(secrets({kSecret}), forged, kClient, kTime).state, CookieState::invalid) << bit;
  }
  EXPECT_EQ(check(secrets({kSecret}), kCookie, "198.51.100.101", kTime).state, CookieState::invalid);
  EXPECT_EQ(check(secrets({"00000000000000000000000000000000"}), kCookie, kClient, kTime).state, CookieState::invalid);
}

TEST(Cookie, OtherLengthsAreOtherServers) {
  for (const std::size_t size : {16U, 23U, 25U, 40U}) {
    Bytes other = kCookie;
    other.resize(size);
    const CookieCheck found = check(secrets({kSecret}), other, kClient, kTime);
    EXPECT_EQ(found.state, CookieState::invalid) << size;
    EXPECT_EQ(reply_of(found), kCookie) << size;
  }
}

TEST(Cookie, NothingIsSaidWithoutAnOptionOrASecret) {
  EXPECT_EQ(check(secrets({kSecret}), {}, kClient, kTime).state, CookieState::none);
  EXPECT_EQ(check(secrets({}), kCookie, kClient, kTime).state, CookieState::none);
}

}  // namespace
}  // namespace dns::cookie_test
