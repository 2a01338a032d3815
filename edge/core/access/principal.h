#pragma once
// Principal: who asks, once that has been shown: for the log, for servers, for limits. Immutable; shared by the
// requests that have shown it and a worker's memory of it. Any thread.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/core/message/header_rules.h"
#include "edge/core/message/tier.h"

namespace edge {

// Seconds since 1970, as tokens count.
using UnixTime = std::int64_t;

struct Principal {
  std::string subject;                          // "alice"
  std::vector<HeaderRules::Appended> fields{};  // towards servers
  std::optional<TierId> tier{};
  // What has shown it is good within these, leeway included.
  UnixTime not_before = std::numeric_limits<UnixTime>::min();
  UnixTime expires = std::numeric_limits<UnixTime>::max();
  // Of a token: who has signed it (`iss`), and those claims that limits count by.
  std::string issuer{};
  std::vector<std::pair<std::string, std::string>> claims{};

  // Empty: it has none.
  [[nodiscard]] std::string_view claim(std::string_view name) const {
    for (const auto& [claim, value] : claims) {
      if (claim == name) return value;
    }
    return {};
  }
};

}  // namespace edge
