#pragma once
// Who this server is, for those who ask in class CH (RFC 4892): id.server. and hostname.bind. say the configured NSID,
// version.bind. and version.server. the configured version. Pure, any thread.

#include <cstdint>
#include <span>

#include "dns/core/answer/snapshot.h"
#include "dns/core/wire/name.h"

namespace dns {

inline constexpr std::size_t kMaxChaosRecord = 2 + kRrFixedSize + 1 + 255;  // one character-string

// The TXT record with the owner as C0 0C, written to `out`; empty: the name is none of these, or says nothing.
[[nodiscard]] std::span<const std::uint8_t> chaos_record(const Identity& identity, NameSpan name,
                                                         std::span<std::uint8_t, kMaxChaosRecord> out);

}  // namespace dns
