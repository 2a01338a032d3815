#pragma once
// GeoDatabase: where an address is, as flat tables: prefix ranges -> location record. Read once from a file by
// dns/load/geo/mmdb.h, immutable, shared by the policies compiled from it; never looked into on the answer path (but
// for `explain`). Places are named by codes that read from the large to the small: EU, NA-US, NA-US-CA. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/core/health/region.h"
#include "shared/core/prefix_table.h"
#include "shared/core/result.h"

namespace dns {

// A place: continent, country and subdivisions, joined by '-'. Parts are 1 to 3 of A-Z 0-9; the continent is one of
// AF AN AS EU NA OC SA.
class GeoCode {
 public:
  GeoCode() = default;  // nowhere: matches nothing, is contained in nothing
  [[nodiscard]] static shared::Result<GeoCode> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] unsigned parts() const;  // 0..: how specific it is
  // NA contains NA, NA-US and NA-US-CA.
  [[nodiscard]] bool contains(const GeoCode& other) const;

  auto operator<=>(const GeoCode&) const = default;

 private:
  std::string text_;
};

struct GeoRecord {
  GeoCode code;  // may be empty: an ASN database, a network that is nowhere
  std::optional<Location> location;
  std::uint32_t asn = 0;   // autonomous system; 0: not said
  bool corrected = false;  // by a row of the operator's (dns/core/steer/correction.h)
  auto operator<=>(const GeoRecord&) const = default;
};

enum class GeoRecordId : std::uint32_t {};
inline constexpr GeoRecordId kNoGeoRecord{0};  // addresses that the database does not hold

class GeoDatabase {
 public:
  struct Source {
    std::string file;                     // as the configuration names it
    std::string type;                     // "GeoLite2-City" and the like
    std::vector<std::string> oddities{};  // what was passed over when it was read
  };

  // No database: every address has kNoGeoRecord.
  GeoDatabase();
  // REQUIRES: records[0] is the empty record; the table's values are indices into `records`.
  GeoDatabase(Source source, std::vector<GeoRecord> records, shared::PrefixTable ranges);

  struct Found {
    GeoRecordId id{};
    shared::Prefix block;  // the largest one around the address whose record is the same
  };
  // An IPv6 address that embeds an IPv4 one is looked up as that; the block is then of IPv4.
  [[nodiscard]] Found lookup(const shared::IpAddress& address) const;

  [[nodiscard]] const GeoRecord& record(GeoRecordId id) const { return records_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const std::vector<GeoRecord>& records() const { return records_; }
  [[nodiscard]] const shared::PrefixTable& ranges() const { return ranges_; }
  [[nodiscard]] const Source& source() const { return source_; }

  // Why a row for `code` can never match here ("the database has no subdivisions"), or nothing if it can.
  [[nodiscard]] std::optional<std::string> why_never(const GeoCode& code) const;

 private:
  Source source_;
  std::vector<GeoRecord> records_;
  shared::PrefixTable ranges_;
};

}  // namespace dns
