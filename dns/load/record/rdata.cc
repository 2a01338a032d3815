#include "dns/load/record/rdata.h"

#include <string>
#include <utility>

#include "dns/load/record/rdata_wire.h"

namespace dns {

using shared::fail;
using shared::Result;

namespace {

constexpr std::string_view kUnknownMarker = "\\#";  // RFC 3597 section 5

// The length, and words of an even number of hexadecimal digits.
Result<void> read_unknown(FieldReader& reader) {
  const auto length = reader.take_number(0xFFFF);
  if (!length) return tl::unexpected(length.error());
  while (!reader.at_end()) {
    const auto word = reader.take_word();
    if (!word) return tl::unexpected(word.error());
    const auto octets = decode_hex(*word);
    if (!octets) return fail(quoted(*word) + " is not an even number of hexadecimal digits");
    reader.put(*octets);
  }
  const std::size_t size = reader.out().size();
  if (size == *length) return {};
  return fail("\\# says " + std::to_string(*length) + " octets, but " + std::to_string(size) + " follow");
}

Result<void> read_known(FieldReader& reader, const RdataType& type) {
  for (const Field field : type.fields) {
    if (field == Field::end) break;
    if (auto read = reader.read(field); !read) return read;
  }
  return reader.end();
}

}  // namespace

Result<std::span<const std::uint8_t>> RdataParser::parse(std::uint16_t type, std::span<const MasterToken> tokens) {
  wire_.clear();
  FieldReader reader(tokens, origin_, wire_);
  const RdataType* const known = find_rdata_type(type);
  if (!tokens.empty() && !tokens[0].quoted && tokens[0].text == kUnknownMarker) {
    reader.skip();
    if (auto read = read_unknown(reader); !read) return tl::unexpected(read.error());
  } else if (known != nullptr) {
    if (auto read = read_known(reader, *known); !read) return tl::unexpected(read.error());
  } else {
    return fail("the data of a type without a name is written as \\# LENGTH HEX (RFC 3597)");
  }
  raw_name_ = reader.raw_name();
  if (known != nullptr) {
    if (auto problem = wire_problem(*known, wire_)) return fail(std::move(*problem));
  }
  if (wire_.size() > 0xFFFF) return fail("the data is longer than 65535 octets");
  return std::span<const std::uint8_t>(wire_);
}

}  // namespace dns
