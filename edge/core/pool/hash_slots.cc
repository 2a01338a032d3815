#include "edge/core/pool/hash_slots.h"

#include <algorithm>
#include <array>
#include <bit>

#include "shared/core/hash.h"

namespace edge {
namespace {

constexpr unsigned kLogBits = 10;  // of the table's index

// log2(1 + i / 2^kLogBits) with 24 bits after the point, by squaring: no floating point that another machine rounds.
constexpr std::uint32_t log2_of(std::uint64_t i) {
  std::uint64_t x = (std::uint64_t{1} << 31U) + (i << (31U - kLogBits));  // in [1, 2), 31 bits after the point
  std::uint32_t out = 0;
  for (int bit = 0; bit < 24; ++bit) {
    x = (x * x) >> 31U;
    out <<= 1U;
    if ((x >> 32U) != 0) {
      x >>= 1U;
      out |= 1U;
    }
  }
  return out;
}

constexpr auto kLog2 = [] {
  std::array<std::uint32_t, (std::size_t{1} << kLogBits) + 1> table{};
  for (std::size_t i = 0; i + 1 < table.size(); ++i) table[i] = log2_of(i);
  table.back() = std::uint32_t{1} << 24U;
  return table;
}();

struct Candidate {
  std::uint64_t hash = 0;
  std::uint16_t index = 0;
  std::uint16_t weight = 1;
};

// Of rates w, the first to arrive is server i with probability w_i over their sum. Equal times are as good as never;
// the hash decides, not the order of the list.
std::uint16_t winner(const std::vector<Candidate>& candidates, std::uint64_t slot) {
  const Candidate* best = nullptr;
  std::uint64_t best_time = 0;
  for (const Candidate& candidate : candidates) {
    const std::uint64_t bits = shared::mix(candidate.hash ^ slot) >> 32U;
    const std::uint64_t time = arrival(static_cast<std::uint32_t>(bits));
    if (best != nullptr) {
      const std::uint64_t mine = time * best->weight;
      const std::uint64_t theirs = best_time * candidate.weight;
      if (mine > theirs || (mine == theirs && candidate.hash > best->hash)) continue;
    }
    best = &candidate;
    best_time = time;
  }
  return best->index;
}

}  // namespace

std::uint32_t arrival(std::uint32_t bits) {
  const std::uint64_t x = (std::uint64_t{bits} << 1U) | 1U;  // 33 bits: (bits + 0.5) * 2
  const auto top = static_cast<unsigned>(std::bit_width(x)) - 1;
  // The bits below the leading one, as a fraction of 32 bits.
  const std::uint64_t fraction =
      top == 32 ? x - (std::uint64_t{1} << 32U) : (x << (32U - top)) - (std::uint64_t{1} << 32U);
  const auto row = static_cast<std::size_t>(fraction >> (32U - kLogBits));
  const std::uint64_t between = fraction & ((std::uint64_t{1} << (32U - kLogBits)) - 1);
  const std::uint64_t step = kLog2[row + 1] - kLog2[row];
  const auto log = static_cast<std::uint32_t>(kLog2[row] + ((step * between) >> (32U - kLogBits)));
  return ((33U - top) << 24U) - log;
}

HashSlots make_hash_slots(std::string_view service, std::span<const HashMember> members) {
  HashSlots made;
  made.seed = shared::hash_text(1, service);
  if (members.empty()) return made;
  std::vector<Candidate> candidates;
  for (const HashMember& member : members) {
    candidates.push_back({shared::hash_text(made.seed, member.name), member.index, member.weight});
    made.members.push_back(member.index);
    made.total_weight += member.weight;
  }
  made.slots.reserve(std::size_t{1} << HashSlots::kBits);
  for (std::uint64_t slot = 0; slot < std::uint64_t{1} << HashSlots::kBits; ++slot) {
    made.slots.push_back(winner(candidates, shared::mix(slot + 1)));
  }
  return made;
}

}  // namespace edge
