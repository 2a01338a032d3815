#pragma once
// ZoneBuilder: records in any order -> an immutable Zone, or the reasons why not. Records go into flat arrays (no heap
// object per name), finish() sorts them once. `where` is the loader's own number for a place (line, or an index of
// file and line); it comes back in the problems. Used on the Builder thread, once.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dns/core/name.h"
#include "dns/core/steering.h"
#include "dns/core/wire.h"
#include "dns/core/zone.h"
#include "shared/core/result.h"

namespace dns {

struct Record {
  NameSpan owner;  // uncompressed wire form, any case
  RrType type{};
  RrClass klass = RrClass::in;
  std::uint32_t ttl = 0;
  std::span<const std::uint8_t> rdata;  // uncompressed; case is kept
  std::uint32_t where = 0;
};

struct ZoneProblem {
  enum class Severity : std::uint8_t { warning, error };
  Severity severity = Severity::error;
  std::uint32_t where = 0;  // 0: the zone as a whole
  std::string text;         // "CNAME at www.example.com. beside other data"
};

// `zone` is null if any problem is an error.
struct BuiltZone {
  std::shared_ptr<const Zone> zone;
  std::vector<ZoneProblem> problems;
};

class ZoneBuilder {
 public:
  explicit ZoneBuilder(const Name& apex);
  ZoneBuilder(const ZoneBuilder&) = delete;
  ZoneBuilder& operator=(const ZoneBuilder&) = delete;

  // Takes a record, or says why it cannot be part of this zone: out of zone, class, meta type, TTL over 2^31-1, rdata
  // that is not what its type says. What only the whole zone shows is told by finish().
  [[nodiscard]] shared::Result<void> add(const Record& record);

  // A and AAAA of `owner` (may be a wildcard) come from a policy.
  [[nodiscard]] shared::Result<void> mark_policy(const Name& owner, PolicyNameId policy, std::uint32_t where = 0);

  // Checks the whole, builds, and leaves the builder empty. All problems at once, in order of `where`.
  [[nodiscard]] BuiltZone finish();

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  struct Entry {                 // one record
    std::uint32_t next = kNone;  // of the same owner
    std::uint32_t rdata_at = 0;
    std::uint32_t ttl = 0;
    std::uint32_t where = 0;
    std::uint16_t type = 0;
    std::uint16_t rdata_size = 0;
  };
  struct Owner {  // one name
    std::uint64_t hash = 0;
    std::uint32_t name_at = 0;
    std::uint32_t first = kNone;
    std::uint32_t policy = kNone;
    std::uint8_t name_size = 0;  // without the apex
    std::uint8_t flags = 0;
  };

  friend class ZoneAssembly;

  Name apex_;
  std::uint64_t apex_hash_ = 0;
  std::vector<std::uint8_t> bytes_;  // names and rdata
  std::vector<Entry> entries_;
  std::vector<Owner> owners_;         // [0] is the apex
  std::vector<std::uint32_t> slots_;  // hash -> owner index + 1; a power of two, at most half full
  std::vector<ZoneProblem> problems_;
};

}  // namespace dns
