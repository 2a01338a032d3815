// Range: whatever is asked for, the ranges of the answer lie within the representation, do not touch one another, and
// are no more than the representation together. The first line is the size, the rest the field.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "edge/core/content/byte_ranges.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::uint64_t size_of(std::string_view digits) {
  std::uint64_t size = 0;
  for (const char c : digits.substr(0, 15)) size = size * 10 + static_cast<unsigned char>(c) % 10;
  return size;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::uint64_t octets = size_of(text.substr(0, line));
  const edge::RangeRuling ruling = edge::rule_ranges(text.substr(line + 1), octets);
  require((ruling.kind == edge::RangeRuling::Kind::partial) == (ruling.count > 0));
  std::uint64_t sum = 0;
  for (const edge::ByteRange& range : ruling.all()) {
    require(range.begin < range.end && range.end <= octets);
    sum += range.size();
    for (const edge::ByteRange& other : ruling.all()) {
      require(&other == &range || other.end < range.begin || range.end < other.begin);
    }
  }
  require(sum <= octets);
  const edge::MultipartRanges frame({.boundary = "b", .content_type = "text/plain", .size = octets});
  require(frame.length(ruling.all()) >= sum);
  return 0;
}
