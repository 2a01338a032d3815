#pragma once
// Reply: a message that grows in the caller's buffer, section by section, whole RRsets only. A name is said by the
// octet where it stands in this reply, perhaps shortened: the question is at 12, the target of a CNAME inside its
// RDATA. So an owner is a pointer, whatever chain led to it. Lives for one query; no allocation.

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "dns/core/wire/rdata.h"
#include "dns/core/wire/wire.h"
#include "dns/core/zone/query.h"
#include "dns/core/zone/zone.h"

namespace dns {

enum class Section : std::uint8_t { answer, authority, additional };

// Where a reply has the name that a set's data were shortened by (shorten.h): octet k of the owner as the zone has it
// is octet k + shift of the name at `at`.
struct Shared {
  std::size_t at = kHeaderSize;
  int shift = 0;
};

class Reply {
 public:
  // `limit`: most octets of the message. REQUIRES: 512 <= limit <= out.size().
  Reply(std::span<std::uint8_t> out, std::size_t limit) : out_(out), limit_(limit) {}

  // Header and question as they came; all counts but QDCOUNT 0.
  void begin(const Query& query);
  // Keeps octets free for the OPT record.
  void reserve(std::size_t octets) {
    limit_ -= octets;
    reserved_ += octets;
  }
  // Back to the bare question.
  void drop_records();

  // Adds all RRs of the set, or nothing. Returns the octet where the first one begins; 0: it does not fit. A set with
  // pointers is one of the answer or authority section, whose names stand within reach of them.
  std::size_t add(Section section, const Rrset& rrset, std::size_t owner_at, Shared shared = {});
  // The same of a set whose owner is just what its data were shortened by.
  std::size_t add_at(Section section, const Rrset& rrset, Shared shared) {
    return add(section, rrset, place_of(shared.at, static_cast<std::size_t>(shared.shift)), shared);
  }
  // Adds a CNAME whose target is the first `prefix` octets of the owner, whole labels, and then the name at `suffix_at`
  // (RFC 6672 section 3.1). REQUIRES: the target is a name of at most 255 octets.
  std::size_t add_synthesised_cname(std::size_t owner_at, std::uint32_t ttl, std::size_t prefix, std::size_t suffix_at);

  // Adds one service binding, a stored RR with its owner as a pointer, with these addresses in place of its hints.
  std::size_t add_binding(Section section, std::span<const std::uint8_t> rr, std::size_t owner_at,
                          const HintAddresses& addresses);
  void set_ttl(std::size_t rr_at, std::uint32_t ttl);
  // To add a set RR by RR and yet whole or not at all.
  struct Mark {
    std::size_t size;
    std::array<std::uint16_t, 3> counts;
  };
  [[nodiscard]] Mark mark() const { return {size_, counts_}; }
  void rollback(const Mark& mark);

  // Where the RDATA of the RR at `rr_at` begins, and where the next RR does.
  [[nodiscard]] std::size_t rdata_at(std::size_t rr_at) const {
    return rr_at + (out_[rr_at] > kMaxLabelSize ? 2 : name_size(rr_at)) + kRrFixedSize;
  }
  [[nodiscard]] std::size_t next_rr(std::size_t rr_at) const {
    const std::size_t rdata = rdata_at(rr_at);
    return rdata + load_u16(&out_[rdata - 2]);
  }
  // Where octet `octet`, the begin of a label, of the name at `at` stands.
  [[nodiscard]] std::size_t place_of(std::size_t at, std::size_t octet) const {
    return at < question_end_ ? at + octet : follow(at, octet);  // the question is in one piece
  }
  // All octets that were written, and what can be read without harm behind them.
  [[nodiscard]] std::span<const std::uint8_t> message() const { return out_; }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t room() const { return limit_ - size_; }
  // The same with what is kept free.
  [[nodiscard]] std::size_t unreserved() const { return limit_ + reserved_ - size_; }
  [[nodiscard]] bool has_answers() const { return counts_[0] != 0; }

  // Ends the message: flags with the rcode's low four bits, counts, and the OPT's octets that stand behind size().
  std::size_t finish(std::uint16_t flags, std::size_t opt_octets);
  [[nodiscard]] std::span<std::uint8_t> tail() { return out_.subspan(size_); }

 private:
  [[nodiscard]] std::size_t owner_size(std::size_t owner_at) const;
  [[nodiscard]] std::size_t name_size(std::size_t at) const;
  [[nodiscard]] std::size_t follow(std::size_t at, std::size_t octet) const;
  std::uint8_t* copy_labels(std::uint8_t* to, std::size_t at, std::size_t octets) const;
  void move_pointers(const Rrset& rrset, std::size_t start, Shared shared);
  std::size_t put_owner(std::size_t at, std::size_t owner_at);
  void point_to_owner(unsigned count, std::size_t owner_at);
  void copy_with_owner(std::span<const std::uint8_t> wire, std::size_t owner_at);

  std::span<std::uint8_t> out_;
  std::size_t limit_;
  std::size_t reserved_ = 0;
  std::size_t size_ = 0;
  std::size_t question_end_ = kHeaderSize;
  std::array<std::uint16_t, 3> counts_{};
};

inline void Reply::begin(const Query& query) {
  store_u16(&out_[0], query.id);
  store_u16(&out_[4], query.question.empty() ? 0 : 1);
  if (!query.question.empty()) std::memcpy(&out_[kHeaderSize], query.question.data(), query.question.size());
  size_ = question_end_ = kHeaderSize + query.question.size();
}

inline std::size_t Reply::finish(std::uint16_t flags, std::size_t opt_octets) {
  store_u16(&out_[2], flags);
  store_u16(&out_[6], counts_[0]);
  store_u16(&out_[8], counts_[1]);
  store_u16(&out_[10], static_cast<std::uint16_t>(counts_[2] + (opt_octets > 0 ? 1 : 0)));
  return size_ + opt_octets;
}

}  // namespace dns
