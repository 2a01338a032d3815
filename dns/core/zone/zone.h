#pragma once
// Zone: one authoritative zone, immutable, and ZoneSet: all zones of this server. ZoneBuilder (zone_builder.h) makes
// them.
//
//   slots   open addressing over the names' hashes: {tag, where}                       1st cache miss
//   arena   [node: flags, name, policy, RRsets as ready wire] [node] ...                2nd, mostly one line
//
// Nodes lie in canonical order (RFC 4034 6.1), empty non-terminals included; names are stored without the apex. An RR
// is ready for the wire with the owner as C0 0C, the pointer to the question, and names in its data shortened (see
// shorten.h). Shared by snapshots; any thread.

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dns/core/steer/steering.h"
#include "dns/core/wire/name.h"
#include "dns/core/wire/rrset.h"
#include "dns/core/wire/wire.h"
#include "shared/core/large_pages.h"

namespace dns {

// One name of a zone. A view into the zone's arena: cheap to copy, empty if it names nothing.
class Node {
 public:
  enum Flag : std::uint8_t {
    kCut = 1,       // delegation: NS below the apex
    kDname = 2,     // owns a DNAME
    kWildcard = 4,  // has a child `*`
    kOccluded = 8,  // below a cut: glue at best
    kPolicy = 16,   // A and AAAA come from a policy
    kCname = 32,    // owns a CNAME
    kBeside = 64,   // of kPolicy: one of A and AAAA is the zone file's, the policy's `families` leave it out
  };

  Node() = default;
  explicit Node(const std::uint8_t* at) : at_(at) {}

  [[nodiscard]] explicit operator bool() const { return at_ != nullptr; }
  [[nodiscard]] std::uint8_t flags() const { return at_[0]; }
  [[nodiscard]] bool has(Flag flag) const { return (flags() & flag) != 0; }
  [[nodiscard]] NameSpan relative_name() const { return {at_ + names_at(), at_[1]}; }  // labels above the apex, no root
  [[nodiscard]] unsigned rrset_count() const;
  [[nodiscard]] PolicyNameId policy() const;  // REQUIRES: has(kPolicy)
  // No records of its own and no policy: an empty non-terminal.
  [[nodiscard]] bool empty() const { return rrset_count() == 0 && !has(kPolicy); }

  // Addresses of a policy name that its policy leaves to the zone file.
  [[nodiscard]] bool has_beside(RrType type) const {
    return has(kBeside) && (type == RrType::a || type == RrType::aaaa) && find(type).count > 0;
  }

  // The RRset of a type; count 0 if there is none.
  [[nodiscard]] Rrset find(RrType type) const;
  // Calls visit(const Rrset&) for each in ascending order of type.
  template <class Visit>
  void for_each(Visit&& visit) const;

 private:
  friend class Zone;
  [[nodiscard]] unsigned names_at() const { return has(kPolicy) ? 8 : 4; }
  [[nodiscard]] const std::uint8_t* rrsets() const { return at_ + names_at() + ((at_[1] + 3U) & ~3U); }
  [[nodiscard]] static Rrset read_rrset(const std::uint8_t* at);
  [[nodiscard]] static const std::uint8_t* after(const std::uint8_t* at, const Rrset& rrset);
  [[nodiscard]] const std::uint8_t* end() const;

  const std::uint8_t* at_ = nullptr;
};

// What a name means in a zone: step 3 of RFC 1034 4.3.2 with RFC 4592 and RFC 6672.
struct Match {
  enum class Kind : std::uint8_t {
    exact,       // the name itself, not below a cut
    wildcard,    // `node` is the source of synthesis
    delegation,  // `node` is the cut, the name itself or an ancestor
    dname,       // `node` is an ancestor that owns a DNAME
    missing,     // `node` is the closest encloser
  };
  Kind kind = Kind::missing;
  Node node;
  unsigned label = 0;  // where the owner of `node` (for wildcard: its parent) begins in the name that was looked up
};

class Zone {
 public:
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

  [[nodiscard]] const Name& apex() const { return apex_; }
  [[nodiscard]] std::uint64_t apex_hash() const { return apex_hash_; }
  [[nodiscard]] unsigned apex_labels() const { return apex_labels_; }
  [[nodiscard]] Node apex_node() const { return Node(arena_.data() + kFirstNode); }
  // The SOA as negative answers carry it: TTL = min(TTL, MINIMUM) (RFC 2308 section 3).
  [[nodiscard]] Rrset negative_soa() const {
    return {RrType::soa, 1, negative_soa_pointers_, std::span(negative_soa_).first(negative_soa_size_)};
  }
  [[nodiscard]] std::uint32_t serial() const { return serial_; }
  [[nodiscard]] std::size_t name_count() const { return name_count_; }  // with empty non-terminals
  [[nodiscard]] std::size_t memory() const;                             // octets

