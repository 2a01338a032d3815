#include "edge/core/protect/rate_limit.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace edge::rate_limit_test {
namespace {

using Kind = LimitKeyPart::Kind;
using shared::milliseconds;

constexpr shared::TimePoint kStart{std::chrono::hours(5)};

shared::IpAddress ip(const char* text) { return *shared::IpAddress::parse(text); }

// A request as a limit sees it.
struct Subject {
  shared::IpAddress client = ip("192.0.2.1");
  http::FieldList fields;
  TierId tier{};
  std::string host = "shop.example";
  std::string route = "api";
  http::FieldId shown_in = http::FieldId::other;
  std::optional<Principal> identity;

  Subject& from(const char* address) {
    client = ip(address);
    return *this;
  }
  Subject& with(std::string_view name, std::string_view value) {
    (void)fields.push({.name = name, .value = value, .id = http::field_id(name)});
    return *this;
  }
  Subject& known_by(http::FieldId field) {
    shown_in = field;
    return *this;
  }
  Subject& shown(std::string_view issuer, std::string_view claim, std::string_view value) {
    if (!identity) identity.emplace();
    identity->issuer = issuer;
    identity->claims.emplace_back(claim, value);
    return *this;
  }
  operator LimitSubject() const {
    return {.client = client,
            .fields = fields,
            .tier = tier,
            .host = host,
            .route = route,
            .shown_in = shown_in,
            .identity = identity ? &*identity : nullptr};
  }
};

class RateLimitTest : public testing::Test {
 protected:
  std::shared_ptr<const RateLimit> make(RateLimitSettings settings) {
    auto live = lives_.of(settings);
    return std::make_shared<const RateLimit>(std::move(settings), std::move(live), 11);
  }
  static RateLimitSettings api() { return {.name = "api", .rate = 100, .burst = 20}; }
  static RateLimitSettings checkout() { return {.name = "checkout", .rate = 10, .burst = 5, .excess = Excess::delay}; }
  static LimitRuling ask(const RateLimits& limits, const LimitSubject& subject, shared::Duration after = {}) {
    return rule(limits, subject, kStart + after, Counting::count);
  }

  LimitLives lives_;
};

TEST_F(RateLimitTest, HundredASecondWithABurstOfTwenty) {
  const RateLimits limits{make(api())};
  for (int i = 1; i <= 21; ++i) EXPECT_FALSE(ask(limits, Subject()).refused) << i;
  const LimitRuling ruling = ask(limits, Subject());
  EXPECT_TRUE(ruling.refused);
  EXPECT_EQ(retry_after(ruling), "1");
  EXPECT_EQ(ratelimit_field(ruling), "\"api\";r=0;t=1");
  EXPECT_EQ(ruling.by->policy(), "\"api\";q=100;w=1");
  EXPECT_FALSE(ask(limits, Subject(), milliseconds(11)).refused);
  EXPECT_TRUE(ask(limits, Subject(), milliseconds(11)).refused);
  EXPECT_EQ(limits[0]->live().passed, 22U);
  EXPECT_EQ(limits[0]->live().rejected, 2U);
}

TEST_F(RateLimitTest, TenASecondWithABurstOfFiveDelayed) {
  const RateLimits limits{make(checkout())};
  for (int i = 0; i <= 5; ++i) {
    const LimitRuling ruling = ask(limits, Subject());
    EXPECT_FALSE(ruling.refused);
    EXPECT_NEAR(std::chrono::duration<double>(ruling.wait).count(), 0.1 * i, 0.001) << i;
  }
  EXPECT_TRUE(ask(limits, Subject()).refused);
  EXPECT_EQ(limits[0]->live().passed, 1U);
  EXPECT_EQ(limits[0]->live().delayed, 5U);
}

TEST_F(RateLimitTest, TellsWhatIsLeft) {
  const RateLimits limits{make(api())};
  EXPECT_EQ(ask(limits, Subject()).remaining, 20U);
  const LimitRuling second = ask(limits, Subject());
  EXPECT_EQ(second.remaining, 19U);
  EXPECT_NEAR(std::chrono::duration<double>(second.reset).count(), 0.02, 0.001);
  EXPECT_EQ(words_of(second), "api: 19 more at once, all of it again in 20ms");
}

TEST_F(RateLimitTest, RetryAfterIsRoundedUp) {
  const RateLimits limits{make({.name = "slow", .rate = 1.0 / 60, .burst = 0})};
  EXPECT_FALSE(ask(limits, Subject()).refused);
  const LimitRuling ruling = ask(limits, Subject(), milliseconds(500));
  EXPECT_TRUE(ruling.refused);
  EXPECT_EQ(retry_after(ruling), "60");
  EXPECT_EQ(ruling.by->policy(), "\"slow\";q=1;w=60");
}

// Whether two requests share one allowance, by a limit of one for each key.
class LimitKeys : public RateLimitTest {
 protected:
  bool shared_by(std::vector<LimitKeyPart> key, const LimitSubject& one, const LimitSubject& other) {
    const RateLimits limits{make({.name = "one" + std::to_string(count_++), .rate = 0.01, .key = std::move(key)})};
    EXPECT_FALSE(ask(limits, one).refused);
    EXPECT_TRUE(ask(limits, one).refused);
    return ask(limits, other).refused;
  }

