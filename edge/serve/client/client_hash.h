#pragma once
// client_hash(): of a client's address and port, for tables. Both are of the client's own making, so `seed` is to be
// one that it does not know. Pure, any thread.

#include <cstddef>
#include <cstdint>

#include "shared/core/hash.h"
#include "shared/core/ip.h"

namespace edge {

[[nodiscard]] inline std::size_t client_hash(std::uint64_t seed, const shared::Endpoint& at) {
  return shared::hash_bytes(seed + at.port, at.address.bytes);
}

}  // namespace edge
