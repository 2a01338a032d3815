// If-* fields, entity tags and dates: a tag that is read is in the list that it stands in, a date that is read is the
// one that is written. Lines of "Name: value", the first is the representation's tag.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/core/content/entity_tag.h"
#include "edge/core/content/preconditions.h"

namespace {

constexpr http::UnixSeconds kNow = 1764460800;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_value(std::string_view value) {
  if (const auto time = http::parse_date(value, kNow)) {
    if (*time > -62135596800 && *time < 253402300799)
      require(http::parse_date(http::write_date(*time).view(), kNow) == time);
  }
  if (const auto tag = edge::parse_entity_tag(value)) {
    require(edge::same_entity(*tag, *tag, edge::TagComparison::weak));
    require(edge::lists_entity(value, *tag, edge::TagComparison::weak));
    require(edge::lists_entity("\"a\", " + std::string(value), *tag, edge::TagComparison::weak));
    require(edge::lists_entity(value, *tag, edge::TagComparison::strong) == !tag->weak);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto next_line = [&text] {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    return line;
  };
  edge::Validators present;
  present.etag = next_line();
  present.last_modified = http::parse_date(next_line(), kNow);
  http::FieldList fields;
  while (!text.empty()) {
    const std::string_view line = next_line();
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !http::is_token(line.substr(0, colon))) continue;
    const std::string_view value = shared::trim(line.substr(colon + 1));
    check_value(value);
    if (!fields.push({.name = line.substr(0, colon), .value = value, .id = http::field_id(line.substr(0, colon))}))
      break;
  }
  using enum edge::Precondition;
  const auto get = check_preconditions(http::Method::get, fields, present, kNow);
  const auto put = check_preconditions(http::Method::put, fields, present, kNow);
  require(put != not_modified);
  require(get != failed || put == failed);
  if (fields.size() == 0) require(get == holds && range_condition_holds(fields, present, kNow));
  return 0;
}
