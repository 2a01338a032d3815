#pragma once
// ScaleMessage: what is told of how many servers a pool shall have: a line of JSON, and the signature that a receiver
// verifies. A count, and no change of one: whoever hears it twice, or in the wrong order, does no harm that the next
// one does not mend. Pure; control loop.
//
//   {"version":1,"service":"shop","region":"eu","edge":"203.0.113.31","pool":"api","desired":7,"servers":5,"serving":5,
//    "min":3,"max":20,"mode":"on","reason":"cpu 84 %, target 70 %","decided":1764460800}

#include <cstdint>
#include <string>
#include <string_view>

#include "edge/core/scale/scale_settings.h"
#include "edge/core/snapshot/snapshot.h"

namespace edge {

struct ScaleMessage {
  Identity from;
  std::string pool;
  std::uint32_t desired = 0;
  std::uint32_t servers = 0;
  std::uint32_t serving = 0;
  ScaleSettings settings;
  std::string reason;
  std::int64_t decided = 0;  // seconds since 1970
};

[[nodiscard]] std::string_view name_of(ScaleMode mode);  // "dry_run", "on"
[[nodiscard]] std::string write(const ScaleMessage& message);

// HMAC-SHA256 (RFC 2104) of "TIMESTAMP.BODY" in lower-case hexadecimal: the value of X-Meridian-Signature.
[[nodiscard]] std::string sign(std::string_view key, std::string_view timestamp, std::string_view body);

}  // namespace edge
