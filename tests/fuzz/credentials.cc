// Credentials as clients send them: whatever they are, a token that no key has signed is nobody's, one that is accepted
// has its parts, and what is read of Basic has no colon in its name. Input: the value of Authorization.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/core/access/auth.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

edge::JwtRules rules(bool signs) {
  edge::JwtRules made;
  made.keys = {{"k", edge::JwtAlgorithm::es256, [signs](auto, auto) { return signs; }},
               {"", edge::JwtAlgorithm::rs256, [signs](auto, auto) { return signs; }}};
  made.audiences = {"shop"};
  made.fields = {{"sub", "X-User"}, {"roles", "X-Roles"}};
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto basic = edge::parse_basic(text)) {
    require(basic->user.find(':') == std::string::npos && basic->password.find('\0') == std::string::npos);
  }
  static const edge::JwtRules kNobody = rules(false);
  static const edge::JwtRules kAnybody = rules(true);
  require(!edge::verify_jwt(kNobody, text, 1000));
  const auto who = edge::verify_jwt(kAnybody, text, 1000);
  if (!who) return 0;
  require(who->expires > 1000 && who->not_before <= 1000);
  for (const auto& field : who->fields) {
    for (const char c : field.value) require(c >= ' ' && c < 0x7F);
  }
  return 0;
}
