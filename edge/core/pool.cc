#include "edge/core/pool.h"

#include <cassert>
#include <numeric>

namespace edge {

Sequence make_sequence(std::span<const std::uint16_t> weights) {
  Sequence sequence;
  std::int64_t divisor = 0;
  for (const std::uint16_t weight : weights) divisor = std::gcd(divisor, std::int64_t{weight});
  if (divisor == 0) return sequence;
  std::int64_t total = 0;
  for (const std::uint16_t weight : weights) total += weight / divisor;
  // Each server gains its weight a turn; the richest is taken and pays the total: in one cycle each is taken exactly
  // its weight's number of times, as far apart as can be.
  std::vector<std::int64_t> credit(weights.size(), 0);
  sequence.order.reserve(static_cast<std::size_t>(total));
  for (std::int64_t turn = 0; turn < total; ++turn) {
    std::size_t richest = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      credit[i] += weights[i] / divisor;
      if (credit[i] > credit[richest]) richest = i;
    }
    credit[richest] -= total;
    sequence.order.push_back(static_cast<std::uint16_t>(richest));
  }
  return sequence;
}

const Pool* Pools::find(std::string_view name) const {
  for (const Pool& pool : pools_) {
    if (pool.name == name) return &pool;
  }
  return nullptr;
}

void Addresses::set(ServerId id, std::vector<shared::Endpoint> endpoints) {
  const auto index = static_cast<std::size_t>(id);
  if (index >= endpoints_.size()) endpoints_.resize(index + 1);
  endpoints_[index] = std::move(endpoints);
}

}  // namespace edge
