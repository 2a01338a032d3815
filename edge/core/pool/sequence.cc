#include <algorithm>
#include <numeric>
#include <queue>
#include <utility>

#include "edge/core/pool/selector.h"

namespace edge {
namespace {

constexpr std::size_t kSmall = std::size_t{1} << 20U;  // steps of the quadratic way that nobody waits for

// Each server gains its weight a turn; the richest is taken and pays the total: in one cycle each is taken exactly its
// weight's number of times, as far apart as can be (nginx's smooth weighted round robin).
std::vector<std::uint16_t> smooth_order(std::span<const std::uint16_t> weights, std::size_t total) {
  std::vector<std::uint16_t> order;
  std::vector<std::int64_t> credit(weights.size(), 0);
  order.reserve(total);
  for (std::size_t turn = 0; turn < total; ++turn) {
    std::size_t richest = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      credit[i] += weights[i];
      if (credit[i] > credit[richest]) richest = i;
    }
    credit[richest] -= static_cast<std::int64_t>(total);
    order.push_back(static_cast<std::uint16_t>(richest));
  }
  return order;
}

// The same shares in n log n, for many servers: the k-th turn of a server is due at (2k + 1) / 2w, the earliest first.
std::vector<std::uint16_t> deadline_order(std::span<const std::uint16_t> weights, std::size_t total) {
  struct Turn {
    std::uint64_t numerator;  // due = numerator / (2 * weight)
    std::uint16_t weight;
    std::uint16_t index;
  };
  const auto later = [](const Turn& a, const Turn& b) {
    const std::uint64_t left = a.numerator * b.weight;
    const std::uint64_t right = b.numerator * a.weight;
    return left != right ? left > right : a.index > b.index;
  };
  std::priority_queue<Turn, std::vector<Turn>, decltype(later)> turns(later);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > 0) turns.push({1, weights[i], static_cast<std::uint16_t>(i)});
  }
  std::vector<std::uint16_t> order;
  order.reserve(total);
  while (order.size() < total) {
    Turn turn = turns.top();
    turns.pop();
    order.push_back(turn.index);
    turn.numerator += 2;
    turns.push(turn);
  }
  return order;
}

}  // namespace

Sequence make_sequence(std::span<const std::uint16_t> weights) {
  std::uint16_t divisor = 0;
  for (const std::uint16_t weight : weights) divisor = std::gcd(divisor, weight);
  if (divisor == 0) return {};
  Sequence made;
  std::vector<std::uint16_t> reduced;
  std::size_t total = 0;
  for (const std::uint16_t weight : weights) {
    if (weight > 0) made.members.push_back(static_cast<std::uint16_t>(reduced.size()));
    reduced.push_back(static_cast<std::uint16_t>(weight / divisor));
    total += reduced.back();
  }
  made.order = total * reduced.size() <= kSmall ? smooth_order(reduced, total) : deadline_order(reduced, total);
  return made;
}

Compared make_compared(std::vector<Member> members) {
  Compared made{.members = std::move(members), .order = {}};
  if (made.members.size() <= Compared::kAll) return made;
  std::vector<std::uint16_t> weights;
  for (const Member& member : made.members) weights.push_back(member.weight);
  made.order = make_sequence(weights).order;
  return made;
}

}  // namespace edge
