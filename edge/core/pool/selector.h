#pragma once
// Selectors: how a pool chooses, with what each algorithm can compute before the first request. Immutable, part of a
// Pool, any thread. balance.cc has one function for each, so that a new algorithm is a new alternative and a new
// function, not a branch inside the others. Servers are indexes in Pool::servers.
//
//   Sequence          an order with the weights in it; round robin walks it, each worker by itself
//   LeastConnections  all members, or a sample of many, compared by requests in flight for their weight
//   LeastTime         the same by response time (see response_time.h)
//   RandomTwo         two draws from a Sequence, the one with fewer requests in flight for its weight
//   HashSlots         key -> slot -> server, the same on every edge (see hash_slots.h)

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "edge/core/pool/live.h"

namespace edge {

struct Sequence {
  std::vector<std::uint16_t> order;
  std::vector<std::uint16_t> members;  // each once: an order may be as long as the sum of all weights
};

// What a comparison asks of a server, side by side in memory: eight members are one cache line.
struct Member {
  ServerId id{};
  std::uint16_t index = 0;
  std::uint16_t weight = 1;
};

// How servers are compared with each other is said in least.h.
struct Compared {
  static constexpr std::size_t kAll = 32;  // so many are all looked at
  std::vector<Member> members;
  std::vector<std::uint16_t> order;  // of more: places in `members` by weight, as a Sequence's, to draw from
};

struct LeastConnections {
  Compared compared;
};

struct LeastTime {
  Compared compared;
};

struct RandomTwo {
  std::vector<std::uint16_t> order;  // as a Sequence's: a draw from it is weighted
  std::vector<std::uint16_t> members;
};

// 2^16 slots: with 10 servers of equal weight their shares differ by about 1 %, with 1,000 by about 12 %.
struct HashSlots {
  static constexpr unsigned kBits = 16;
  std::vector<std::uint16_t> slots;    // 2^kBits, or none without servers
  std::vector<std::uint16_t> members;  // all of them
  std::uint64_t seed = 0;              // of keys
  std::uint32_t total_weight = 0;
  // Bounded load: at most so many hundredths of the mean number of requests in flight for its weight; 0: no bound.
  std::uint32_t bound_percent = 0;
};

using Selector = std::variant<Sequence, LeastConnections, LeastTime, RandomTwo, HashSlots>;

// Weights to an order in which no server is bunched: 5, 1, 1 -> a a b a c a a. All equal: plain round robin. Exact
// proportions after division by what all weights share.
[[nodiscard]] Sequence make_sequence(std::span<const std::uint16_t> weights);

[[nodiscard]] Compared make_compared(std::vector<Member> members);

struct HashMember {
  std::string_view name;
  std::uint16_t index = 0;
  std::uint16_t weight = 1;
};
// `service` seeds both servers and keys. The result does not depend on the members' order, and a member that leaves
// moves no key but its own. REQUIRES: weights >= 1.
[[nodiscard]] HashSlots make_hash_slots(std::string_view service, std::span<const HashMember> members);

}  // namespace edge
