#include "dns/core/answer/reply.h"

#include <algorithm>
#include <cstring>

namespace dns {

namespace {

constexpr std::size_t kPointerSize = 2;

}  // namespace

void Reply::drop_records() {
  size_ = question_end_;
  counts_ = {};
}

std::size_t Reply::add(Section section, const Rrset& rrset, std::size_t owner_at, Shared shared) {
  const std::size_t owner = owner_size(owner_at);
  const std::size_t size = rrset.wire.size() + (owner - kPointerSize) * rrset.count;
  if (size > room()) return 0;
  const std::size_t start = size_;
  if (owner_at > kMaxPointerTarget) {
    copy_with_owner(rrset.wire, owner_at);
  } else {
    std::memcpy(&out_[size_], rrset.wire.data(), rrset.wire.size());
    if (owner_at != kHeaderSize) point_to_owner(rrset.count, owner_at);
  }
  // Unless owner and set stand where the zone thought them to.
  const bool in_place = shared.at == kHeaderSize && shared.shift == 0 && start == question_end_;
  if (rrset.pointers != 0 && !in_place) move_pointers(rrset, start, shared);
  size_ = start + size;
  counts_[static_cast<std::size_t>(section)] += rrset.count;
  return start;
}

void Reply::move_pointers(const Rrset& rrset, std::size_t start, Shared shared) {
  for (unsigned i = 0; i < rrset.pointers; ++i) {
    const std::uint32_t move = rrset.move(i);
    const std::size_t octet = move & kMaxPointerTarget;
    const std::size_t moved = (move & Rrset::kInSet) != 0
                                  ? start + octet
                                  : place_of(shared.at, octet + static_cast<std::size_t>(shared.shift));
    const std::size_t place = move >> Rrset::kPlaceAt & Rrset::kMostPlace;
    store_u16(&out_[start + place], static_cast<std::uint16_t>(kPointerMask | moved));
  }
}

std::size_t Reply::follow(std::size_t at, std::size_t octet) const {
  while (true) {
    const std::uint8_t length = out_[at];
    if (length > kMaxLabelSize) {
      at = load_u16(&out_[at]) & kMaxPointerTarget;
    } else if (octet == 0) {
      return at;
    } else {
      at += length + 1U;
      octet -= length + 1U;
    }
  }
}

std::size_t Reply::add_synthesised_cname(std::size_t owner_at, std::uint32_t ttl, std::size_t prefix,
                                         std::size_t suffix_at) {
  const std::size_t rdata_size = prefix + kPointerSize;
  if (owner_size(owner_at) + kRrFixedSize + rdata_size > room()) return 0;
  const std::size_t start = size_;
  std::uint8_t* fixed = &out_[put_owner(size_, owner_at)];
  store_u16(fixed, static_cast<std::uint16_t>(RrType::cname));
  store_u16(fixed + 2, static_cast<std::uint16_t>(RrClass::in));
  store_u32(fixed + 4, ttl);
  store_u16(fixed + 8, static_cast<std::uint16_t>(rdata_size));
  std::uint8_t* rdata = fixed + kRrFixedSize;
  store_u16(copy_labels(rdata, owner_at, prefix), static_cast<std::uint16_t>(kPointerMask | suffix_at));
  size_ = static_cast<std::size_t>(rdata - out_.data()) + rdata_size;
  ++counts_[static_cast<std::size_t>(Section::answer)];
  return start;
}

std::size_t Reply::add_binding(Section section, std::span<const std::uint8_t> rr, std::size_t owner_at,
                               const HintAddresses& addresses) {
  const auto fixed = rr.subspan(kPointerSize, kRrFixedSize);
  const auto rdata = rr.subspan(kPointerSize + kRrFixedSize);
  const std::size_t rdata_size = hinted_size(rdata, addresses);
  if (rdata_size > kMaxMessageSize || owner_size(owner_at) + kRrFixedSize + rdata_size > room()) return 0;
  const std::size_t start = size_;
  const std::size_t fixed_at = put_owner(size_, owner_at);
  std::memcpy(&out_[fixed_at], fixed.data(), fixed.size());
  store_u16(&out_[fixed_at + 8], static_cast<std::uint16_t>(rdata_size));
  write_hinted(&out_[fixed_at + kRrFixedSize], rdata, addresses);
  size_ = fixed_at + kRrFixedSize + rdata_size;
  ++counts_[static_cast<std::size_t>(section)];
  return start;
}

void Reply::set_ttl(std::size_t rr_at, std::uint32_t ttl) { store_u32(&out_[rdata_at(rr_at) - 6], ttl); }

void Reply::rollback(const Mark& mark) {
  size_ = mark.size;
  counts_ = mark.counts;
}

// Octets of the name at `at`, written in full.
std::size_t Reply::name_size(std::size_t at) const {
  std::size_t size = 1;
  for (at = place_of(at, 0); out_[at] != 0; at = place_of(at + out_[at] + 1U, 0)) size += out_[at] + 1U;
  return size;
}

// So many octets of the name at `at`, in full; its case is kept. Returns the end of what was written.
std::uint8_t* Reply::copy_labels(std::uint8_t* to, std::size_t at, std::size_t octets) const {
  if (at < question_end_) return std::copy_n(&out_[at], octets, to);
  while (octets > 0) {
    at = place_of(at, 0);
    const std::size_t label = out_[at] + 1U;
    to = std::copy_n(&out_[at], label, to);
    at += label;
    octets -= label;
  }
  return to;
}

// A pointer reaches 16,383 octets far; names beyond it (large replies over TCP) are written in full.
std::size_t Reply::owner_size(std::size_t owner_at) const {
  return owner_at <= kMaxPointerTarget ? kPointerSize : name_size(owner_at);
}

std::size_t Reply::put_owner(std::size_t at, std::size_t owner_at) {
  const std::size_t size = owner_size(owner_at);
  if (owner_at <= kMaxPointerTarget) {
    store_u16(&out_[at], static_cast<std::uint16_t>(kPointerMask | owner_at));
  } else {
    copy_labels(&out_[at], owner_at, size);
  }
  return at + size;
}

// The RRs that were just copied, each of which has a pointer as its owner.
inline void Reply::point_to_owner(unsigned count, std::size_t owner_at) {
  std::size_t at = size_;
  for (unsigned i = 0; i < count; ++i) {
    store_u16(&out_[at], static_cast<std::uint16_t>(kPointerMask | owner_at));
    at += kPointerSize + kRrFixedSize + load_u16(&out_[at + kPointerSize + kRrFixedSize - 2]);
  }
}

void Reply::copy_with_owner(std::span<const std::uint8_t> wire, std::size_t owner_at) {
  std::size_t at = size_;
  while (!wire.empty()) {
    const std::size_t rest = kRrFixedSize + load_u16(&wire[kPointerSize + kRrFixedSize - 2]);
    at = put_owner(at, owner_at);
    std::memcpy(&out_[at], &wire[kPointerSize], rest);
    at += rest;
    wire = wire.subspan(kPointerSize + rest);
  }
}

}  // namespace dns
