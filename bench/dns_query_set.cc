#include "bench/dns_query_set.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace bench {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kRandomLabel = 12;

// OPT with a client subnet of 3 octets, the last thing in the packet.
constexpr std::array<std::uint8_t, 22> kOptWithSubnet = {0, 0, 41, 0x04, 0xd0, 0, 0,  0, 0, 0, 11,
                                                         0, 8, 0,  7,    0,    1, 24, 0, 0, 0, 0};

constexpr std::array<std::uint8_t, 23> kOptWithCookie = {0,  0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 12, 0,
                                                         10, 0, 8,  1,    2,    3, 4, 5, 6, 7, 8};

void append_name(std::vector<std::uint8_t>& out, std::string_view name) {
  while (!name.empty() && name != ".") {
    const auto label = name.substr(0, name.find('.'));
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  out.push_back(0);
}

}  // namespace

QuerySet::QuerySet(const QueryOptions& options, std::uint64_t seed) : options_(options), random_(seed) {
  if (!options_.random_under.empty()) {
    add(std::string(kRandomLabel, 'x') + "." + options_.random_under);
  } else {
    for (const auto& name : options_.names) add(name);
  }
  starts_.push_back(static_cast<std::uint32_t>(bytes_.size()));
}

void QuerySet::add(std::string_view name) {
  starts_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  const std::uint8_t additional = options_.client_subnet || options_.cookie ? 1 : 0;
  const std::array<std::uint8_t, kHeader> header = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, additional};
  bytes_.insert(bytes_.end(), header.begin(), header.end());
  append_name(bytes_, name);
  const auto type = options_.type;
  const std::array<std::uint8_t, 4> tail = {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type), 0,
                                            1};
  bytes_.insert(bytes_.end(), tail.begin(), tail.end());
  if (options_.cookie) bytes_.insert(bytes_.end(), kOptWithCookie.begin(), kOptWithCookie.end());
  if (options_.client_subnet) bytes_.insert(bytes_.end(), kOptWithSubnet.begin(), kOptWithSubnet.end());
}

std::size_t QuerySet::write_next(std::uint16_t id, std::span<std::uint8_t> packet) {
  const std::size_t count = starts_.size() - 1;
  const std::size_t which = count == 1 ? 0 : random_() % count;
  const std::size_t length = starts_[which + 1] - starts_[which];
  std::memcpy(packet.data(), bytes_.data() + starts_[which], length);
  packet[0] = static_cast<std::uint8_t>(id >> 8);
  packet[1] = static_cast<std::uint8_t>(id);
  if (!options_.random_under.empty()) randomise_label(packet);
  if (options_.client_subnet) randomise_subnet(packet.first(length));
  return length;
}

std::size_t QuerySet::question_length(std::span<const std::uint8_t> packet) {
  std::size_t at = kHeader;
  while (at < packet.size() && packet[at] != 0) at += packet[at] + 1U;
  return at + 5 - kHeader;
}

void QuerySet::randomise_label(std::span<std::uint8_t> packet) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz012345";
  std::uint64_t bits = random_();
  for (std::size_t i = 0; i < kRandomLabel; ++i, bits >>= 5) {
    packet[kHeader + 1 + i] = static_cast<std::uint8_t>(letters[bits & 31]);
  }
}

// Unicast addresses only: 1.0.0.0 to 223.255.255.0.
void QuerySet::randomise_subnet(std::span<std::uint8_t> packet) {
  const std::uint64_t bits = random_();
  const std::size_t at = packet.size() - 3;
  packet[at] = static_cast<std::uint8_t>(1 + (bits & 0xffff) % 223);
  packet[at + 1] = static_cast<std::uint8_t>(bits >> 16);
  packet[at + 2] = static_cast<std::uint8_t>(bits >> 24);
}

}  // namespace bench