  int count_ = 0;
};

TEST_F(LimitKeys, AClientIsItsAddressOrItsSlash64) {
  EXPECT_FALSE(shared_by({{}}, Subject().from("192.0.2.1"), Subject().from("192.0.2.2")));
  EXPECT_TRUE(shared_by({{}}, Subject().from("2001:db8::1"), Subject().from("2001:db8::ffff:1")));
  EXPECT_FALSE(shared_by({{}}, Subject().from("2001:db8::1"), Subject().from("2001:db8:0:1::1")));
}

TEST_F(LimitKeys, HeadersCookiesAndKeysCountWhoeverSendsThem) {
  const std::vector<LimitKeyPart> header{{.kind = Kind::header, .name = "x-app"}};
  EXPECT_TRUE(shared_by(header, Subject().with("X-App", "a"), Subject().from("192.0.2.9").with("X-App", "a")));
  EXPECT_FALSE(shared_by(header, Subject().with("X-App", "a"), Subject().with("X-App", "b")));
  const std::vector<LimitKeyPart> cookie{{.kind = Kind::cookie, .name = "sid"}};
  EXPECT_TRUE(shared_by(cookie, Subject().with("Cookie", "a=1; sid=x"), Subject().with("Cookie", "sid=x")));
  EXPECT_FALSE(shared_by(cookie, Subject().with("Cookie", "sid=x"), Subject().with("Cookie", "sid=y")));
  const std::vector<LimitKeyPart> key{{.kind = Kind::api_key}};
  EXPECT_TRUE(shared_by(key, Subject().with("X-Api-Key", "k"), Subject().with("Authorization", "Bearer k")));
  EXPECT_FALSE(shared_by(key, Subject().with("X-Api-Key", "k"), Subject().with("X-Api-Key", "l")));
}

// A key that nobody has looked at, beside a token by which the client was let in.
TEST_F(LimitKeys, AnApiKeyIsTheCredentialThatIsKnownToBeGood) {
  const std::vector<LimitKeyPart> key{{.kind = Kind::api_key}};
  const auto asks = [](http::FieldId by, std::string_view own, std::string_view authorization) {
    return Subject().known_by(by).with("X-Api-Key", own).with("Authorization", authorization);
  };
  const http::FieldId token = http::FieldId::authorization;
  EXPECT_TRUE(shared_by(key, asks(token, "made-up-1", "Bearer t"), asks(token, "made-up-2", "Bearer t")));
  EXPECT_FALSE(shared_by(key, asks(token, "k", "Bearer t"), asks(token, "k", "Bearer u")));
  EXPECT_TRUE(shared_by(key, asks(token, "made-up-1", "Basic YTpi"), asks(token, "made-up-2", "Basic Yzpk")))
      << "passwords count as their client";
  const http::FieldId own = http::FieldId::x_api_key;
  EXPECT_TRUE(shared_by(key, asks(own, "k", "Bearer t"), asks(own, "k", "Bearer u")));
  EXPECT_FALSE(shared_by(key, asks(own, "k", "Bearer t"), asks(own, "l", "Bearer t")));
  EXPECT_FALSE(shared_by(key, asks(http::FieldId::other, "k", "Bearer t"), asks(http::FieldId::other, "l", "Bearer t")))
      << "nobody is known: whatever stands there";
}

// Behind the edge the one may count, or the other: who sends two is told by neither.
TEST_F(LimitKeys, ACookieThatStandsTwiceSaysNothing) {
  const std::vector<LimitKeyPart> cookie{{.kind = Kind::cookie, .name = "sid"}};
  EXPECT_TRUE(shared_by(cookie, Subject().with("Cookie", "sid=made-up-1; sid=mine"),
                        Subject().with("Cookie", "sid=made-up-2; sid=mine")));
  EXPECT_TRUE(shared_by(cookie, Subject().with("Cookie", "sid=made-up; %73id=mine"), Subject()));
  EXPECT_FALSE(shared_by(cookie, Subject().with("Cookie", "sid=1; sid=2"),
                         Subject().from("192.0.2.9").with("Cookie", "sid=1; sid=2")));
}

TEST_F(LimitKeys, AllLinesOfAListAreOneValue) {
  const std::vector<LimitKeyPart> header{{.kind = Kind::header, .name = "Accept-Language"}};
  const auto speaks = [](std::string_view one, std::string_view two) {
    return Subject().with("Accept-Language", one).with("accept-language", two);
  };
  EXPECT_FALSE(shared_by(header, speaks("de", "en"), speaks("de", "fr")));
  EXPECT_TRUE(shared_by(header, speaks("de", "en"), speaks("de", "en")));
  EXPECT_TRUE(shared_by(header, speaks("", "en"), Subject().with("Accept-Language", "en")));
}

// Else whoever sends it twice, or three times, would have as many allowances.
TEST_F(LimitKeys, AHeaderThatSaysTheSameTwiceSaysItOnce) {
  const std::vector<LimitKeyPart> header{{.kind = Kind::header, .name = "X-App"}};
  const auto once = [] { return Subject().with("X-App", "a"); };
  EXPECT_TRUE(shared_by(header, once(), once().with("x-app", "a")));
  EXPECT_TRUE(shared_by(header, once().with("X-App", "a"), once().with("X-App", "a").with("X-App", "a")));
}

// However many tokens somebody has; and nobody can use up what is another issuer's.
TEST_F(LimitKeys, AClaimIsOfItsIssuer) {
  const std::vector<LimitKeyPart> sub{{.kind = Kind::claim, .name = "sub"}};
  const auto alice = [] { return Subject().shown("https://one", "sub", "alice"); };
  EXPECT_TRUE(shared_by(sub, alice().with("Authorization", "Bearer a"),
                        alice().from("192.0.2.9").with("Authorization", "Bearer b")));
  EXPECT_FALSE(shared_by(sub, alice(), Subject().shown("https://one", "sub", "bob")));
  EXPECT_FALSE(shared_by(sub, alice(), Subject().shown("https://other", "sub", "alice")));
  EXPECT_TRUE(shared_by(sub, alice().shown("https://one", "tenant", "t"), alice()));
  EXPECT_TRUE(shared_by(sub, Subject(), Subject().shown("https://one", "tenant", "t"))) << "its client counts";
  EXPECT_FALSE(shared_by(sub, Subject(), Subject().from("192.0.2.9")));
}

// Leaving it out is no way around.
TEST_F(LimitKeys, WithoutTheHeaderTheClientStandsForIt) {
  const std::vector<LimitKeyPart> header{{.kind = Kind::header, .name = "X-App"}};
  EXPECT_TRUE(shared_by(header, Subject(), Subject()));
  EXPECT_FALSE(shared_by(header, Subject(), Subject().from("192.0.2.2")));
  EXPECT_FALSE(shared_by(header, Subject(), Subject().with("X-App", "a")));
}

TEST_F(LimitKeys, TierHostAndRoute) {
  Subject gold;
  gold.tier = TierId{1};
  EXPECT_FALSE(shared_by({{.kind = Kind::tier}}, Subject(), gold));
  EXPECT_TRUE(shared_by({{.kind = Kind::tier}}, Subject(), Subject().from("192.0.2.2")));
  Subject other;
  other.host = "other.example";
  other.route = "web";
  EXPECT_FALSE(shared_by({{.kind = Kind::host}}, Subject(), other));
  EXPECT_FALSE(shared_by({{.kind = Kind::route}}, Subject(), other));
  EXPECT_TRUE(shared_by({{}}, Subject(), other));
}

TEST_F(LimitKeys, OfSeveralPartsEachCombinationCounts) {
  const std::vector<LimitKeyPart> both{{}, {.kind = Kind::header, .name = "X-App"}};
  EXPECT_FALSE(shared_by(both, Subject().with("X-App", "a"), Subject().with("X-App", "b")));
  EXPECT_FALSE(shared_by(both, Subject().with("X-App", "a"), Subject().from("192.0.2.2").with("X-App", "a")));
  EXPECT_TRUE(shared_by(both, Subject().with("X-App", "a"), Subject().with("X-App", "a")));
}

TEST_F(RateLimitTest, WhoIsRefusedByOneHasUsedNoneOfTheOthers) {
  const RateLimits limits{make({.name = "wide", .rate = 0.01, .burst = 9}), make({.name = "narrow", .rate = 0.01})};
  EXPECT_FALSE(ask(limits, Subject()).refused);
  for (int i = 0; i < 20; ++i) {
    const LimitRuling ruling = ask(limits, Subject());
    EXPECT_TRUE(ruling.refused);
    EXPECT_EQ(ruling.by, limits[1].get());
  }
  const RateLimits wide{limits[0]};
  EXPECT_EQ(ask(wide, Subject()).remaining, 8U);
}

TEST_F(RateLimitTest, TheTightestIsTold) {
  const RateLimits limits{make({.name = "wide", .rate = 1, .burst = 9}),
                          make({.name = "narrow", .rate = 1, .burst = 2})};
  EXPECT_EQ(ask(limits, Subject()).by, limits[1].get());
  const RateLimits delayed{make({.name = "some", .rate = 1, .burst = 1}), make(checkout())};
  (void)ask(delayed, Subject());
  EXPECT_EQ(ask(delayed, Subject()).by, delayed[1].get()) << "it makes the request wait";
}

TEST_F(RateLimitTest, ForeseeingCountsNothing) {
  const RateLimits limits{make({.name = "one", .rate = 0.01})};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(rule(limits, Subject(), kStart, Counting::foresee).refused);
  EXPECT_FALSE(ask(limits, Subject()).refused);
  EXPECT_TRUE(rule(limits, Subject(), kStart, Counting::foresee).refused);
  EXPECT_EQ(limits[0]->live().passed, 1U);
  EXPECT_EQ(limits[0]->live().rejected, 0U);
}

TEST_F(RateLimitTest, ShadowCountsWhatItWouldHaveDoneAndDoesNothing) {
  RateLimitSettings settings = checkout();
  settings.mode = shared::Mode::shadow;
  const RateLimits limits{make(settings)};
  for (int i = 0; i < 10; ++i) {
    const LimitRuling ruling = ask(limits, Subject());
    EXPECT_EQ(ruling.by, nullptr);
    EXPECT_EQ(ruling.wait, shared::Duration{});
  }
  EXPECT_EQ(limits[0]->live().passed, 1U);
  EXPECT_EQ(limits[0]->live().shadowed, 9U);
  EXPECT_EQ(limits[0]->live().rejected, 0U);
}

TEST_F(RateLimitTest, NeitherDisabledNorForTheExempt) {
  RateLimitSettings off{.name = "off", .mode = shared::Mode::disabled, .rate = 0.01};
  RateLimitSettings office{.name = "office", .rate = 0.01};
  office.exempt = {*shared::Prefix::parse("192.0.2.0/24")};
  const RateLimits limits{make(off), make(office)};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(limits, Subject()).by, nullptr);
  EXPECT_FALSE(ask(limits, Subject().from("198.51.100.1")).refused);
  EXPECT_TRUE(ask(limits, Subject().from("198.51.100.1")).refused);
  EXPECT_EQ(limits[0]->live().passed + limits[0]->live().shadowed, 0U);
}