  // REQUIRES (all below): the suffix or name lies within this zone.
  [[nodiscard]] Match match(const HashedName& name) const;
  // The node of suffix `label`, whatever it is; empty if there is none.
  [[nodiscard]] Node find(const HashedName& name, unsigned label) const;

  // Too large for the caches nearest to the core: worth asking for in advance. For a look-up of the whole name: its
  // slot's line, then its node's, which reads the slot.
  [[nodiscard]] bool is_large() const { return slots_.size() * sizeof(Slot) + arena_.size() > kLarge; }
  void prefetch_slot(const HashedName& name) const { __builtin_prefetch(&slots_[slot_of(name.hash(0))]); }
  void prefetch_node(const HashedName& name) const;

  // All nodes in canonical order, the apex first.
  template <class Visit>
  void for_each(Visit&& visit) const;

 private:
  friend class ZoneAssembly;
  using Arena = shared::LargePageVector<std::uint8_t>;
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t where = 0;  // arena offset / 4; 0: free
  };
  static constexpr std::size_t kFirstNode = 4;
  static constexpr std::size_t kLarge = std::size_t{256} << 10;  // octets

  Zone() = default;
  [[nodiscard]] std::size_t slot_of(std::uint64_t hash) const { return ((hash >> 32) * slots_.size()) >> 32; }
  [[nodiscard]] Node find_wildcard(std::uint64_t parent_hash, NameSpan parent) const;
  [[nodiscard]] Match match_above(const HashedName& name, unsigned label, Node encloser) const;

  Name apex_;
  std::uint64_t apex_hash_ = 0;
  unsigned apex_labels_ = 0;
  unsigned max_labels_ = 0;  // of the deepest name
  std::uint32_t serial_ = 0;
  std::size_t name_count_ = 0;
  shared::LargePageVector<Slot> slots_;
  Arena arena_;
  std::vector<std::uint8_t> negative_soa_;  // its wire, and its moves behind that
  std::uint16_t negative_soa_size_ = 0;     // of the wire
  std::uint16_t negative_soa_pointers_ = 0;
};

// The zones of this server; a name belongs to the zone with the longest apex.
class ZoneSet {
 public:
  ZoneSet() = default;
  // REQUIRES: no two zones with one apex.
  explicit ZoneSet(std::vector<std::shared_ptr<const Zone>> zones);

  [[nodiscard]] const std::vector<std::shared_ptr<const Zone>>& zones() const { return zones_; }
  // The zone of suffix `label` of the name (0: of the whole name); nullptr: not ours.
  [[nodiscard]] const Zone* find(const HashedName& name, unsigned label = 0) const;

 private:
  struct Slot {
    std::uint64_t hash = 0;
    const Zone* zone = nullptr;
  };
  std::vector<std::shared_ptr<const Zone>> zones_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  unsigned max_apex_labels_ = 0;
};

inline unsigned Node::rrset_count() const {
  std::uint16_t count = 0;
  std::memcpy(&count, at_ + 2, sizeof count);
  return count;
}

inline PolicyNameId Node::policy() const {
  std::uint32_t id = 0;
  std::memcpy(&id, at_ + 4, sizeof id);
  return PolicyNameId{id};
}

inline Rrset Node::read_rrset(const std::uint8_t* at) {
  std::uint16_t head[4];  // type, count, size, pointers
  std::memcpy(head, at, sizeof head);
  return {RrType{head[0]}, head[1], head[3], {at + 8, head[2]}};
}

inline const std::uint8_t* Node::after(const std::uint8_t* at, const Rrset& rrset) {
  return at + 8 + Rrset::moves_at(rrset.wire.size()) + rrset.pointers * sizeof(std::uint32_t);
}

inline Rrset Node::find(RrType type) const {
  const std::uint8_t* at = rrsets();
  for (unsigned i = rrset_count(); i > 0; --i) {
    const Rrset rrset = read_rrset(at);
    if (rrset.type == type) return rrset;
    at = after(at, rrset);
  }
  return {};
}

template <class Visit>
void Node::for_each(Visit&& visit) const {
  const std::uint8_t* at = rrsets();
  for (unsigned i = rrset_count(); i > 0; --i) {
    const Rrset rrset = read_rrset(at);
    visit(rrset);
    at = after(at, rrset);
  }
}

inline const std::uint8_t* Node::end() const {
  const std::uint8_t* at = rrsets();
  for (unsigned i = rrset_count(); i > 0; --i) at = after(at, read_rrset(at));
  return at;
}

template <class Visit>
void Zone::for_each(Visit&& visit) const {
  for (Node node = apex_node(); node.at_ != arena_.data() + arena_.size(); node = Node(node.end())) visit(node);
}

}  // namespace dns
