#include "dns/core/steer/earlier_answers.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace dns {

void EarlierAnswers::keep(const std::vector<GivenAnswer>& answers) {
  kept_.insert(kept_.end(), answers.begin(), answers.end());
  while (kept_.size() > most_) kept_.pop_front();
}

std::vector<GivenAnswer> EarlierAnswers::fill_up(std::vector<GivenAnswer> present, std::size_t wanted) const {
  const std::size_t more = std::min(wanted - std::min(wanted, present.size()), kept_.size());
  present.insert(present.end(), kept_.end() - static_cast<std::ptrdiff_t>(more), kept_.end());
  return present;
}

std::vector<GivenAnswer> counted(std::vector<GivenAnswer> answers) {
  const auto key = [](const GivenAnswer& answer) { return std::tie(answer.name, answer.client, answer.by_subnet); };
  std::ranges::sort(answers, {}, key);
  std::vector<GivenAnswer> sums;
  for (GivenAnswer& answer : answers) {
    if (!sums.empty() && key(sums.back()) == key(answer)) {
      sums.back().count += answer.count;
    } else {
      sums.push_back(std::move(answer));
    }
  }
  return sums;
}

}  // namespace dns
