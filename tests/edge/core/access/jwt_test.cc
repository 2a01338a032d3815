#include "edge/core/access/jwt.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::jwt_test {
namespace {

std::string encode(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned held = 0;
  unsigned bits = 0;
  for (const char c : text) {
    held = (held << 8) | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6; bits -= 6) out.push_back(kAlphabet[(held >> (bits - 6)) & 63]);
  }
  if (bits > 0) out.push_back(kAlphabet[(held << (6 - bits)) & 63]);
  return out;
}

// Signed by whoever knows the word "good": the arithmetic is not what is tested here.
JwtKey key(std::string id, JwtAlgorithm algorithm) {
  return {std::move(id), algorithm, [](std::string_view octets, std::string_view signature) {
            return signature == "good" && octets.find('.') != std::string_view::npos;
          }};
}

std::string token(std::string_view header, std::string_view claims, std::string_view signature = "good") {
  return encode(header) + "." + encode(claims) + "." + encode(signature);
}

constexpr std::string_view kHeader = R"({"alg":"ES256","kid":"k1"})";
constexpr UnixTime kNow = 1'000'000;

JwtRules rules() {
  JwtRules made;
  made.keys = {key("k1", JwtAlgorithm::es256), key("k2", JwtAlgorithm::rs256)};
  return made;
}

std::string verdict(const JwtRules& by, const std::string& text, UnixTime now = kNow) {
  const auto verified = verify_jwt(by, text, now);
  return verified ? "of " + verified->subject : std::string(verified.error());
}

TEST(Jwt, ASignedOneSaysWhoAsks) {
  EXPECT_EQ(verdict(rules(), token(kHeader, R"({"sub":"alice","exp":1000300})")), "of alice");
  EXPECT_EQ(verdict(rules(), token(R"({"alg":"RS256"})", R"({"sub":"bob","exp":1000300.5})")), "of bob");
}

TEST(Jwt, NoTrickWithTheAlgorithmHelps) {
  const std::string claims = R"({"sub":"eve","exp":1000300})";
  for (const char* header :
       {R"({"alg":"none"})", R"({"alg":"None","kid":"k1"})", R"({"alg":"HS256","kid":"k1"})",
        R"({"alg":"RS256","kid":"k1"})", R"({"alg":"ES256","kid":"k2"})", R"({"kid":"k1"})",
        R"({"alg":["ES256"],"kid":"k1"})", R"({"alg":"ES256","kid":"k9"})", R"({"alg":"es256"})"}) {
    EXPECT_EQ(verdict(rules(), token(header, claims)), "token: not signed by a key of ours") << header;
  }
  EXPECT_EQ(verdict(rules(), encode(R"({"alg":"none"})") + "." + encode(claims) + "."),
            "token: not signed by a key of ours");
  EXPECT_EQ(verdict(rules(), token(kHeader, claims, "bad")), "token: not signed by a key of ours");
  EXPECT_EQ(verdict(rules(), token(R"({"alg":"ES256","crit":["exp"]})", claims)),
            "token: wants what is not understood");
  JwtRules none = rules();
  none.keys.clear();
  EXPECT_EQ(verdict(none, token(kHeader, claims)), "token: not signed by a key of ours");
}

TEST(Jwt, WhatIsMalformedIsRefused) {
  const std::string good = token(kHeader, R"({"sub":"a","exp":1000300})");
  for (const std::string& text :
       {std::string(), std::string("a.b"), good + ".x", "." + good, std::string(".."), good + "=", "!" + good,
        token("[]", "{}"), token("{", "{}"), token(kHeader, "[]"), token(kHeader, R"({"exp":"soon"})"),
        token(kHeader, R"({"exp":1e300})"), token(kHeader, R"({"exp":1000300,"nbf":null})")}) {
    EXPECT_EQ(verdict(rules(), text), "token: malformed") << text;
  }
  EXPECT_EQ(verdict(rules(), std::string(kMaxToken + 1, 'a')), "token: too long");
}

TEST(Jwt, OfEightKibibytesIsReadAndOneOctetMoreIsNot) {
  for (const std::size_t size : {kMaxToken, kMaxToken + 1}) {
    std::string text;
    for (std::size_t more = 0; text.size() != size && more < 8; ++more) {  // not every length is one of base64url
      const std::string header = R"({"alg":"ES256","x":")" + std::string(more, 'x') + "\"}";
      for (std::size_t pad = 0; text.size() < size; ++pad) {
        if (pad == 0) pad = (size - token(header, R"({"sub":"alice","exp":1000300,"x":""})").size()) * 3 / 4 - 3;
        text = token(header, R"({"sub":"alice","exp":1000300,"x":")" + std::string(pad, 'x') + "\"}");
      }
      if (text.size() != size) text.clear();
    }
    ASSERT_EQ(text.size(), size);
    EXPECT_EQ(verdict(rules(), text), size == kMaxToken ? "of alice" : "token: too long");
  }
}

