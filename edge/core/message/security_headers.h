#pragma once
// A ready set of response fields that browsers obey, for who would else have to know them all. They are rules before
// all others, so what a configuration sets by name wins. Pure, any thread.

#include <cstdint>

#include "edge/core/message/header_rules.h"

namespace edge {

enum class SecurityHeaders : std::uint8_t {
  none,
  basic,   // what breaks no page: no guessing of types, no frames of other sites, no full referrer to them
  strict,  // and: no script, frame or plug-in from elsewhere; for sites that are made for it
};

// Strict-Transport-Security only where every listener speaks TLS or leads there (RFC 6797 7.2 forbids it without).
enum class Transports : std::uint8_t { plain_too, tls_only };

void add_security_headers(SecurityHeaders set, Transports transports, HeaderRules& rules);

}  // namespace edge
