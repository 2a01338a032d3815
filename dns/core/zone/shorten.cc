#include "dns/core/zone/shorten.h"

#include <algorithm>

#include "shared/core/ascii.h"

namespace dns {

namespace {

constexpr std::size_t kMostWritten = 8;    // names that are pointed into: the owner, and the first of a long set
constexpr std::size_t kFarthest = 0x1000;  // from the set's begin: so a pointer has room wherever a set stands
constexpr std::size_t kLeastSuffix = 3;    // a pointer has two octets

[[nodiscard]] std::vector<std::uint8_t> lowered(NameSpan name) {
  std::vector<std::uint8_t> out(name.size());
  std::ranges::transform(name, out.begin(), [](std::uint8_t c) { return shared::lower(c); });
  return out;
}

// Octets of the longest suffix, whole labels, that both names have. Both lowered.
[[nodiscard]] std::size_t common_suffix(NameSpan a, NameSpan b) {
  for (std::size_t i = 0; i < a.size(); i += a[i] + 1U) {
    const NameSpan rest = a.subspan(i);
    if (rest.size() > b.size()) continue;
    const std::size_t at = b.size() - rest.size();
    std::size_t j = 0;
    while (j < at) j += b[j] + 1U;
    if (j == at && std::ranges::equal(rest, b.subspan(at))) return rest.size();
  }
  return 0;
}

// Appends the name at `at` of the message in full; returns where what follows it begins.
std::size_t append_name(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> message, std::size_t at) {
  std::size_t end = 0;
  while (message[at] != 0) {
    if (message[at] > kMaxLabelSize) {
      if (end == 0) end = at + 2;
      at = load_u16(&message[at]) & kMaxPointerTarget;
      continue;
    }
    const auto label = message.subspan(at, message[at] + 1U);
    out.insert(out.end(), label.begin(), label.end());
    at += label.size();
  }
  out.push_back(0);
  return end == 0 ? at + 1 : end;
}

}  // namespace

bool may_be_shortened(RrType type) {
  return type == RrType::ns || type == RrType::cname || type == RrType::soa || type == RrType::ptr ||
         type == RrType::mx;
}

Shortener::Shortener(NameSpan owner) : set_at_(kHeaderSize + owner.size() + 4) {
  const std::size_t skipped = owner.size() > 2 && owner[0] == 1 && owner[1] == '*' ? 2 : 0;
  const NameSpan shared = owner.subspan(skipped);
  written_.push_back({lowered(shared), kHeaderSize + skipped, shared.size()});
}

void Shortener::add(std::vector<std::uint8_t>& set, std::span<const std::uint8_t> head, RrType type,
                    std::span<const std::uint8_t> rdata) {
  set.insert(set.end(), head.begin(), head.end());
  const std::size_t data_at = set.size();
  const auto put = [&](std::size_t octets) {
    set.insert(set.end(), rdata.begin(), rdata.begin() + static_cast<std::ptrdiff_t>(octets));
    rdata = rdata.subspan(octets);
  };
  const auto put_next_name = [&] {
    const std::size_t size = name_length(rdata);
    put_name(set, rdata.first(size));
    rdata = rdata.subspan(size);
  };
  if (type == RrType::mx) put(2);
  put_next_name();
  if (type == RrType::soa) put_next_name();
  put(rdata.size());
  store_u16(&set[data_at - 2], static_cast<std::uint16_t>(set.size() - data_at));
}

void Shortener::put_name(std::vector<std::uint8_t>& set, NameSpan name) {
  const std::vector<std::uint8_t> wanted = lowered(name);
  std::size_t shared = 0;
  std::size_t target = 0;
  for (const Written& other : written_) {
    const std::size_t common = common_suffix(wanted, other.name);
    const std::size_t offset = other.name.size() - common;
    if (common <= shared || common < kLeastSuffix || offset >= other.said) continue;
    shared = common;
    target = other.at + offset;
  }
  const std::size_t at = set.size();
  const std::size_t said = name.size() - shared;
  const bool in_reach = at + said <= Rrset::kMostPlace;
  const std::size_t kept = in_reach ? said : name.size();
  set.insert(set.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(kept));
  if (kept < name.size()) {
    const bool in_set = target >= set_at_;
    const auto octet = static_cast<std::uint32_t>(in_set ? target - set_at_ : target - kHeaderSize);
    moves_.push_back(static_cast<std::uint32_t>(set.size()) << Rrset::kPlaceAt | (in_set ? Rrset::kInSet : 0U) | octet);
    set.resize(set.size() + 2);
    store_u16(&set[set.size() - 2], static_cast<std::uint16_t>(kPointerMask | target));
  }
  if (written_.size() < kMostWritten && at < kFarthest) written_.push_back({wanted, set_at_ + at, kept});
}

std::size_t write_imagined(std::span<std::uint8_t> out, const Zone& zone, const Node& node, const Rrset& rrset) {
  auto at = std::fill_n(out.begin(), kHeaderSize, std::uint8_t{0});
  at = std::ranges::copy(node.relative_name(), at).out;
  at = std::ranges::copy(zone.apex().wire(), at).out;
  at = std::fill_n(at, 4, std::uint8_t{0});
  at = std::ranges::copy(rrset.wire, at).out;
  return static_cast<std::size_t>(at - out.begin());
}

std::vector<std::vector<std::uint8_t>> whole_data(const Zone& zone, const Node& node, const Rrset& rrset) {
  std::vector<std::uint8_t> message(kImaginedFront + rrset.wire.size());
  message.resize(write_imagined(message, zone, node, rrset));
  std::vector<std::vector<std::uint8_t>> out;
  std::size_t at = message.size() - rrset.wire.size();
  for (unsigned i = 0; i < rrset.count; ++i) {
    at += 2 + kRrFixedSize;
    const std::size_t end = at + load_u16(&message[at - 2]);
    std::vector<std::uint8_t>& data = out.emplace_back();
    const auto put_until = [&](std::size_t to) {
      data.insert(data.end(), message.begin() + static_cast<std::ptrdiff_t>(at),
                  message.begin() + static_cast<std::ptrdiff_t>(to));
      at = to;
    };
    if (may_be_shortened(rrset.type)) {
      if (rrset.type == RrType::mx) put_until(at + 2);
      at = append_name(data, message, at);
      if (rrset.type == RrType::soa) at = append_name(data, message, at);
    }
    put_until(end);
  }
  return out;
}

}  // namespace dns
