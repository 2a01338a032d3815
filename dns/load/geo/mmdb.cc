#include "dns/load/geo/mmdb.h"

#include <maxminddb.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/load/geo/continents.h"
#include "shared/load/file.h"
#include "shared/load/mmdb_walk.h"

namespace dns {
namespace {

using shared::fail;
using shared::Result;

// Turns the data records of a file into GeoRecords, each once.
class Records {
 public:
  Records() : records_(1) { ids_.emplace(GeoRecord{}, 0); }

  // The id of what such a record says.
  std::uint32_t id_of(MMDB_entry_s entry) {
    GeoRecord record = read(entry);
    const auto [found, fresh] = ids_.try_emplace(record, static_cast<std::uint32_t>(records_.size()));
    if (fresh) records_.push_back(std::move(record));
    return found->second;
  }

  [[nodiscard]] std::vector<GeoRecord> take() && { return std::move(records_); }

  // What was passed over, by count: for a warning each.
  [[nodiscard]] std::vector<std::string> oddities() const {
    std::vector<std::string> told;
    const auto tell = [&told](const Oddity& oddity, const std::string& what) {
      if (oddity.count == 0) return;
      told.push_back(std::to_string(oddity.count) + " " + what + ", such as '" + oddity.example + "'");
    };
    tell(odd_codes_, "codes of places are none: they are passed over, what is coarser counts");
    tell(odd_systems_, "numbers of autonomous systems are none: they are passed over");
    return told;
  }

 private:
  using Path = shared::load::MmdbPath;

  static std::optional<MMDB_entry_data_s> value(MMDB_entry_s entry, const Path& path) {
    return shared::load::mmdb_value(entry, path);
  }
  static std::string text(MMDB_entry_s entry, const Path& path) { return shared::load::mmdb_text(entry, path); }

  // A number of whatever type: writers choose the widths as they like.
  static std::optional<double> number_of(const MMDB_entry_data_s& data) {
    switch (data.type) {
      case MMDB_DATA_TYPE_DOUBLE:
        return data.double_value;
      case MMDB_DATA_TYPE_FLOAT:
        return data.float_value;
      case MMDB_DATA_TYPE_INT32:
        return data.int32;
      case MMDB_DATA_TYPE_UINT16:
        return data.uint16;
      case MMDB_DATA_TYPE_UINT32:
        return data.uint32;
      case MMDB_DATA_TYPE_UINT64:
        return static_cast<double>(data.uint64);
      default:
        return std::nullopt;
    }
  }

  static std::optional<double> degrees(MMDB_entry_s entry, const Path& path, double limit) {
    const auto data = value(entry, path);
    const auto out = data ? number_of(*data) : std::nullopt;
    if (!out || !(*out >= -limit && *out <= limit)) return std::nullopt;  // NaN too
    return out;
  }

  GeoRecord read(MMDB_entry_s entry) {
    GeoRecord record;
    record.code = read_code(entry);
    const auto latitude = degrees(entry, {"location", "latitude", nullptr}, 90);
    const auto longitude = degrees(entry, {"location", "longitude", nullptr}, 180);
    if (latitude && longitude) record.location = Location{*latitude, *longitude};
    record.asn = asn_of(entry);
    return record;
  }

  // ASN and ISP layouts have it at the top, the Enterprise layout among the traits; `asn` may be "AS64500".
  std::uint32_t asn_of(MMDB_entry_s entry) {
    for (const Path& path : {Path{"autonomous_system_number", nullptr},
                             Path{"traits", "autonomous_system_number", nullptr}, Path{"asn", nullptr}}) {
      const auto data = value(entry, path);
      if (!data) continue;
      if (data->type == MMDB_DATA_TYPE_UTF8_STRING) {
        const std::string_view text(data->utf8_string, data->data_size);
        if (const auto asn = parse_asn(text); asn != 0) return asn;
        if (!text.empty()) note(odd_systems_, text);
        continue;
      }
      const auto number = number_of(*data);
      if (number && *number >= 0 && *number <= 0xFFFFFFFF && *number == std::floor(*number)) {
        return static_cast<std::uint32_t>(*number);
      }
      note(odd_systems_, number ? std::to_string(*number) : "no number");
    }
    return 0;
  }

