#pragma once
// request_key(): the part of a request that hashing pools go by, as a number that is the same on every edge. Pure
// function, any thread.

#include <cstdint>
#include <string_view>

#include "edge/core/pool/pool.h"
#include "shared/core/ip.h"
#include "shared/http/fields.h"

namespace edge {

struct KeySource {
  const shared::IpAddress& client;
  const http::FieldList& fields;
  std::string_view path;  // normalised
};

// Without the header or cookie the client decides. An IPv6 client is its /64: it changes its lower half at will.
// 0 for pools that do not hash.
[[nodiscard]] std::uint64_t request_key(const Pool& pool, const KeySource& source);

}  // namespace edge
