#pragma once
// AnswerSets: the quick half of steering. Class x health -> ready wire RRs, rebuilt in well under a millisecond
// whenever RegionHealth's view changes. Bytes belong to (profile, region, family, TTL), of which there are few; a class
// is a slot of a few words that points at them. ALIAS names have an AliasSet each. Immutable, part of the Snapshot; any
// thread may read. Names share bytes; a signature belongs to one (name, region, window, type), so signatures will lie
// beside them (docs/decisions/018-place-of-signatures.md).
//
//   slot of (profile, type, class) -> candidates: [region, weight, usable] ... -> ring: RRs of the usable edges, twice
//   over,
//                                                                                so that every window of it is
//                                                                                contiguous

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dns/core/health/health_view.h"
#include "dns/core/steer/address_rr.h"
#include "dns/core/steer/alias_set.h"
#include "dns/core/steer/alias_view.h"
#include "dns/core/steer/policy_tables.h"

namespace dns {

class AnswerSets {
 public:
  [[nodiscard]] static std::shared_ptr<const AnswerSets> build(const PolicyTables& tables, HealthView health,
                                                               const AliasView& aliases = {});
  // What has not changed is shared. REQUIRES: the tables that this was built of.
  [[nodiscard]] std::shared_ptr<const AnswerSets> with_health(const PolicyTables& tables, HealthView health) const;
  // Null if no client could tell the difference.
  [[nodiscard]] std::shared_ptr<const AnswerSets> with_aliases(const PolicyTables& tables,
                                                               const std::vector<AliasChange>& changes) const;

  enum class Verdict : std::uint8_t {
    answer,
    all_down_answer_all,
    all_down_nodata,
    all_down_refuse,
  };

  // The RRs of one region's usable edges (or, all down, of all the order's edges) with one TTL.
  struct Ring {
    std::uint32_t offset = 0;  // into bytes()
    std::uint16_t edges = 0;
  };

  // A region of the element that answers. Regions of a group that cannot be used now stay in it, so that their absence
  // moves only their own clients.
  struct Candidate {
    Ring ring;
    RegionId region{};
    std::uint16_t weight = 1;
    bool usable = false;
    std::uint16_t cname_size = 0;  // octets of the one CNAME at ring.offset; 0: addresses
  };

  struct Slot {
    std::uint32_t first_candidate = 0;
    std::uint16_t candidates = 0;
    Verdict verdict = Verdict::answer;
    bool variants = false;  // the answer depends on more of the address than the class does
    bool pressed = false;   // TTL is the minimum
  };

  [[nodiscard]] const Slot& slot(std::size_t profile, AddressType type, PolicyTables::ClassId id) const {
    return slots_[first_slot_[2 * profile + static_cast<std::size_t>(type)] + id];
  }
  [[nodiscard]] std::span<const Candidate> candidates(const Slot& slot) const {
    return {candidates_.data() + slot.first_candidate, slot.candidates};
  }
  // The window of `count` RRs that starts at the `start`-th. REQUIRES: start < ring.edges, count <= ring.edges.
  [[nodiscard]] Rrset window(const Ring& ring, AddressType type, std::uint32_t start, std::uint16_t count) const {
    const std::size_t size = rr_size(type);
    return {rr_type_of(type), count, 0, {bytes_.data() + ring.offset + start * size, count * size}};
  }
  // REQUIRES: candidate.cname_size > 0
  [[nodiscard]] Rrset cname(const Candidate& candidate) const {
    return {RrType::cname, 1, 0, {bytes_.data() + candidate.ring.offset, candidate.cname_size}};
  }
  [[nodiscard]] const HealthView& health() const { return health_; }
  // REQUIRES: the profile of an ALIAS name.
  [[nodiscard]] const AliasSet& alias(const PolicyTables::Profile& profile) const {
    return *aliases_[profile.alias - 1];
  }
  [[nodiscard]] AliasView aliases() const;

  // The TTLs that answers of this name carry now, over all kinds of clients; for /status and metrics.
  struct TtlRange {
    std::uint32_t lowest = 0;  // seconds
    std::uint32_t highest = 0;
  };
  [[nodiscard]] TtlRange ttl_in_force(const PolicyTables& tables, PolicyNameId name) const;

  [[nodiscard]] static constexpr std::size_t rr_size(AddressType type) { return address_rr_size(type); }

 private:
  friend class AnswerSetsBuilder;

  void add_regions(const PolicyTables& tables);
  [[nodiscard]] TtlRange alias_ttl(const PolicyTables::Profile& profile) const;

  HealthView health_;
  std::vector<std::shared_ptr<const AliasSet>> aliases_;  // by number in PolicyTables::aliases()
  std::vector<std::uint32_t> first_slot_;                 // by 2 * profile + type
  std::vector<Slot> slots_;
  std::vector<Candidate> candidates_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace dns
