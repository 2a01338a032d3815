#pragma once
// The quick way for the line that nearly all records of a large zone are: `name [ttl] [IN] A|AAAA address`, nothing
// else on it, no escapes, no parentheses. What is not exactly of this shape, errors included, is left to MasterReader
// and RdataParser, which mean the same by it. A pure function; any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dns/core/wire/name.h"

namespace dns {

struct PlainRecord {
  std::array<std::uint8_t, kMaxNameSize> owner_bytes;
  std::size_t owner_size = 0;
  std::optional<std::uint32_t> ttl;
  bool ipv6 = false;
  std::array<std::uint8_t, 16> address;

  [[nodiscard]] NameSpan owner() const { return {owner_bytes.data(), owner_size}; }
  [[nodiscard]] std::span<const std::uint8_t> rdata() const { return {address.data(), ipv6 ? 16U : 4U}; }
};

// `line` without its newline; a relative owner is completed with `origin` (wire form). False: read it the long way;
// `out` is then undefined.
[[nodiscard]] bool read_plain_record(std::string_view line, NameSpan origin, PlainRecord& out);

}  // namespace dns
