#pragma once
// ZoneBuilder: records in any order -> an immutable Zone, or the reasons why not. Records go into flat arrays (no heap
// object per name), finish() sorts them once (zone_assembly.h). `where` is the loader's own number for a place (line,
// or an index of file and line); it comes back in the problems. Used on the Builder thread, once.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dns/core/steer/steering.h"
#include "dns/core/wire/name.h"
#include "dns/core/wire/wire.h"
#include "dns/core/zone/zone.h"
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

// What a policy gives; the other may stand in the zone file.
struct SteeredTypes {
  bool a = true;
  bool aaaa = true;
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

  // Room for so many more records. An address never touched costs nothing, so a guess from above does no harm.
  void reserve(std::size_t records);

  // Takes a record, or says why it cannot be part of this zone: out of zone, class, meta type, TTL over 2^31-1, rdata
  // that is not what its type says. What only the whole zone shows is told by finish().
  [[nodiscard]] shared::Result<void> add(const Record& record);

  // A and AAAA of `owner` (may be a wildcard), or one of them, come from a policy.
  [[nodiscard]] shared::Result<void> mark_policy(const Name& owner, PolicyNameId policy, std::uint32_t where = 0,
                                                 SteeredTypes types = {});

  // Checks the whole, builds, and leaves the builder empty. All problems at once, in order of `where`.
  [[nodiscard]] BuiltZone finish();

 private:
  friend class ZoneAssembly;
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  struct Entry {                 // one record
    std::uint32_t next = kNone;  // of the same owner
    std::uint32_t rdata_at = 0;
    std::uint32_t ttl = 0;
    std::uint32_t where = 0;
    RrType type{};
    std::uint16_t rdata_size = 0;
  };
  struct Owner {  // one name
    std::uint64_t hash = 0;
    std::uint32_t name_at = 0;
    std::uint32_t first = kNone;
    std::uint32_t policy = kNone;
    std::uint8_t name_size = 0;  // without the apex
    std::uint8_t flags = 0;      // of Node
  };

  [[nodiscard]] bool within_zone(const HashedName& name) const;
  [[nodiscard]] NameSpan relative(const HashedName& name, unsigned label) const;
  [[nodiscard]] NameSpan relative(const Owner& owner) const { return {bytes_.data() + owner.name_at, owner.name_size}; }
  // Index into slots_ of the suffix: where it is, or where it would go.
  [[nodiscard]] std::size_t probe(const HashedName& name, unsigned label) const;
  std::uint32_t find_or_insert(const HashedName& name, unsigned label);
  std::uint32_t insert(const HashedName& name, unsigned label, std::size_t slot);
  void grow_slots(std::size_t size);
  void clear();
  std::uint32_t append(std::span<const std::uint8_t> bytes);

  Name apex_;
  std::uint64_t apex_hash_ = 0;
  unsigned max_labels_ = 0;
  std::vector<std::uint8_t> bytes_;  // names and rdata
  std::vector<Entry> entries_;
  std::vector<Owner> owners_;  // [0] is the apex
  struct Slot {                // a tag beside the index: a probe that meets another name need not look at that name
    std::uint32_t tag = 0;     // upper half of the hash; the lower one gives the place
    std::uint32_t owner = 0;   // index + 1; 0: free
  };
  std::vector<Slot> slots_;  // a power of two, at most half full
  bool has_hints_ = false;   // a service binding with address hints was seen
  struct PolicyMark {
    std::uint32_t owner = 0;
    std::uint32_t where = 0;
    SteeredTypes types;
  };
  std::vector<PolicyMark> policies_;
};

}  // namespace dns
