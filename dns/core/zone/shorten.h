#pragma once
// Shorten: names in the data of one set of records written with pointers (RFC 1035 section 4.1.4), once, when a zone is
// built: to the owner's own suffixes and to names before it in the set. Only in the types of RFC 1035, as RFC 3597
// section 4 wants. The pointers are those of the plainest reply: the owner is the question, the set comes right behind
//
//   12 header | owner 4 | C0 0C type class TTL length data | C0 0C ...
//                       ^ set_at
//
// Reply::add() moves the pointers where the set stands elsewhere, by Rrset::move(). A wildcard's own label is never
// pointed to: in a reply another stands there. Pure, any thread.

#include <cstdint>
#include <span>
#include <vector>

#include "dns/core/wire/name.h"
#include "dns/core/wire/wire.h"
#include "dns/core/zone/zone.h"

namespace dns {

[[nodiscard]] bool may_be_shortened(RrType type);

class Shortener {
 public:
  // `owner`: as the zone has it, a wildcard with its `*`.
  explicit Shortener(NameSpan owner);

  // Appends one RR with shortened names to `set`. REQUIRES: sound rdata, the records of one set one after the other.
  void add(std::vector<std::uint8_t>& set, std::span<const std::uint8_t> head, RrType type,
           std::span<const std::uint8_t> rdata);

  // What Rrset::move() will be; empty: nothing was shortened.
  [[nodiscard]] const std::vector<std::uint32_t>& moves() const { return moves_; }

 private:
  struct Written {  // a name that others may point into
    std::vector<std::uint8_t> name;
    std::size_t at = 0;    // in the imagined reply
    std::size_t said = 0;  // octets of it that stand there; the others are behind a pointer
  };

  void put_name(std::vector<std::uint8_t>& set, NameSpan name);

  std::size_t set_at_;
  std::vector<Written> written_;
  std::vector<std::uint32_t> moves_;
};

// The imagined reply, in which a set can be read. Octets written; the set is the last of them. REQUIRES: the node is of
// the zone and the set of the node; `out` has room for kImaginedFront and the set.
inline constexpr std::size_t kImaginedFront = kHeaderSize + kMaxNameSize + 4;
inline constexpr std::size_t kMostImagined = kImaginedFront + 2 + kRrFixedSize + kMaxNameSize;  // with one name as data
std::size_t write_imagined(std::span<std::uint8_t> out, const Zone& zone, const Node& node, const Rrset& rrset);

// The data of each record, names in full; not for the answer path. REQUIRES: as above.
[[nodiscard]] std::vector<std::vector<std::uint8_t>> whole_data(const Zone& zone, const Node& node, const Rrset& rrset);

}  // namespace dns
