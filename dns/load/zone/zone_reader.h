#pragma once
// ZoneReader: the records of one zone, from its master file and the files that it includes into a ZoneBuilder. Keeps
// what a directive changes (origin, default TTL) and what a record inherits (owner, TTL). Used once by load_zone_file,
// one thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dns/core/zone/zone_builder.h"
#include "dns/load/record/master_reader.h"
#include "dns/load/record/rdata.h"
#include "dns/load/zone/generate.h"
#include "dns/load/zone/plain_record.h"
#include "dns/load/zone/zone_file.h"

namespace dns {

class ZoneReader {
 public:
  ZoneReader(const ZoneSource& source, const ZoneFileSettings& settings, shared::load::Diagnostics& diagnostics);

  [[nodiscard]] std::shared_ptr<const Zone> read();

 private:
  // One file that is being read. ZoneBuilder knows a place as base + line.
  struct Source {
    std::shared_ptr<const std::string> name;
    std::string text;
    std::uint32_t base = 0;
  };

  void read_file(const std::filesystem::path& file, const shared::load::Position& from);
  void read_entries(const std::filesystem::path& file);
  void read_entry(const MasterEntry& entry, const std::filesystem::path& file);
  [[nodiscard]] bool read_directive(const MasterEntry& entry, const std::filesystem::path& file);
  void set_origin(std::span<const MasterToken> arguments);
  void set_ttl(std::span<const MasterToken> arguments);
  void include(std::span<const MasterToken> arguments, const std::filesystem::path& file);
  void generate(std::span<const MasterToken> arguments);
  [[nodiscard]] bool generate_one(std::span<const MasterToken> pattern, std::uint32_t value);

  [[nodiscard]] bool read_plain(MasterReader& reader);
  void settle_owner();
  void read_record(std::span<const MasterToken> tokens);
  void use_minimum(std::span<const std::uint8_t> soa, bool from_here_on);
  void leave_out(const Name& owner, const shared::load::Position& at);
  void warn_of_raw(std::string_view name);
  void note_signature(std::uint16_t type);
  void report_signatures();
  struct Fields {
    std::optional<std::uint32_t> ttl;
    std::uint16_t type = 0;
    std::size_t count = 0;  // tokens before the data
  };
  [[nodiscard]] std::optional<Fields> read_fields(std::span<const MasterToken> tokens);
  [[nodiscard]] std::optional<std::uint32_t> read_ttl(const MasterToken& token);
  [[nodiscard]] std::optional<Name> read_name(const MasterToken& token);
  void use_origin(const Name& origin);

  void mark_policies();
  void report(const std::vector<ZoneProblem>& problems);
  void warning(std::string message);                          // at the entry
  void error(std::string message);                            // at the entry
  void error(const MasterToken& token, std::string message);  // at the token
  [[nodiscard]] shared::load::Position place_of(std::uint32_t where) const;
  [[nodiscard]] bool full() const { return diagnostics_.errors() - errors_before_ >= settings_.errors; }

  const ZoneSource& source_;
  const ZoneFileSettings& settings_;
  shared::load::Diagnostics& diagnostics_;
  std::size_t errors_before_;

  ZoneBuilder builder_;
  RdataParser rdata_;
  Name origin_;
  Name owner_;
  bool has_owner_ = false;
  std::array<PlainRecord, 2> plain_;  // the last plain record, and room to try the next
  std::size_t plain_owner_ = 0;       // which is the last
  bool owner_is_plain_ = false;       // the owner is that record's, owner_ is out of date
  std::optional<std::uint32_t> default_ttl_;
  std::uint32_t last_ttl_ = 0;
  bool has_last_ttl_ = false;

  const Source* here_ = nullptr;
  std::uint32_t line_ = 0;  // of the entry
  unsigned depth_ = 0;
  struct EarlyRecord {  // stands before the SOA, and nothing has said a TTL yet
    Name owner;
    RrType type{};
    std::vector<std::uint8_t> rdata;
    std::uint32_t where = 0;
  };
  std::vector<EarlyRecord> early_;
  unsigned outside_ = 0;                             // records that lie outside the zone
  std::optional<shared::load::Position> signed_at_;  // the first DNSKEY or RRSIG of the apex
  std::uint32_t generated_ = 0;
  std::uint32_t next_base_ = 0;
  struct Range {  // places base, base + 1 ... of one file
    std::uint32_t base = 0;
    std::shared_ptr<const std::string> name;
  };
  std::vector<Range> ranges_;
  std::uint32_t marks_base_ = 0;
};

}  // namespace dns
