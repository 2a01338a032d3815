#pragma once
// Chain: the aliases that one answer has gone through, CNAMEs and DNAMEs, and whether it may go on. Lives on the stack
// of answer().

#include <array>
#include <cstddef>
#include <cstdint>

#include "dns/core/wire/name.h"
#include "dns/core/zone/zone.h"

namespace dns {

class Chain {
 public:
  [[nodiscard]] bool empty() const { return links_ == 0; }
  [[nodiscard]] bool full() const { return links_ == kMost; }

  void follow(const HashedName& from) { names_[links_++] = {from.hash(0), nullptr, 0, 0}; }
  // `target_at`: where the DNAME's target stands in the reply.
  void follow_dname(const HashedName& from, const Rrset& dname, std::size_t target_at);

  // Was this name one of those before?
  [[nodiscard]] bool has_seen(const HashedName& name) const;
  // Where the reply has the target of this DNAME already, lest the record be said twice (RFC 2181 section 5); 0: not
  // yet.
  [[nodiscard]] std::size_t target_at(const Rrset& dname) const;
  // Nothing but DNAMEs has led from this one back to it, with a name that is no shorter: so it would go for ever.
  [[nodiscard]] bool grows(const HashedName& name, const Rrset& dname) const;

 private:
  static constexpr unsigned kMost = 16;

  struct Link {
    std::uint64_t hash;         // of the name, drawn per process: two names do not share one by anybody's design
    const std::uint8_t* dname;  // its record in the zone; nullptr: a CNAME
    std::size_t target_at;
    std::size_t size;  // of the name
  };

  unsigned links_ = 0;
  std::array<Link, kMost> names_;  // NOLINT: filled as far as there are links
};

}  // namespace dns
