#include "edge/core/access/jwt.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "shared/core/ascii.h"

namespace edge {
namespace {

namespace json = boost::json;

using Refused = tl::unexpected<std::string_view>;

constexpr std::size_t kMaxFieldValue = 1024;  // octets of a claim that goes into a field

Refused refused(std::string_view why) { return Refused(why); }

int base64url_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '-' ? 62 : c == '_' ? 63 : -1;
}

std::optional<json::object> parse_object(std::string_view encoded) {
  std::string text;
  if (!decode_base64url(encoded, text)) return std::nullopt;
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->as_string()) : std::string_view();
}

// A NumericDate: seconds, perhaps with a fraction. Nothing: it is none. Some mean by the largest integer that there is
// no end; the leeway is to be added to it.
std::optional<UnixTime> date_of(const json::value& value) {
  constexpr double kMost = 1e15;
  constexpr auto kMostSeconds = static_cast<UnixTime>(kMost);
  if (value.is_int64()) return std::clamp(value.as_int64(), -kMostSeconds, kMostSeconds);
  if (!value.is_double() || !std::isfinite(value.as_double()) || std::abs(value.as_double()) > kMost) {
    return std::nullopt;
  }
  return static_cast<UnixTime>(value.as_double());
}

bool is_for(const json::object& claims, const std::vector<std::string>& audiences) {
  const json::value* aud = claims.if_contains("aud");
  if (aud == nullptr) return false;
  const auto wanted = [&](const json::value& value) {
    return value.is_string() && std::ranges::find(audiences, std::string_view(value.as_string())) != audiences.end();
  };
  return aud->is_array() ? std::ranges::any_of(aud->as_array(), wanted) : wanted(*aud);
}

std::string plain_text(const json::value& value) {
  if (value.is_string()) return std::string(value.as_string());
  if (value.is_int64() || value.is_uint64() || value.is_bool()) return json::serialize(value);
  std::string list;
  if (!value.is_array()) return list;
  for (const json::value& element : value.as_array()) {
    if (!element.is_string()) return {};
    list.append(list.empty() ? "" : ",").append(element.as_string());
  }
  return list;
}

// What may stand in a field: visible ASCII and spaces between; of anything else a server could read something else.
bool fits_field(std::string_view text) {
  return !text.empty() && text.size() <= kMaxFieldValue && text.front() != ' ' && text.back() != ' ' &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7F; });
}

// exp, nbf, iss, aud.
std::string_view judge(const JwtRules& rules, const json::object& claims, Principal& who) {
  const json::value* exp = claims.if_contains("exp");
  if (exp == nullptr) return "token: without an end";
  const auto expires = date_of(*exp);
  if (!expires) return "token: malformed";
  who.expires = *expires + rules.leeway.count();
  if (const json::value* nbf = claims.if_contains("nbf")) {
    const auto begins = date_of(*nbf);
    if (!begins) return "token: malformed";
    who.not_before = *begins - rules.leeway.count();
  }
  if (!rules.issuer.empty() && text_of(claims, "iss") != rules.issuer) return "token: of another issuer";
  if (!rules.audiences.empty() && !is_for(claims, rules.audiences)) return "token: for another audience";
  return {};
}

void describe(const JwtRules& rules, const json::object& claims, Principal& who) {
  const std::string_view subject = text_of(claims, "sub");
  if (fits_field(subject)) who.subject = subject;
  for (const ClaimField& wanted : rules.fields) {
    const json::value* value = claims.if_contains(wanted.claim);
    std::string text = value != nullptr ? plain_text(*value) : std::string();
    if (fits_field(text)) who.fields.push_back({wanted.field, std::move(text), http::FieldId::other});
  }
  for (const std::string& name : rules.kept) {
    const json::value* value = claims.if_contains(name);
    std::string text = value != nullptr ? plain_text(*value) : std::string();
    if (!text.empty()) who.claims.emplace_back(name, std::move(text));
  }
  if (!who.claims.empty()) who.issuer = text_of(claims, "iss");
  if (!rules.tier_claim.empty() && rules.tiers != nullptr)
    who.tier = rules.tiers->find(text_of(claims, rules.tier_claim));
}

// The key that the token names, or of those without a name each that is for its algorithm.
bool is_signed(const JwtRules& rules, const json::object& header, std::string_view octets, std::string_view signature) {
  const std::string_view algorithm = text_of(header, "alg");
  const std::string_view id = text_of(header, "kid");
  return std::ranges::any_of(rules.keys, [&](const JwtKey& key) {
    const bool named = id.empty() || key.id.empty() || key.id == id;
    return named && name_of(key.algorithm) == algorithm && key.verify(octets, signature);
  });
}

}  // namespace

std::string_view name_of(JwtAlgorithm algorithm) {
  constexpr std::string_view kNames[] = {"RS256", "ES256", "EdDSA"};
  return kNames[static_cast<std::size_t>(algorithm)];
}

bool decode_base64url(std::string_view text, std::string& out) {
  out.clear();
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const int value = base64url_value(c);
    if (value < 0) return false;
    held = (held << 6) | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<char>((held >> bits) & 0xFF));
  }
  return bits < 6 && (held & ((1U << bits) - 1)) == 0;
}

tl::expected<Principal, std::string_view> verify_jwt(const JwtRules& rules, std::string_view token, UnixTime now) {
  if (token.size() > kMaxToken) return refused("token: too long");
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return refused("token: malformed");
  }
  const auto header = parse_object(token.substr(0, first));
  std::string signature;
  if (!header || !decode_base64url(token.substr(second + 1), signature)) return refused("token: malformed");
  if (header->contains("crit")) return refused("token: wants what is not understood");
  if (!is_signed(rules, *header, token.substr(0, second), signature))
    return refused("token: not signed by a key of ours");
  const auto claims = parse_object(token.substr(first + 1, second - first - 1));
  if (!claims) return refused("token: malformed");
  Principal who;
  if (const std::string_view why = judge(rules, *claims, who); !why.empty()) return refused(why);
  if (now >= who.expires) return refused("token: expired");
  if (now < who.not_before) return refused("token: not good yet");
  describe(rules, *claims, who);
  return who;
}

}  // namespace edge
