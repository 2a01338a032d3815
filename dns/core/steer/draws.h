#pragma once
// Draws: how a weighted group of regions shares out its clients, without drawing: what choose() gives to many clients,
// before and after a change, as shares. Both sides draw from the same variant, so a client moves only if it must. Pure,
// any thread.

#include <span>
#include <string>
#include <vector>

namespace dns {

// A region as one side has it. REQUIRES (of a group): one member is usable, or it is the only one.
struct DrawnRegion {
  std::string name;
  double weight = 1;
  bool usable = true;
};

struct DrawnShare {
  std::size_t before = 0;  // indices of members
  std::size_t after = 0;
  double share = 0;  // 0 to 1; all shares together are 1
};

[[nodiscard]] std::vector<DrawnShare> shares_of_draws(std::span<const DrawnRegion> before,
                                                      std::span<const DrawnRegion> after);

}  // namespace dns
