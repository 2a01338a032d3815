#pragma once
// Moves: what a change does to the answers of policy names. Two sides, before and after (another database, another
// configuration, a region down), are asked the same questions by choose(), the function that answers queries; counted
// over the address space or over answers that were really given. Where a weighted group draws for each query, its
// shares count and not one draw. Pure; any thread, but it may take a second: not on the answer path.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/policy_tables.h"
#include "shared/core/ip.h"

namespace dns {

// Both outlive the call.
struct Side {
  const PolicyTables* tables = nullptr;
  const AnswerSets* answers = nullptr;
};

// Answers that were given to one block of clients.
struct GivenAnswer {
  std::string name;       // as SteeredName::name
  shared::Prefix client;  // of the client subnet, or the resolver's own
  bool by_subnet = true;
  std::uint64_t count = 1;
};

inline constexpr const char* kNoRegion = "-";  // no address, or REFUSED

// Shares are 0 to 1 of what was looked at for the name: answers, or addresses of the family.
struct Flow {
  std::string from;
  std::string to;
  double share = 0;
};
struct MovedBlock {
  shared::Prefix block;
  std::string from;
  std::string to;
  double share = 0;
};
struct RegionShare {
  std::string region;
  double before = 0;
  double after = 0;
};

struct NameMoves {
  std::string name;
  double weight = 0;                 // answers or IPv4 addresses looked at
  double moved = 0;                  // share of them
  double moved_v6 = 0;               // share of 2000::/3; over answers: 0, they are in `moved`
  double error = 0;                  // of `moved`, either way: half of its 95 % interval; over the space: 0
  std::vector<RegionShare> regions;  // in the order of their names
  std::vector<Flow> flows;           // the largest first
  std::vector<MovedBlock> blocks;    // the largest first, IPv4 before IPv6, kMostBlocks at most
};

inline constexpr std::size_t kMostBlocks = 10;

struct MoveReport {
  std::vector<NameMoves> names;      // that are on both sides
  std::vector<std::string> added;    // that are on the second side alone
  std::vector<std::string> removed;  // on the first
  double weight = 0;                 // over all names
  double moved = 0;                  // share of it; over answers: each answer counts once, else the mean of the names
  double error = 0;                  // as NameMoves::error
};

inline constexpr double kFewSamples = 30;  // of answers; fewer say nothing worth a number

// Over all addresses: IPv4 unicast (0.0.0.0 to 223.255.255.255) and, apart, IPv6 global unicast (2000::/3).
[[nodiscard]] MoveReport moves_of_space(const Side& before, const Side& after);

// Over answers that were given. Those of names that are not on both sides are left out.
[[nodiscard]] MoveReport moves_of_answers(const Side& before, const Side& after, std::span<const GivenAnswer> given);

}  // namespace dns