TEST_F(RateLimitTest, CountsLiveOnWithTheNameAndTheSize) {
  auto first = make(api());
  (void)ask({first}, Subject());
  RateLimitSettings faster = api();
  faster.rate = 200;
  auto second = make(faster);
  EXPECT_EQ(&first->live(), &second->live());
  RateLimitSettings larger = api();
  larger.keys *= 4;
  EXPECT_NE(&make(larger)->live(), &first->live());
}

// As the issue of sizes has it: a million keys in 32 MiB, and half full at most.
TEST_F(RateLimitTest, AMillionKeysFitInto32MiB) {
  RateLimitSettings settings = api();
  settings.keys = 1'000'000;
  const auto live = lives_.of(settings);
  EXPECT_LE(live->cells.octets(), std::size_t{32} << 20);
  EXPECT_GE(live->cells.capacity(), 2'000'000U);
}

// What is worth fetching ahead: a large table, whose place is known with the client.
TEST_F(RateLimitTest, IsFarWhereOnlyTheClientCountsInALargeTable) {
  const auto is_far = [this](RateLimitSettings settings) {
    settings.rate = 1;
    return make(settings)->is_far();
  };
  EXPECT_TRUE(is_far({.name = "a"}));
  EXPECT_FALSE(is_far({.name = "b", .keys = 1024}));
  EXPECT_FALSE(is_far({.name = "c", .key = {{}, {.kind = Kind::route}}}));
  EXPECT_FALSE(is_far({.name = "d", .key = {{.kind = Kind::tier}}}));
  EXPECT_FALSE(is_far({.name = "e", .scope = LimitScope::region})) << "its seed changes";
  const auto far = make({.name = "f", .rate = 1});
  far->prefetch(ip("192.0.2.1"));
  EXPECT_TRUE(ask({far}, Subject()).by == far.get());
  EXPECT_EQ(far->live().passed, 1U) << "what is fetched ahead is not counted";
}

TEST_F(RateLimitTest, RatesAreMet) {
  for (const double rate : {0.01, 1.0, 3.0, 700.0, 30'000.0, 100'000.0}) {
    const auto limit = make({.name = "r" + std::to_string(rate), .rate = rate});
    const double met = RateLimit::kTicksASecond / static_cast<double>(limit->allowance().interval);
    EXPECT_NEAR(met / rate, 1, 0.003) << rate;
  }
}

}  // namespace
}  // namespace edge::rate_limit_test
