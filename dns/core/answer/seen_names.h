#pragma once
// SeenNames: the names that one reply looks up for additional data, each once, by their hashes. Lives on the stack of
// answer().

#include <algorithm>
#include <array>
#include <cstdint>

namespace dns {

inline constexpr unsigned kMaxTargets = 16;  // names that additional data is looked up for

class SeenNames {
 public:
  // False: seen before, or too many.
  [[nodiscard]] bool insert(std::uint64_t hash) {
    const auto end = hashes_.begin() + count_;
    if (count_ == kMaxTargets || std::find(hashes_.begin(), end, hash) != end) return false;
    hashes_[count_++] = hash;
    return true;
  }

 private:
  std::array<std::uint64_t, kMaxTargets> hashes_;
  unsigned count_ = 0;
};

}  // namespace dns
