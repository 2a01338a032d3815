#include "shared/load/mmdb_walk.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "shared/load/mmdb_value.h"

namespace shared::load {
namespace {

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

// Walks the search tree depth first, the zero branch before the one branch: the networks come in ascending order.
class TreeWalk {
 public:
  TreeWalk(const MMDB_s& mmdb, const MmdbReader& reader)
      : mmdb_(mmdb), reader_(reader), bits_(mmdb.metadata.ip_version == 6 ? 128 : 32) {}

  Result<void> run() {
    const Family family = bits_ == 128 ? Family::ipv6 : Family::ipv4;
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
    IpAddress address;
  };

  Result<void> visit(const Branch& branch) {
    switch (branch.type) {
      case MMDB_RECORD_TYPE_EMPTY:
        return {};
      case MMDB_RECORD_TYPE_SEARCH_NODE:
        return is_alias(branch) ? Result<void>{} : push_children(branch);
      case MMDB_RECORD_TYPE_DATA: {
        const auto id = id_of(branch.entry);
        if (!id) return tl::unexpected(id.error());
        emit(branch, *id);
        return {};
      }
      default:
        return fail("its search tree points outside the file");
    }
  }

  // What was made of the record at this place of the data section.
  Result<std::uint32_t> id_of(MMDB_entry_s entry) {
    const auto known = ids_.find(entry.offset);
    if (known != ids_.end()) return known->second;
    const unsigned parts = mmdb_parts_of({mmdb_.data_section, mmdb_.data_section_size}, entry.offset);
    if (parts == 0) return fail("the record at data offset " + std::to_string(entry.offset) + " is corrupt");
    // Records share parts by pointers, some dozens each. A million records of one huge part would take an hour.
    parts_ += parts;
    if (parts_ > kFreeParts + kPartsOfOctet * mmdb_.data_section_size) {
      return fail("its records are made of the same parts over and over");
    }
    return ids_.emplace(entry.offset, reader_.id_of(entry)).first->second;
  }

  Result<void> push_children(const Branch& parent) {
    if (parent.depth >= bits_) return fail("its search tree is deeper than an address: a cycle");
    MMDB_search_node_s node{};
    if (MMDB_read_node(&mmdb_, parent.node, &node) != MMDB_SUCCESS) {
      return fail("node " + std::to_string(parent.node) + " of its search tree is unreadable");
    }
    IpAddress right = parent.address;
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
    reader_.network({branch.address, depth}, id);
  }

  void emit_v4(const std::uint8_t* bytes, std::uint8_t depth, std::uint32_t id) {
    IpAddress address;
    std::copy_n(bytes, 4, address.bytes.begin());
    reader_.network({address, depth}, id);
  }

  static constexpr std::uint64_t kFreeParts = 1 << 20;
  static constexpr std::uint64_t kPartsOfOctet = 64;

  const MMDB_s& mmdb_;
  const MmdbReader& reader_;
  unsigned bits_;
  std::uint64_t parts_ = 0;                               // of the records so far
  std::unordered_map<std::uint32_t, std::uint32_t> ids_;  // by offset in the data section
  std::vector<Branch> pending_;
};

Result<void> check_metadata(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return fail("the file is empty");
  switch (check_mmdb_metadata(bytes)) {
    case MmdbMetadata::missing:
      return fail("no MaxMind DB metadata at its end: another kind of file, or a truncated one");
    case MmdbMetadata::unsound:
      return fail("its metadata are corrupt");
    case MmdbMetadata::tree_too_large:
      return fail("its search tree has more nodes than the file holds");
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

}  // namespace

std::optional<MMDB_entry_data_s> mmdb_value(MMDB_entry_s entry, const MmdbPath& path) {
  MMDB_entry_data_s data{};
  const int status = MMDB_aget_value(&entry, &data, path.data());
  if (status != MMDB_SUCCESS || !data.has_data) return std::nullopt;
  return data;
}

std::string mmdb_text(MMDB_entry_s entry, const MmdbPath& path) {
  const auto data = mmdb_value(entry, path);
  if (!data || data->type != MMDB_DATA_TYPE_UTF8_STRING) return {};
  return {data->utf8_string, data->data_size};
}

Result<std::string> walk_mmdb(std::span<const std::uint8_t> bytes, const MmdbReader& reader) {
  if (auto sound = check_metadata(bytes); !sound) return tl::unexpected(sound.error());
  const SealedCopy copy(bytes);
  if (!copy.complete()) return fail(std::string("no memory for a copy of it: ") + std::strerror(errno));
  OpenDatabase database;
  const int status = database.open(copy.path());
  if (status != MMDB_SUCCESS) return fail(std::string(MMDB_strerror(status)) + " (truncated or corrupt?)");
  const MMDB_s& mmdb = database.get();
  if (auto usable = check_opened(mmdb); !usable) return tl::unexpected(usable.error());
  if (auto walked = TreeWalk(mmdb, reader).run(); !walked) return tl::unexpected(walked.error());
  return std::string(mmdb.metadata.database_type == nullptr ? "" : mmdb.metadata.database_type);
}

}  // namespace shared::load
