#pragma once
// Record data from text to the wire, by ldns, one record at a time: nothing of ldns's outlives a call. Checks what
// ldns 1.8.3 lets pass: numbers that do not fit their field, repeated SvcParamKeys. One parser, one thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dns/load/master_reader.h"
#include "shared/core/result.h"

namespace dns {

// "MX", "TYPE65400" (RFC 3597), in any case; nothing for what is no type's name.
[[nodiscard]] std::optional<std::uint16_t> type_from_text(std::string_view text);
[[nodiscard]] std::string type_to_text(std::uint16_t type);

// "3600", "1h30m": seconds, with the units s m h d w in any case; nothing if it is no time.
[[nodiscard]] std::optional<std::uint64_t> parse_ttl(std::string_view text);

class RdataParser {
 public:
  RdataParser();
  ~RdataParser();
  RdataParser(const RdataParser&) = delete;
  RdataParser& operator=(const RdataParser&) = delete;

  // What relative names in the data are completed with: a name in wire format, no pointers.
  void set_origin(std::span<const std::uint8_t> name);

  // Uncompressed wire data, valid until the next call. `tokens` is what follows the type in the file.
  [[nodiscard]] shared::Result<std::span<const std::uint8_t>> parse(std::uint16_t type,
                                                                    std::span<const MasterToken> tokens);

 private:
  struct Ldns;

  [[nodiscard]] shared::Result<std::span<const std::uint8_t>> parse_with_ldns(std::uint16_t type);

  std::unique_ptr<Ldns> ldns_;
  std::string text_;  // one record as ldns reads it
  std::vector<std::uint8_t> wire_;
};

}  // namespace dns
