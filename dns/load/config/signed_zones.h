#pragma once
// SignedZones: what becomes of a zone whose file has DNSSEC signatures, which we do not give with answers. A word of
// the configuration, any thread.

#include <cstdint>

namespace dns {

enum class SignedZones : std::uint8_t { refuse, warn };

}  // namespace dns
