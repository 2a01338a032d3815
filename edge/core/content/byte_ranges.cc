#include "edge/core/content/byte_ranges.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "shared/core/ascii.h"

namespace edge {
namespace {

// Digits only; a number too large for 64 bits is as good as the largest.
std::optional<std::uint64_t> position(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, shared::is_digit)) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return std::numeric_limits<std::uint64_t>::max();
  return value;
}

enum class Spec : std::uint8_t { satisfiable, unsatisfiable, malformed };

// "0-499", "500-", "-200"
Spec read_spec(std::string_view text, std::uint64_t size, ByteRange& range) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return Spec::malformed;
  const std::string_view last_text = text.substr(dash + 1);
  const auto last = position(last_text);
  if (!last && !last_text.empty()) return Spec::malformed;
  if (dash == 0) {
    if (!last) return Spec::malformed;
    range = {.begin = size - std::min(size, *last), .end = size};
    return *last == 0 ? Spec::unsatisfiable : Spec::satisfiable;
  }
  const auto first = position(text.substr(0, dash));
  if (!first || (last && *last < *first)) return Spec::malformed;
  if (*first >= size) return Spec::unsatisfiable;
  range = {.begin = *first, .end = last && *last < size ? *last + 1 : size};
  return Spec::satisfiable;
}

bool near(const ByteRange& a, const ByteRange& b) {
  return a.begin <= b.end + RangeRuling::kGap && b.begin <= a.end + RangeRuling::kGap;
}

// Adds a range; those that it touches become one with it, in the place of the first of them.
void add(RangeRuling& ruling, ByteRange range) {
  std::size_t place = ruling.count;
  for (std::size_t i = 0; i < ruling.count;) {
    ByteRange& other = ruling.ranges[i];
    if (i == place || !near(other, range)) {
      ++i;
      continue;
    }
    range = {.begin = std::min(other.begin, range.begin), .end = std::max(other.end, range.end)};
    if (place == ruling.count) {
      place = i;
    } else {
      std::copy(ruling.ranges.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                ruling.ranges.begin() + static_cast<std::ptrdiff_t>(ruling.count),
                ruling.ranges.begin() + static_cast<std::ptrdiff_t>(i));
      --ruling.count;
      if (i < place) --place;
    }
    i = 0;  // grown, it may touch those that it did not before
  }
  if (place == ruling.count) ++ruling.count;
  ruling.ranges[place] = range;
}

constexpr std::string_view kUnit = "bytes";

}  // namespace

RangeRuling rule_ranges(std::string_view field, std::uint64_t size) {
  RangeRuling ruling;
  const std::size_t equals = field.find('=');
  if (equals == std::string_view::npos || !shared::equals_ignoring_case(field.substr(0, equals), kUnit)) return ruling;
  std::size_t asked = 0;
  bool malformed = false;
  http::for_each_element(field.substr(equals + 1), [&](std::string_view element) {
    ByteRange range;
    const Spec spec = ++asked > RangeRuling::kMaxRanges ? Spec::malformed : read_spec(element, size, range);
    if (spec == Spec::malformed) malformed = true;
    if (spec == Spec::satisfiable && !malformed) add(ruling, range);
  });
  // The suffix of nothing is nothing, which no Content-Range can say: the whole is the same.
  if (malformed || asked == 0 || (ruling.count > 0 && size == 0)) return {};
  ruling.kind = ruling.count == 0 ? RangeRuling::Kind::unsatisfiable : RangeRuling::Kind::partial;
  return ruling;
}

RangeRuling rule_ranges(http::Method method, const http::FieldList& fields, std::uint64_t size) {
  if (method != http::Method::get || fields.count(http::FieldId::range) != 1) return {};
  return rule_ranges(fields.find(http::FieldId::range)->value, size);
}

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.begin) + "-" + std::to_string(range.end - 1) + "/" + std::to_string(size);
}

std::string unsatisfied_range(std::uint64_t size) { return "bytes */" + std::to_string(size); }

std::string MultipartRanges::content_type() const {
  return "multipart/byteranges; boundary=" + std::string(of_.boundary);
}

std::string MultipartRanges::part_head(const ByteRange& range) const {
  std::string head("\r\n--");
  head.append(of_.boundary).append("\r\n");
  if (!of_.content_type.empty()) head.append("Content-Type: ").append(of_.content_type).append("\r\n");
  return head.append("Content-Range: ").append(content_range(range, of_.size)).append("\r\n\r\n");
}

std::string MultipartRanges::end() const { return "\r\n--" + std::string(of_.boundary) + "--\r\n"; }

std::uint64_t MultipartRanges::length(std::span<const ByteRange> ranges) const {
  std::uint64_t length = end().size();
  for (const ByteRange& range : ranges) length += part_head(range).size() + range.size();
  return length;
}

}  // namespace edge
