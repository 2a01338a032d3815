#include "dns/load/geo/mmdb.h"

#include <fcntl.h>
#include <maxminddb.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dns/load/geo/continents.h"
#include "dns/load/geo/mmdb_value.h"
#include "shared/load/file.h"

namespace dns {
namespace {

using shared::fail;
using shared::Result;

// libmaxminddb reads by memory-mapping a path: give it a private copy in memory that nobody can change.
class SealedCopy {
 public:
  explicit SealedCopy(std::span<const std::uint8_t> bytes)
      : fd_(memfd_create("mmdb", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    std::size_t done = 0;
    while (fd_ >= 0 && done < bytes.size()) {
      const ssize_t n = ::write(fd_, bytes.data() + done, bytes.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return;
      done += static_cast<std::size_t>(n);
    }
    complete_ = fd_ >= 0 && fcntl(fd_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0;
  }
  ~SealedCopy() {
    if (fd_ >= 0) ::close(fd_);
  }
  SealedCopy(const SealedCopy&) = delete;
  SealedCopy& operator=(const SealedCopy&) = delete;

  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
  bool complete_ = false;
};

class OpenDatabase {
 public:
  OpenDatabase() = default;
  ~OpenDatabase() {
    if (open_) MMDB_close(&mmdb_);
  }
  OpenDatabase(const OpenDatabase&) = delete;
  OpenDatabase& operator=(const OpenDatabase&) = delete;

  [[nodiscard]] int open(const std::string& path) {
    const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &mmdb_);
    open_ = status == MMDB_SUCCESS;
    return status;
  }
  [[nodiscard]] const MMDB_s& get() const { return mmdb_; }

 private:
  MMDB_s mmdb_{};
  bool open_ = false;
};

// Turns the data records of a file into GeoRecords, each once.
class Records {
 public:
  explicit Records(const MMDB_s& mmdb) : mmdb_(mmdb), records_(1) { ids_.emplace(GeoRecord{}, 0); }

  // The id of the record at this place of the data section.
  Result<std::uint32_t> id_of(MMDB_entry_s entry) {
    const auto known = by_offset_.find(entry.offset);
    if (known != by_offset_.end()) return known->second;
    if (!mmdb_value_is_sound({mmdb_.data_section, mmdb_.data_section_size}, entry.offset)) {
      return fail("the record at data offset " + std::to_string(entry.offset) + " is corrupt");
    }
    GeoRecord record = read(entry);
    const auto [found, fresh] = ids_.try_emplace(record, static_cast<std::uint32_t>(records_.size()));
    if (fresh) records_.push_back(std::move(record));
    by_offset_.emplace(entry.offset, found->second);
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
  using Path = std::array<const char*, 4>;  // null-terminated

  // Nothing if the record does not have it, or has something else there.
  std::optional<MMDB_entry_data_s> value(MMDB_entry_s entry, const Path& path) const {
    MMDB_entry_data_s data{};
    const int status = MMDB_aget_value(&entry, &data, path.data());
    if (status != MMDB_SUCCESS || !data.has_data) return std::nullopt;
    return data;
  }
  std::string text(MMDB_entry_s entry, const Path& path) const {
    const auto data = value(entry, path);
    if (!data || data->type != MMDB_DATA_TYPE_UTF8_STRING) return {};
    return {data->utf8_string, data->data_size};
  }

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

  std::optional<double> degrees(MMDB_entry_s entry, const Path& path, double limit) const {
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

  const MMDB_s& mmdb_;
  std::vector<GeoRecord> records_;
  std::map<GeoRecord, std::uint32_t> ids_;
  std::unordered_map<std::uint32_t, std::uint32_t> by_offset_;
  Oddity odd_codes_;
  Oddity odd_systems_;
};

// Walks the search tree depth first, the zero branch before the one branch: the networks come in ascending order.
class TreeWalk {
 public:
  TreeWalk(const MMDB_s& mmdb, Records& records, shared::PrefixTableBuilder& out)
      : mmdb_(mmdb), records_(records), out_(out), bits_(mmdb.metadata.ip_version == 6 ? 128 : 32) {}

  Result<void> run() {
    const shared::Family family = bits_ == 128 ? shared::Family::ipv6 : shared::Family::ipv4;
    pending_.push_back({MMDB_RECORD_TYPE_SEARCH_NODE, 0, {}, 0, {family, {}}});
    // Each node of a tree is reached once; a few files share branches. More than that is a file that never ends.
    std::uint64_t budget = 8 * std::uint64_t{mmdb_.metadata.node_count} + 1024;
    while (!pending_.empty()) {
      if (budget-- == 0) return fail("its search tree reaches the same nodes over and over");
      const Branch branch = pending_.back();
      pending_.pop_back();
      if (auto result = visit(branch); !result) return result;
    }
    return {};
  }

 private:
  struct Branch {
    std::uint8_t type;  // MMDB_RECORD_TYPE_...
    std::uint32_t node;
    MMDB_entry_s entry;
    unsigned depth;  // bits decided on the way here
    shared::IpAddress address;
  };

  Result<void> visit(const Branch& branch) {
    switch (branch.type) {
      case MMDB_RECORD_TYPE_EMPTY:
        return {};
      case MMDB_RECORD_TYPE_SEARCH_NODE:
        return is_alias(branch) ? Result<void>{} : push_children(branch);
      case MMDB_RECORD_TYPE_DATA: {
        const auto id = records_.id_of(branch.entry);
        if (!id) return tl::unexpected(id.error());
        emit(branch, *id);
        return {};
      }
      default:
        return fail("its search tree points outside the file");
    }
  }

  Result<void> push_children(const Branch& parent) {
    if (parent.depth >= bits_) return fail("its search tree is deeper than an address: a cycle");
    MMDB_search_node_s node{};
    if (MMDB_read_node(&mmdb_, parent.node, &node) != MMDB_SUCCESS) {
      return fail("node " + std::to_string(parent.node) + " of its search tree is unreadable");
    }
    shared::IpAddress right = parent.address;
    right.bytes[parent.depth / 8] |= static_cast<std::uint8_t>(0x80 >> (parent.depth % 8));
    const auto right_node = static_cast<std::uint32_t>(node.right_record);
    const auto left_node = static_cast<std::uint32_t>(node.left_record);
    // The left one is taken first.
    pending_.push_back({node.right_record_type, right_node, node.right_record_entry, parent.depth + 1, right});
    pending_.push_back({node.left_record_type, left_node, node.left_record_entry, parent.depth + 1, parent.address});
    return {};
  }

  [[nodiscard]] static bool all_zero(const Branch& branch, std::size_t bytes) {
    return std::all_of(branch.address.bytes.begin(), branch.address.bytes.begin() + static_cast<std::ptrdiff_t>(bytes),
                       [](std::uint8_t byte) { return byte == 0; });
  }

  // ::ffff:0:0/96, 2002::/16 and the like lead to the IPv4 networks of ::/96; those addresses are looked up as IPv4.
  [[nodiscard]] bool is_alias(const Branch& branch) const {
    const auto& ipv4 = mmdb_.ipv4_start_node;
    if (bits_ != 128 || ipv4.netmask != 96 || branch.node != ipv4.node_value) return false;
    return !(branch.depth == 96 && all_zero(branch, 12));
  }

  void emit(const Branch& branch, std::uint32_t id) {
    const auto depth = static_cast<std::uint8_t>(branch.depth);
    if (bits_ == 32) return emit_v4(branch.address.bytes.data(), depth, id);
    if (branch.depth >= 96 && all_zero(branch, 12)) {
      return emit_v4(branch.address.bytes.data() + 12, static_cast<std::uint8_t>(branch.depth - 96), id);
    }
    if (all_zero(branch, 16)) emit_v4(branch.address.bytes.data(), 0, id);  // covers ::/96, hence all of IPv4
    out_.add({branch.address, depth}, id);
  }

  void emit_v4(const std::uint8_t* bytes, std::uint8_t depth, std::uint32_t id) {
    shared::IpAddress address;
    std::copy_n(bytes, 4, address.bytes.begin());
    out_.add({address, depth}, id);
  }

  const MMDB_s& mmdb_;
  Records& records_;
  shared::PrefixTableBuilder& out_;
  unsigned bits_;
  std::vector<Branch> pending_;
};

Result<void> check_metadata(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return fail("the file is empty");
  switch (check_mmdb_metadata(bytes)) {
    case MmdbMetadata::missing:
      return fail("no MaxMind DB metadata at its end: another kind of file, or a truncated one");
    case MmdbMetadata::unsound:
      return fail("its metadata are corrupt");
    case MmdbMetadata::sound:
      return {};
  }
  return {};
}

Result<void> check_opened(const MMDB_s& mmdb) {
  const auto& metadata = mmdb.metadata;
  if (metadata.ip_version != 4 && metadata.ip_version != 6) {
    return fail("its IP version is " + std::to_string(metadata.ip_version) + ", not 4 or 6");
  }
  if (metadata.node_count == 0) return fail("its search tree has no nodes");
  return {};
}

Result<std::shared_ptr<const GeoDatabase>> read_all(std::span<const std::uint8_t> bytes, const std::string& name) {
  if (auto sound = check_metadata(bytes); !sound) return tl::unexpected(sound.error());
  const SealedCopy copy(bytes);
  if (!copy.complete()) return fail(std::string("no memory for a copy of it: ") + std::strerror(errno));
  OpenDatabase database;
  const int status = database.open(copy.path());
  if (status != MMDB_SUCCESS) return fail(std::string(MMDB_strerror(status)) + " (truncated or corrupt?)");
  const MMDB_s& mmdb = database.get();
  if (auto usable = check_opened(mmdb); !usable) return tl::unexpected(usable.error());

  Records records(mmdb);
  shared::PrefixTableBuilder ranges(0);
  if (auto walked = TreeWalk(mmdb, records, ranges).run(); !walked) return tl::unexpected(walked.error());
  auto oddities = records.oddities();
  auto list = std::move(records).take();
  const std::string type = mmdb.metadata.database_type == nullptr ? "" : mmdb.metadata.database_type;
  if (list.size() == 1) {
    return fail("no network in it (type '" + type +
                "') has a continent, a country, a location or an autonomous system: not a geo database");
  }
  return std::make_shared<const GeoDatabase>(GeoDatabase::Source{name, type, std::move(oddities)}, std::move(list),
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
