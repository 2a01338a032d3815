#pragma once
// SRV answers (RFC 2782): the records of a DNS response as c-ares hands it over, with their TTL, which its own parser
// of this version drops. The bytes are a stranger's: names are expanded by c-ares, everything else is bounds-checked
// here, and a target that is no plain host name is left out. Pure function, any thread.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "shared/core/result.h"
#include "shared/core/time.h"

namespace shared {

struct SrvRecord {
  std::uint16_t priority = 0;  // the lowest is asked first
  std::uint16_t weight = 0;
  std::uint16_t port = 0;  // never 0
  std::string target;      // lower case, without the final dot; letters, digits, '-', '_' and '.' only

  auto operator<=>(const SrvRecord&) const = default;
};

struct SrvAnswer {
  std::vector<SrvRecord> records;  // sorted, each once, never empty
  seconds ttl{0};                  // the least of the answer's records, CNAMEs too

  bool operator==(const SrvAnswer&) const = default;
};

// An answer whose only target is "." says that the service is not offered: an error, like one without records.
[[nodiscard]] Result<SrvAnswer> parse_srv_answer(std::span<const std::uint8_t> message);

}  // namespace shared
