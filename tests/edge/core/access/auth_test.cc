#include "edge/core/access/auth.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace edge::auth_test {
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

// {"alg":"ES256"} . {"sub":"al","exp":100}
constexpr const char* kToken = "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbCIsImV4cCI6MTAwfQ.AA";

std::shared_ptr<const AuthPolicy> tokens(bool good, shared::Mode mode = shared::Mode::enforce) {
  JwtRules rules;
  rules.keys = {{"", JwtAlgorithm::es256, [good](auto, auto) { return good; }}};
  return policy({.name = "people", .mode = mode, .realm = {}, .user_field = {}, .by = rules});
}

http::FieldList two(std::string_view key, std::string_view authorization) {
  http::FieldList list;
  EXPECT_TRUE(list.push({.name = "X-Api-Key", .value = key, .id = http::FieldId::x_api_key}));
  EXPECT_TRUE(list.push({.name = "Authorization", .value = authorization, .id = http::FieldId::authorization}));
  return list;
}

TEST(Auth, OfTwoCredentialsBothHaveToBeGoodInWhateverOrder) {
  const AuthMoment moment{.now = kNow, .wall = 50};
  for (const AuthPolicies& policies : {AuthPolicies{keys(), tokens(false)}, AuthPolicies{tokens(false), keys()}}) {
    const AuthRuling forged = authenticate(policies, two("k", kToken), moment);
    EXPECT_EQ(forged.kind, AuthRuling::Kind::refused) << "a server would read a token that nobody has verified";
    EXPECT_EQ(forged.by->name(), "people");
    EXPECT_EQ(forged.by->live().refused, 1U);
    for (const auto& one : policies) EXPECT_EQ(one->live().accepted, 0U) << one->name();
    EXPECT_EQ(authenticate(policies, two("k", "Bearer\ttoken"), moment).reason, "token: none that can be read");
    EXPECT_EQ(authenticate(policies, two("k", "Digest x"), moment).identity->subject, "acme")
        << "nothing that a policy of the route is about";
  }
  for (const AuthPolicies& policies : {AuthPolicies{keys(), tokens(true)}, AuthPolicies{tokens(true), keys()}}) {
    const AuthRuling both = authenticate(policies, two("k", kToken), moment);
    EXPECT_EQ(both.by, policies[0].get()) << "who it is, the first says";
    EXPECT_EQ(policies[0]->live().accepted + policies[1]->live().accepted, 1U);
    const AuthRuling wrong = authenticate(policies, two("x", kToken), moment);
    EXPECT_EQ(wrong.kind, AuthRuling::Kind::refused);
    EXPECT_EQ(wrong.reason, "unknown API key");
  }
}

TEST(Auth, ACredentialIsGoodIfOneOfThePoliciesAboutItTakesIt) {
  const AuthMoment moment{.now = kNow, .wall = 50};
  const Fields token(http::FieldId::authorization, kToken);
  EXPECT_EQ(authenticate(AuthPolicies{tokens(false), tokens(true)}, token.list, moment).identity->subject, "al");
  EXPECT_EQ(authenticate(AuthPolicies{tokens(false), keys(), tokens(true)}, two("k", kToken), moment).kind,
            AuthRuling::Kind::passed);
  EXPECT_EQ(authenticate(AuthPolicies{keys()}, two("k", kToken), moment).kind, AuthRuling::Kind::passed)
      << "the token is the server's business alone";
  const AuthPolicies shadow{keys(), tokens(false, shared::Mode::shadow)};
  EXPECT_EQ(authenticate(shadow, two("k", kToken), moment).identity->subject, "acme");
  EXPECT_EQ(shadow[1]->live().shadowed, 1U) << "it would have refused it";
}

TEST(Auth, APasswordBesideAKeyIsCheckedBeforeItGoesOn) {
  const AuthPolicies policies{keys(), passwords()};
  CredentialCache cache;
  const AuthMoment moment{.now = kNow, .cache = &cache};
  const http::FieldList fields = two("k", "Basic YWxpY2U6c2VjcmV0");
  const AuthRuling ruling = authenticate(policies, fields, moment);
  ASSERT_EQ(ruling.kind, AuthRuling::Kind::unchecked);
  cache.put(ruling.check->key, nullptr, kNow + kWrongPassword);
  EXPECT_EQ(authenticate(policies, fields, moment).reason, "wrong name or password");
  cache.put(ruling.check->key, policies[1]->identity("alice", std::nullopt), kNow + kGoodPassword);
  EXPECT_EQ(authenticate(policies, fields, moment).identity->subject, "acme");
  EXPECT_EQ(authenticate(policies, two("k", "Basic " + std::string(4096, 'Y')), moment).reason,
            "no name and password that can be read");
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
}  // namespace edge::auth_test
