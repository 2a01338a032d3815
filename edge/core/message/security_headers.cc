#include "edge/core/message/security_headers.h"

namespace edge {
namespace {

void set(HeaderRules& rules, const char* name, const char* value) {
  rules.apply({.op = HeaderRule::Op::set, .name = name, .value = value});
}

}  // namespace

void add_security_headers(SecurityHeaders wanted, Transports transports, HeaderRules& rules) {
  if (wanted == SecurityHeaders::none) return;
  set(rules, "X-Content-Type-Options", "nosniff");
  set(rules, "X-Frame-Options", "SAMEORIGIN");
  set(rules, "Referrer-Policy", "strict-origin-when-cross-origin");
  if (transports == Transports::tls_only) set(rules, "Strict-Transport-Security", "max-age=31536000");
  if (wanted == SecurityHeaders::basic) return;
  set(rules, "Content-Security-Policy",
      "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; object-src 'none'");
  set(rules, "Cross-Origin-Opener-Policy", "same-origin");
  set(rules, "Cross-Origin-Resource-Policy", "same-origin");
  set(rules, "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()");
}

}  // namespace edge
