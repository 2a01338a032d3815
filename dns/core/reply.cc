#include "dns/core/reply.h"

#include <cstring>

namespace dns {

namespace {

constexpr std::size_t kPointerSize = 2;

}  // namespace

void Reply::begin(const Query& query) {
  store_u16(&out_[0], query.id);
  store_u16(&out_[4], query.question.empty() ? 0 : 1);
  if (!query.question.empty()) std::memcpy(&out_[kHeaderSize], query.question.data(), query.question.size());
  size_ = question_end_ = kHeaderSize + query.question.size();
}

void Reply::drop_records() {
  size_ = question_end_;
  counts_ = {};
}

std::size_t Reply::add(Section section, const Rrset& rrset, std::size_t owner_at) {
  const std::size_t owner = owner_size(owner_at);
  const std::size_t size = rrset.wire.size() + (owner - kPointerSize) * rrset.count;
  if (size > room()) return 0;
  const std::size_t start = size_;
  if (owner_at == kHeaderSize) {
    std::memcpy(&out_[size_], rrset.wire.data(), rrset.wire.size());
  } else {
    copy_with_owner(rrset.wire, owner_at);
  }
  size_ = start + size;
  counts_[static_cast<std::size_t>(section)] += rrset.count;
  return start;
}

std::size_t Reply::add_synthesised_cname(std::size_t owner_at, std::uint32_t ttl, std::size_t prefix, NameSpan suffix) {
  const std::size_t rdata_size = prefix + suffix.size();
  if (owner_size(owner_at) + kRrFixedSize + rdata_size > room()) return 0;
  const std::size_t start = size_;
  std::uint8_t* fixed = &out_[put_owner(size_, owner_at)];
  store_u16(fixed, static_cast<std::uint16_t>(RrType::cname));
  store_u16(fixed + 2, static_cast<std::uint16_t>(RrClass::in));
  store_u32(fixed + 4, ttl);
  store_u16(fixed + 8, static_cast<std::uint16_t>(rdata_size));
  std::uint8_t* rdata = fixed + kRrFixedSize;
  std::memcpy(rdata, &out_[owner_at], prefix);
  std::memcpy(rdata + prefix, suffix.data(), suffix.size());
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

std::size_t Reply::rdata_at(std::size_t rr_at) const {
  const bool pointer = out_[rr_at] >= 0xC0;
  return rr_at + (pointer ? kPointerSize : name_length(from(rr_at))) + kRrFixedSize;
}

std::size_t Reply::next_rr(std::size_t rr_at) const {
  const std::size_t rdata = rdata_at(rr_at);
  return rdata + load_u16(&out_[rdata - 2]);
}

std::size_t Reply::finish(std::uint16_t flags, std::size_t opt_octets) {
  store_u16(&out_[2], flags);
  store_u16(&out_[6], counts_[0]);
  store_u16(&out_[8], counts_[1]);
  store_u16(&out_[10], static_cast<std::uint16_t>(counts_[2] + (opt_octets > 0 ? 1 : 0)));
  return size_ + opt_octets;
}

// A pointer reaches 16,383 octets far; names beyond it (large replies over TCP) are written in full.
std::size_t Reply::owner_size(std::size_t owner_at) const {
  return owner_at <= kMaxPointerTarget ? kPointerSize : name_length(from(owner_at));
}

std::size_t Reply::put_owner(std::size_t at, std::size_t owner_at) {
  const std::size_t size = owner_size(owner_at);
  if (owner_at <= kMaxPointerTarget) {
    store_u16(&out_[at], static_cast<std::uint16_t>(kPointerMask | owner_at));
  } else {
    std::memcpy(&out_[at], &out_[owner_at], size);
  }
  return at + size;
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

std::size_t truncate(std::span<std::uint8_t> message) {
  store_u16(&message[2], static_cast<std::uint16_t>(load_u16(&message[2]) | kFlagTc));
  const bool asked = load_u16(&message[4]) != 0;
  std::memset(&message[6], 0, 6);
  return kHeaderSize + (asked ? name_length(message.subspan(kHeaderSize)) + 4 : 0);
}

}  // namespace dns