  static std::uint32_t parse_asn(std::string_view text) {
    if (text.starts_with("AS") || text.starts_with("as")) text.remove_prefix(2);
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? number : 0;
  }

  // Upper case of a code of `least` to `most` characters; one that is none is noted and counts as absent.
  std::string code(std::string text, std::size_t least, std::size_t most) {
    if (text.empty()) return {};
    const bool fits = text.size() >= least && text.size() <= most;
    const bool plain = std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0 && c < 0x80; });
    if (!fits || !plain) {
      note(odd_codes_, text);
      return {};
    }
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
  }

  // The first of several layouts that has it: MaxMind's, and flat ones.
  std::string first_code(MMDB_entry_s entry, std::initializer_list<Path> paths) {
    for (const Path& path : paths) {
      if (auto found = code(text(entry, path), 2, 2); !found.empty()) return found;
    }
    return {};
  }

  // By meaning: where a network is, else where it is registered; of a country alone the continent is known. A finer
  // part without the one before it says nothing.
  GeoCode read_code(MMDB_entry_s entry) {
    std::string continent = first_code(
        entry, {Path{"continent", "code", nullptr}, Path{"continent_code", nullptr}, Path{"continent", nullptr}});
    if (!continent.empty() && !GeoCode::parse(continent)) note(odd_codes_, std::exchange(continent, ""));
    std::string country = first_code(
        entry, {Path{"country", "iso_code", nullptr}, Path{"country_code", nullptr}, Path{"country", nullptr}});
    const bool located = !country.empty();
    if (!located && continent.empty()) country = first_code(entry, {Path{"registered_country", "iso_code", nullptr}});
    if (continent.empty()) continent = continent_of(country);
    if (continent.empty()) {
      if (!country.empty()) note(odd_codes_, country);
      return {};
    }
    std::string whole = continent;
    if (!country.empty()) whole += "-" + country;
    for (const char* which : {"0", "1"}) {
      if (!located) break;
      const std::string part = code(text(entry, {"subdivisions", which, "iso_code", nullptr}), 1, 3);
      if (part.empty()) break;
      whole += "-" + part;
    }
    return GeoCode::parse(whole).value_or(GeoCode{});
  }

  struct Oddity {
    std::size_t count = 0;
    std::string example;
  };
  static void note(Oddity& oddity, std::string_view what) {
    if (oddity.count++ == 0) oddity.example = what;
  }

  std::vector<GeoRecord> records_;
  std::map<GeoRecord, std::uint32_t> ids_;
  Oddity odd_codes_;
  Oddity odd_systems_;
};

Result<std::shared_ptr<const GeoDatabase>> read_all(std::span<const std::uint8_t> bytes, const std::string& name) {
  Records records;
  shared::PrefixTableBuilder ranges(0);
  const auto type = shared::load::walk_mmdb(
      bytes, {.id_of = [&](MMDB_entry_s entry) { return records.id_of(entry); },
              .network = [&](const shared::Prefix& network, std::uint32_t id) { ranges.add(network, id); }});
  if (!type) return tl::unexpected(type.error());
  auto oddities = records.oddities();
  auto list = std::move(records).take();
  if (list.size() == 1) {
    return fail("no network in it (type '" + *type +
                "') has a continent, a country, a location or an autonomous system: not a geo database");
  }
  return std::make_shared<const GeoDatabase>(GeoDatabase::Source{name, *type, std::move(oddities)}, std::move(list),
                                             std::move(ranges).finish());
}

}  // namespace

Result<std::shared_ptr<const GeoDatabase>> read_mmdb(std::span<const std::uint8_t> bytes, const std::string& name) {
  auto database = read_all(bytes, name);
  if (!database) return fail("geo database " + name + ": " + database.error().message);
  return database;
}

Result<std::shared_ptr<const GeoDatabase>> load_mmdb(const std::string& path) {
  const auto text = shared::load::read_file(path);
  if (!text) return fail("geo database " + path + ": cannot read it: " + text.error().message);
  return read_mmdb({reinterpret_cast<const std::uint8_t*>(text->data()), text->size()}, path);
}

}  // namespace dns