TEST(Jwt, HasThreeParts) {
  EXPECT_EQ(verdict(rules(), encode(kHeader)), "token: malformed");
  EXPECT_EQ(verdict(rules(), encode(kHeader) + "." + encode("{}")), "token: malformed");
  EXPECT_EQ(verdict(rules(), token(kHeader, R"({"sub":"alice","exp":1000300})") + ".x"), "token: malformed");
}

TEST(Jwt, TimesHoldWithinTheLeeway) {
  JwtRules by = rules();
  by.leeway = std::chrono::seconds(10);
  const std::string text = token(kHeader, R"({"sub":"a","exp":1000300,"nbf":1000000})");
  EXPECT_EQ(verdict(by, text, 1'000'309), "of a");
  EXPECT_EQ(verdict(by, text, 1'000'310), "token: expired");
  EXPECT_EQ(verdict(by, text, 999'990), "of a");
  EXPECT_EQ(verdict(by, text, 999'989), "token: not good yet");
  EXPECT_EQ(verdict(by, token(kHeader, R"({"sub":"a"})")), "token: without an end");
  EXPECT_EQ(verdict(by, token(kHeader, R"({"sub":"a","exp":9223372036854775807,"nbf":-9223372036854775808})")), "of a");
  EXPECT_EQ(verdict(by, token(kHeader, R"({"sub":"a","exp":-9223372036854775808})")), "token: expired");
}

TEST(Jwt, IssuerAndAudienceAreLookedAtWhereTheyAreSaid) {
  JwtRules by = rules();
  by.issuer = "https://id.example";
  by.audiences = {"shop", "admin"};
  const auto with = [](const std::string& more) { return token(kHeader, R"({"sub":"a","exp":1000300)" + more + "}"); };
  const std::string iss = R"(,"iss":"https://id.example")";
  EXPECT_EQ(verdict(by, with(iss + R"(,"aud":"shop")")), "of a");
  EXPECT_EQ(verdict(by, with(iss + R"(,"aud":["other","admin"])")), "of a");
  EXPECT_EQ(verdict(by, with(iss + R"(,"aud":["other"])")), "token: for another audience");
  EXPECT_EQ(verdict(by, with(iss)), "token: for another audience");
  EXPECT_EQ(verdict(by, with(R"(,"aud":"shop","iss":"https://id.example.evil")")), "token: of another issuer");
  EXPECT_EQ(verdict(by, with(R"(,"aud":"shop")")), "token: of another issuer");
}

TEST(Jwt, ClaimsGoIntoFieldsAndTheTier) {
  const Tiers tiers({.order = {"free", "gold"}, .fallback = {}, .sources = {}, .keys = {}});
  JwtRules by = rules();
  by.fields = {{"sub", "X-User"}, {"roles", "X-Roles"}, {"age", "X-Age"}, {"bad", "X-Bad"}, {"gone", "X-Gone"}};
  by.tier_claim = "plan";
  by.tiers = &tiers;
  const auto who = verify_jwt(
      by,
      token(kHeader,
            R"({"sub":"alice","exp":1000300,"roles":["a","b"],"age":7,"bad":"x\r\nX-Admin: 1","plan":"gold"})"),
      kNow);
  ASSERT_TRUE(who);
  ASSERT_EQ(who->fields.size(), 3U);
  EXPECT_EQ(who->fields[0].value, "alice");
  EXPECT_EQ(who->fields[1].value, "a,b");
  EXPECT_EQ(who->fields[2].value, "7");
  EXPECT_EQ(who->tier, TierId{1});
}

TEST(Jwt, ClaimsThatLimitsCountByAreKeptWithTheirIssuer) {
  const std::string text = token(kHeader, R"({"iss":"https://id","sub":"alice","exp":1000300,"org":7,"none":{}})");
  EXPECT_TRUE(verify_jwt(rules(), text, kNow)->claims.empty()) << "nobody wants them";
  JwtRules by = rules();
  by.kept = {"sub", "org", "none", "gone"};
  const auto who = verify_jwt(by, text, kNow);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->issuer, "https://id");
  EXPECT_EQ(who->claim("sub"), "alice");
  EXPECT_EQ(who->claim("org"), "7");
  EXPECT_EQ(who->claim("none"), "");
  EXPECT_EQ(who->claim("gone"), "");
  EXPECT_EQ(who->claims.size(), 2U);
}

TEST(Jwt, Base64urlIsStrict) {
  std::string out;
  EXPECT_TRUE(decode_base64url("", out));
  EXPECT_TRUE(decode_base64url("-_8", out));
  EXPECT_EQ(out, "\xfb\xff");
  EXPECT_FALSE(decode_base64url("A", out));
  EXPECT_FALSE(decode_base64url("-_9", out)) << "bits left over: two texts for one value";
  EXPECT_FALSE(decode_base64url("-_8=", out));
  EXPECT_FALSE(decode_base64url("+/8", out));
}

}  // namespace
}  // namespace edge::jwt_test
