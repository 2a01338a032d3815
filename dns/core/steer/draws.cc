#include "dns/core/steer/draws.h"

#include <algorithm>
#include <map>
#include <utility>

namespace dns {

namespace {

using Group = std::span<const DrawnRegion>;

// What both sides draw, weighed.
class Joint {
 public:
  Joint(Group before, Group after) : before_(before), after_(after) {}

  void add(std::size_t from, std::size_t to, double share) {
    if (share > 0) shares_[{from, to}] += share;
  }
  // One side is settled, the other draws again: by the weights of what is usable there.
  void add_any_after(std::size_t from, double share) {
    const double whole = usable_weight(after_);
    for (std::size_t to = 0; to < after_.size(); ++to) {
      if (is_usable(after_, to)) add(from, to, share * after_[to].weight / whole);
    }
  }
  void add_any_before(std::size_t to, double share) {
    const double whole = usable_weight(before_);
    for (std::size_t from = 0; from < before_.size(); ++from) {
      if (is_usable(before_, from)) add(from, to, share * before_[from].weight / whole);
    }
  }
  void add_any(double share) {
    const double whole = usable_weight(before_);
    for (std::size_t from = 0; from < before_.size(); ++from) {
      if (is_usable(before_, from)) add_any_after(from, share * before_[from].weight / whole);
    }
  }

  static bool is_usable(Group group, std::size_t i) { return group.size() == 1 || group[i].usable; }

  [[nodiscard]] std::vector<DrawnShare> finish() const {
    std::vector<DrawnShare> out;
    for (const auto& [ends, share] : shares_) out.push_back({ends.first, ends.second, share});
    return out;
  }

 private:
  static double usable_weight(Group group) {
    double whole = 0;
    for (std::size_t i = 0; i < group.size(); ++i) whole += is_usable(group, i) ? group[i].weight : 0;
    return whole;
  }

  Group before_;
  Group after_;
  std::map<std::pair<std::size_t, std::size_t>, double> shares_;
};

bool same_groups(Group a, Group b) {
  return std::ranges::equal(
      a, b, [](const DrawnRegion& x, const DrawnRegion& y) { return x.name == y.name && x.weight == y.weight; });
}

// The same group in other health: both sides draw the same members, one after the other, until one is usable. The first
// that is usable on either side settles that side; the other goes on by its weights.
void draw_one_group(Joint& joint, Group before, Group after) {
  double whole = 0;
  const auto usable = [&](std::size_t i) { return std::pair(Joint::is_usable(before, i), Joint::is_usable(after, i)); };
  for (std::size_t i = 0; i < before.size(); ++i) whole += usable(i) == std::pair(false, false) ? 0 : before[i].weight;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto [first, second] = usable(i);
    const double share = before[i].weight / whole;
    if (first && second) joint.add(i, i, share);
    if (first && !second) joint.add_any_after(i, share);
    if (!first && second) joint.add_any_before(i, share);
  }
}

// Two groups: one point, from 0 to 1, picks in both by their weights.
void draw_two_groups(Joint& joint, Group before, Group after) {
  const auto total = [](Group group) {
    double whole = 0;
    for (const DrawnRegion& region : group) whole += region.weight;
    return whole;
  };
  const double whole_before = total(before);
  const double whole_after = total(after);
  double end_before = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double begin = end_before;
    end_before += before[i].weight / whole_before;
    double end_after = 0;
    for (std::size_t j = 0; j < after.size(); ++j) {
      const double at = std::max(begin, end_after);
      end_after += after[j].weight / whole_after;
      const double share = std::min(end_before, end_after) - at;
      if (share <= 0) continue;
      const bool first = Joint::is_usable(before, i);
      const bool second = Joint::is_usable(after, j);
      if (first && second) joint.add(i, j, share);
      if (first && !second) joint.add_any_after(i, share);
      if (!first && second) joint.add_any_before(j, share);
      if (!first && !second) joint.add_any(share);
    }
  }
}

}  // namespace

std::vector<DrawnShare> shares_of_draws(std::span<const DrawnRegion> before, std::span<const DrawnRegion> after) {
  Joint joint(before, after);
  if (same_groups(before, after)) {
    draw_one_group(joint, before, after);
  } else {
    draw_two_groups(joint, before, after);
  }
  return joint.finish();
}

}  // namespace dns
