#pragma once
// JSON Web Tokens (RFC 7519) as a proof of who asks: signed (RFC 7515), never encrypted, by RS256, ES256 or EdDSA over
// Ed25519 (RFC 8037). The key says which algorithm it is for and the token has to say the same: `none`, and a public
// key that is taken for a shared secret, are no cases of their own (RFC 8725 3.1). Whatever is not understood is
// refused. Pure; the signatures are somebody else's arithmetic (edge/load/jwks.h). Any thread.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "edge/core/access/principal.h"

namespace edge {

enum class JwtAlgorithm : std::uint8_t { rs256, es256, eddsa };
[[nodiscard]] std::string_view name_of(JwtAlgorithm algorithm);  // "RS256"

struct JwtKey {
  std::string id;  // `kid`; empty: the key set names none
  JwtAlgorithm algorithm = JwtAlgorithm::es256;
  // Is the signature, as JWS has it, one of these octets?
  std::function<bool(std::string_view octets, std::string_view signature)> verify;
};

// A claim that servers read in a field.
struct ClaimField {
  std::string claim;
  std::string field;
};

struct JwtRules {
  std::vector<JwtKey> keys;
  std::string issuer;                  // `iss` must be this; empty: anybody's
  std::vector<std::string> audiences;  // one of these must be in `aud`; empty: it is not looked at
  std::chrono::seconds leeway{60};     // by which clocks may differ
  std::vector<ClaimField> fields;
  std::vector<std::string> kept;  // claims that limits count by
  std::string tier_claim;         // names a tier; empty: none does
  const Tiers* tiers = nullptr;   // REQUIRES: outlives the rules; may be null without `tier_claim`
};

inline constexpr std::size_t kMaxToken = 8192;  // octets

// Who has signed in, or why not, a literal: "token: expired". `now` in seconds since 1970.
[[nodiscard]] tl::expected<Principal, std::string_view> verify_jwt(const JwtRules& rules, std::string_view token,
                                                                   UnixTime now);

// Base64url without padding (RFC 7515 2), strictly: no other octet, no bits left over. False: it is none.
[[nodiscard]] bool decode_base64url(std::string_view text, std::string& out);

}  // namespace edge
