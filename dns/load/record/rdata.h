#pragma once
// Record data from text to the wire, one record at a time: by its type's fields, or `\# LENGTH HEX` (RFC 3597), which
// for a type that is known must be what its fields say. One parser, one thread.

#include <cstdint>
#include <span>
#include <vector>

#include "dns/load/record/master_reader.h"
#include "dns/load/record/rdata_fields.h"
#include "dns/load/record/rdata_types.h"
#include "shared/core/result.h"

namespace dns {

class RdataParser {
 public:
  // What relative names in the data are completed with: a name in wire format, no pointers.
  void set_origin(std::span<const std::uint8_t> name) { origin_.assign(name.begin(), name.end()); }

  // Uncompressed wire data, valid until the next call. `tokens` is what follows the type in the file.
  [[nodiscard]] shared::Result<std::span<const std::uint8_t>> parse(std::uint16_t type,
                                                                    std::span<const MasterToken> tokens);
  // Of what was parsed last: a name that was not written in ASCII; empty: there is none.
  [[nodiscard]] std::string_view raw_name() const { return raw_name_; }

 private:
  std::vector<std::uint8_t> origin_{0};
  std::vector<std::uint8_t> wire_;
  std::string_view raw_name_;
};

}  // namespace dns
