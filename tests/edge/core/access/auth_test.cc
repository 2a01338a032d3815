#include "edge/core/access/auth.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace edge {
namespace {

const shared::TimePoint kNow{std::chrono::hours(1)};

std::shared_ptr<const AuthPolicy> policy(AuthSettings settings) {
  settings.realm = settings.name;
  return std::make_shared<const AuthPolicy>(std::move(settings), std::make_shared<AuthLive>(),
                                            CredentialKeys{shared::SipKey{1}, shared::SipKey{2}});
}

// "A" of forty is a digest that begins so: what a digest is made of is not tested here.
KeyDigest digest(std::string_view text) { return {static_cast<std::uint8_t>(text.empty() ? 0 : text.front())}; }

std::shared_ptr<const AuthPolicy> keys(shared::Mode mode = shared::Mode::enforce) {
  return policy({.name = "partners",
                 .mode = mode,
                 .realm = {},
                 .user_field = "X-Partner",
                 .by = HashedKeys{.keys = {{digest("k"), "acme", TierId{1}}}, .digest = digest}});
}

std::shared_ptr<const AuthPolicy> passwords() {
  return policy({.name = "staff",
                 .realm = {},
                 .user_field = {},
                 .by = PasswordUsers{.users = {{"alice", "hash-a"}, {"bob", "hash-b"}}, .stand_in = "nobody"}});
}

struct Fields {
  http::FieldList list;
  std::string value;
  Fields() = default;
  Fields(http::FieldId id, std::string text) : value(std::move(text)) {
    EXPECT_TRUE(list.push({.name = http::canonical_name(id), .value = value, .id = id}));
  }
};

TEST(Auth, ApiKeysAreKnownByTheirDigest) {
  const AuthPolicies policies{keys()};
  const AuthMoment moment{.now = kNow};
  const AuthRuling good = authenticate(policies, Fields(http::FieldId::x_api_key, "k").list, moment);
  ASSERT_EQ(good.kind, AuthRuling::Kind::passed);
  EXPECT_EQ(good.identity->subject, "acme");
  EXPECT_EQ(good.identity->tier, TierId{1});
  EXPECT_EQ(good.identity->fields[0].name, "X-Partner");
  EXPECT_EQ(words_of(good), "partners: acme");
  EXPECT_EQ(authenticate(policies, Fields(http::FieldId::authorization, "Bearer k").list, moment).identity->subject,
            "acme");
  const AuthRuling wrong = authenticate(policies, Fields(http::FieldId::x_api_key, "x").list, moment);
  EXPECT_EQ(wrong.kind, AuthRuling::Kind::refused);
  EXPECT_EQ(wrong.reason, "unknown API key");
  EXPECT_EQ(wrong.by->challenge(), "Bearer realm=\"partners\"");
  const AuthRuling nobody = authenticate(policies, Fields().list, moment);
  EXPECT_EQ(nobody.kind, AuthRuling::Kind::refused);
  EXPECT_EQ(nobody.reason, "nobody has said who asks");
  EXPECT_EQ(policies[0]->live().accepted, 2U);
  EXPECT_EQ(policies[0]->live().refused, 2U);
}

TEST(Auth, ShadowLetsPassAndCounts) {
  const AuthPolicies policies{keys(shared::Mode::shadow)};
  const AuthRuling nobody = authenticate(policies, Fields().list, {.now = kNow});
  EXPECT_EQ(nobody.kind, AuthRuling::Kind::passed);
  EXPECT_EQ(nobody.identity, nullptr);
  EXPECT_EQ(policies[0]->live().shadowed, 1U);
  AuthMoment foreseen{.now = kNow};
  foreseen.counts = false;
  (void)authenticate(policies, Fields().list, foreseen);
  EXPECT_EQ(policies[0]->live().shadowed, 1U);
}

TEST(Auth, APasswordIsCheckedElsewhereAndRememberedHere) {
  const AuthPolicies policies{passwords()};
  CredentialCache cache;
  const AuthMoment moment{.now = kNow, .cache = &cache};
  const Fields alice(http::FieldId::authorization, "Basic YWxpY2U6c2VjcmV0");  // alice:secret
  AuthRuling ruling = authenticate(policies, alice.list, moment);
  ASSERT_EQ(ruling.kind, AuthRuling::Kind::unchecked);
  EXPECT_EQ(ruling.check->user, "alice");
  EXPECT_EQ(ruling.check->password, "secret");
  EXPECT_EQ(ruling.check->hash, "hash-a");
  EXPECT_TRUE(ruling.check->known);
  cache.put(ruling.check->key, policies[0]->identity("alice", std::nullopt), kNow + kGoodPassword);
  EXPECT_EQ(authenticate(policies, alice.list, moment).identity->subject, "alice");
  cache.put(ruling.check->key, nullptr, kNow + kWrongPassword);
  ruling = authenticate(policies, alice.list, moment);
  EXPECT_EQ(ruling.kind, AuthRuling::Kind::refused);
  EXPECT_EQ(ruling.reason, "wrong name or password");
  EXPECT_EQ(ruling.by->challenge(), "Basic realm=\"staff\", charset=\"UTF-8\"");
}

TEST(Auth, OfANameThatIsNotThereAStandInIsChecked) {
  const AuthPolicies policies{passwords()};
  const Fields eve(http::FieldId::authorization, "Basic ZXZlOng=");  // eve:x
  const AuthRuling ruling = authenticate(policies, eve.list, {.now = kNow});
  ASSERT_EQ(ruling.kind, AuthRuling::Kind::unchecked);
  EXPECT_EQ(ruling.check->hash, "nobody");
  EXPECT_FALSE(ruling.check->known);
}

TEST(Auth, AnyOfSeveralPoliciesWillDo) {
  const AuthPolicies policies{passwords(), keys()};
  EXPECT_EQ(authenticate(policies, Fields(http::FieldId::x_api_key, "k").list, {.now = kNow}).identity->subject,
            "acme");
  const AuthRuling wrong = authenticate(policies, Fields(http::FieldId::x_api_key, "x").list, {.now = kNow});
  EXPECT_EQ(wrong.by->name(), "partners") << "who has looked at something says why";
}

TEST(Auth, ATokenIsVerifiedOnceAndItsTimesEveryTime) {
  int verified = 0;
  JwtRules rules;
  rules.keys = {{"", JwtAlgorithm::es256, [&](auto, auto) { return ++verified > 0; }}};
  rules.leeway = std::chrono::seconds(0);
  const AuthPolicies policies{policy({.name = "jwt", .realm = {}, .user_field = "X-User", .by = rules})};
  CredentialCache cache;
  // {"alg":"ES256"} . {"sub":"al","exp":100}
  const Fields token(http::FieldId::authorization, "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbCIsImV4cCI6MTAwfQ.AA");
  AuthMoment moment{.now = kNow, .wall = 50, .cache = &cache};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(authenticate(policies, token.list, moment).identity->subject, "al");
  EXPECT_EQ(verified, 1);
  EXPECT_EQ(authenticate(policies, token.list, moment).identity->fields[0].value, "al");
  moment.wall = 100;
  EXPECT_EQ(authenticate(policies, token.list, moment).reason, "token: expired");
  const http::FieldList nothing;
  const AuthPolicies by_key{keys()};
  EXPECT_EQ(authenticate(policies, nothing, moment).reason, authenticate(by_key, nothing, moment).reason)
      << "who shows nothing has not shown a bad token";
}

TEST(Auth, ReadsBasic) {
  const auto basic = parse_basic("bAsIc YTpiOmM=");  // a:b:c
  ASSERT_TRUE(basic);
  EXPECT_EQ(basic->user, "a");
  EXPECT_EQ(basic->password, "b:c");
  const auto padded = parse_basic("Basic YTpiYw==");  // a:bc
  ASSERT_TRUE(padded) << "with two signs that fill it up";
  EXPECT_EQ(padded->password, "bc");
  for (const char* text :
       {"", "Basic", "Basic ", "Basic YQ==", "Basic YTpi!", "Basic YTpiOmM", "Bearer YTpiOmM=", "Basic YTpiAA=="}) {
    EXPECT_FALSE(parse_basic(text)) << text;
  }
  EXPECT_FALSE(parse_basic("Basic " + std::string(4096, 'Y')));
}

TEST(AuthLives, KeepCountsByNameAndNumberBuilds) {
  AuthLives lives;
  const auto kept = lives.of("a");
  kept->refused = 3;
  EXPECT_EQ(lives.of("a")->refused, 3U);
  EXPECT_NE(lives.next_serial(), lives.next_serial());
}

}  // namespace
}  // namespace edge
