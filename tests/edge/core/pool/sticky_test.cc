#include "edge/core/pool/sticky.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/core/pool_world.h"

namespace edge::sticky_test {
namespace {

using shared::HealthState;
using test::Algorithm;
using test::PoolWorld;

constexpr shared::SipKey kOld{1, 2, 3};
constexpr shared::SipKey kNew{9, 8, 7};

StickySettings settings(std::span<const shared::SipKey> keys) {
  StickySettings out;
  out.cookie = "MERIDIAN";
  out.keys = keys;
  return out;
}

void make_it_sticky(Pool& pool, StickySettings with) {
  std::vector<std::string_view> names;
  for (const Server& server : pool.servers) names.push_back(server.name);
  pool.sticky = make_sticky(with, "web", names);
}

std::string token_in(const std::string& set_cookie) {
  return set_cookie.substr(set_cookie.find('=') + 1, set_cookie.find(';') - set_cookie.find('=') - 1);
}

http::FieldList with_cookie(std::string_view value) {
  http::FieldList fields;
  EXPECT_TRUE(fields.push({.name = "Cookie", .value = value, .id = http::FieldId::cookie}));
  return fields;
}

TEST(Sticky, TokensAreOpaqueAndTheSameOnEveryEdge) {
  const SessionToken token = session_token(kOld, "web", "10.0.0.1:80");
  EXPECT_EQ(token, session_token(kOld, "web", "10.0.0.1:80"));
  EXPECT_NE(token, session_token(kNew, "web", "10.0.0.1:80"));
  EXPECT_NE(token, session_token(kOld, "api", "10.0.0.1:80"));
  EXPECT_NE(session_token(kOld, "we", "b1"), session_token(kOld, "web", "1"));
  EXPECT_NE(token.high, token.low);
  const std::string text = to_text(token);
  EXPECT_EQ(text.size(), 32U);
  EXPECT_EQ(parse_session_token(text), token);
}

TEST(Sticky, RefusesWhatNobodySigned) {
  const std::array<shared::SipKey, 1> keys{kOld};
  const std::array<std::string_view, 2> servers{"a:80", "b:80"};
  const Sticky sticky = make_sticky(settings(keys), "web", servers);
  const std::string good = token_in(sticky.set_cookies[1]);
  EXPECT_EQ(sticky.find(good), 1);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string forged = good;
    forged[i] = forged[i] == '0' ? '1' : '0';
    EXPECT_EQ(sticky.find(forged), std::nullopt);
  }
  for (const std::string_view bad : {"", "0", "zz", "a:80", "0000000000000000000000000000000G"}) {
    EXPECT_EQ(sticky.find(bad), std::nullopt);
  }
  EXPECT_EQ(sticky.find(good + "0"), std::nullopt);
  std::string upper = good;
  for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
  if (upper != good) {
    EXPECT_EQ(sticky.find(upper), std::nullopt) << "one spelling only";
  }
}

TEST(Sticky, AnOldKeyIsUnderstoodAndTheNewOneSigns) {
  const std::array<shared::SipKey, 1> before{kOld};
  const std::array<shared::SipKey, 2> after{kNew, kOld};
  const std::array<std::string_view, 2> servers{"a:80", "b:80"};
  const Sticky old = make_sticky(settings(before), "web", servers);
  const Sticky now = make_sticky(settings(after), "web", servers);
  EXPECT_EQ(now.find(token_in(old.set_cookies[0])), 0);
  EXPECT_EQ(now.find(token_in(now.set_cookies[0])), 0);
  EXPECT_EQ(old.find(token_in(now.set_cookies[0])), std::nullopt);
}

TEST(Sticky, WritesEveryAttribute) {
  const std::array<shared::SipKey, 1> keys{kOld};
  const std::array<std::string_view, 1> servers{"a:80"};
  StickySettings all = settings(keys);
  const std::string token = to_text(session_token(kOld, "web", "a:80"));
  EXPECT_EQ(make_sticky(all, "web", servers).set_cookies[0],
            "MERIDIAN=" + token + "; Path=/; SameSite=Lax; Secure; HttpOnly");
  all.secure = all.http_only = false;
  all.same_site = SameSite::strict;
  all.max_age = 3600;
  all.domain = "shop.example";
  all.path = "/cart";
  EXPECT_EQ(make_sticky(all, "web", servers).set_cookies[0],
            "MERIDIAN=" + token + "; Path=/cart; Domain=shop.example; Max-Age=3600; SameSite=Strict");
}

TEST(Sticky, ASessionStaysAndFallsBackWhenItsServerCannot) {
  const std::array<shared::SipKey, 1> keys{kOld};
  PoolWorld world(Algorithm::round_robin, {1, 1, 1});
  make_it_sticky(world.pool, settings(keys));
  const std::string cookie = "lang=en; MERIDIAN=" + token_in(world.pool.sticky.set_cookies[2]) + "; x=1";
  const http::FieldList fields = with_cookie(cookie);
  PickContext context = world.context();
  context.session = session_of(world.pool, fields);
  ASSERT_EQ(context.session, 2);
  BalanceState state;
  shared::NullTrace trace;
  const auto picked = [&] { return pick(world.pool, context, state, trace)->name; };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(picked(), "a2");
  world.server(2).state.set_draining(true);
  EXPECT_EQ(picked(), "a2") << "sessions stay while it drains";
  EXPECT_NE(world.pick_one(state), 2) << "new ones do not come";
  world.pool.sticky.while_draining = false;
  EXPECT_NE(picked(), "a2");
  world.server(2).state.set_draining(false);
  world.server(2).state.set_health(HealthState::down);
  EXPECT_NE(picked(), "a2");
  world.server(2).state.set_health(HealthState::up);
  const std::array tried{ServerId{2}};
  context.tried = tried;
  EXPECT_NE(picked(), "a2") << "a retry goes elsewhere";
}

TEST(Sticky, WithoutOrWithAForeignCookieThereIsNoSession) {
  const std::array<shared::SipKey, 1> keys{kOld};
  PoolWorld world(Algorithm::round_robin, {1, 1});
  EXPECT_EQ(session_of(world.pool, with_cookie("MERIDIAN=1")), std::nullopt) << "the pool is not sticky";
  make_it_sticky(world.pool, settings(keys));
  EXPECT_EQ(session_of(world.pool, with_cookie("MERIDIAN=1")), std::nullopt);
  EXPECT_EQ(session_of(world.pool, http::FieldList()), std::nullopt);
}

}  // namespace
}  // namespace edge::sticky_test
