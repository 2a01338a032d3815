#pragma once
// Questions that no data can answer (RFC 6895 section 3.1); zone transfers are not offered. Pure, any thread.

#include <optional>

#include "dns/core/wire/rdata.h"
#include "dns/core/wire/wire.h"

namespace dns {

[[nodiscard]] constexpr std::optional<Rcode> meta_error(RrType type) {
  if (!is_meta(type) || type == RrType::any) return std::nullopt;
  return type == RrType::opt || type == RrType::nxname ? Rcode::formerr : Rcode::notimp;
}

}  // namespace dns
