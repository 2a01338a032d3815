#pragma once
// EarlierAnswers: sampled answers of policies that are gone, as far as the present ones have not made up for them yet:
// the oldest go first. A plain value, owned by Control.

#include <cstddef>
#include <deque>
#include <vector>

#include "dns/core/steer/moves.h"

namespace dns {

class EarlierAnswers {
 public:
  // `most`: how many are kept.
  explicit EarlierAnswers(std::size_t most) : most_(most) {}

  void keep(const std::vector<GivenAnswer>& answers);

  // `present`, and the latest of the earlier ones up to `wanted` of both.
  [[nodiscard]] std::vector<GivenAnswer> fill_up(std::vector<GivenAnswer> present, std::size_t wanted) const;

 private:
  std::size_t most_;
  std::deque<GivenAnswer> kept_;  // the oldest first
};

// Each name and block once, with the times that it was given; sorted.
[[nodiscard]] std::vector<GivenAnswer> counted(std::vector<GivenAnswer> answers);

}  // namespace dns
