#include "dns/core/steer/geo.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dns {
namespace {

constexpr std::array<std::string_view, 7> kContinents = {"AF", "AN", "AS", "EU", "NA", "OC", "SA"};

bool valid_part(std::string_view part) {
  return !part.empty() && part.size() <= 3 &&
         std::ranges::all_of(part, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

// The table's segment around an address as a block of the given depth.
shared::Prefix block_of(const shared::IpAddress& address, std::uint8_t depth) { return {address.masked(depth), depth}; }

}  // namespace

shared::Result<GeoCode> GeoCode::parse(std::string_view text) {
  const std::string shown = "'" + std::string(text) + "'";
  const std::string form = ": a place is a continent, a country or a subdivision, such as EU, NA-US or NA-US-CA";
  std::size_t start = 0;
  unsigned parts = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find('-', start), text.size());
    if (!valid_part(text.substr(start, end - start))) return shared::fail(shown + form);
    if (parts == 1 && end - start != 2) return shared::fail(shown + form);
    start = end + 1;
    ++parts;
  }
  const std::string_view continent = text.substr(0, text.find('-'));
  if (std::ranges::find(kContinents, continent) == kContinents.end()) {
    return shared::fail(shown + " does not begin with a continent (AF, AN, AS, EU, NA, OC, SA)" + form);
  }
  GeoCode code;
  code.text_ = text;
  return code;
}

unsigned GeoCode::parts() const {
  return text_.empty() ? 0 : 1 + static_cast<unsigned>(std::ranges::count(text_, '-'));
}

bool GeoCode::contains(const GeoCode& other) const {
  if (text_.empty() || !other.text_.starts_with(text_)) return false;
  return other.text_.size() == text_.size() || other.text_[text_.size()] == '-';
}

GeoDatabase::GeoDatabase() : records_(1) {}

GeoDatabase::GeoDatabase(Source source, std::vector<GeoRecord> records, shared::PrefixTable ranges)
    : source_(std::move(source)), records_(std::move(records)), ranges_(std::move(ranges)) {}

GeoDatabase::Found GeoDatabase::lookup(const shared::IpAddress& address) const {
  const auto embedded = shared::embedded_ipv4(address);
  const shared::IpAddress& looked_up = embedded ? embedded->address : address;
  const shared::PrefixMatch match = ranges_.lookup(looked_up);
  return {GeoRecordId{match.value}, block_of(looked_up, match.depth)};
}

std::optional<std::string> GeoDatabase::why_never(const GeoCode& code) const {
  if (records_.size() <= 1) return "there is no geo database";
  unsigned finest = 0;
  for (const GeoRecord& record : records_) {
    if (code.contains(record.code)) return std::nullopt;
    finest = std::max(finest, record.code.parts());
  }
  if (finest == 0) return source_.file + " (" + source_.type + ") knows no places";
  if (finest < code.parts()) {
    return source_.file + " (" + source_.type + ") knows no " + (finest == 1 ? "countries" : "subdivisions");
  }
  // The same country on another continent is a likely slip.
  const std::string tail = code.parts() > 1 ? code.text().substr(code.text().find('-')) : std::string();
  for (const GeoRecord& record : records_) {
    const std::string& known = record.code.text();
    const std::size_t dash = known.find('-');
    if (tail.empty() || dash == std::string::npos) continue;
    const auto elsewhere = GeoCode::parse(known.substr(0, dash) + tail);
    if (elsewhere && elsewhere->contains(record.code)) return "did you mean " + elsewhere->text() + "?";
  }
  return source_.file + " (" + source_.type + ") has no such place";
}

}  // namespace dns
