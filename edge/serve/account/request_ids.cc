#include "edge/serve/account/request_ids.h"

#include <bit>
#include <cstring>

#include "shared/core/ascii.h"

namespace edge {
namespace {

// Of each octet, the lower half first.
constexpr std::array<std::array<char, 2>, 256> kPairs = [] {
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = {shared::kHexDigits[i & 15], shared::kHexDigits[i >> 4]};
  return pairs;
}();

}  // namespace

std::string_view RequestIds::fresh() {
  const auto number = std::bit_cast<std::array<std::uint8_t, 8>>(++count_);
  const std::array<std::uint64_t, 2> words{shared::siphash_2_4(keys_[0], number),
                                           shared::siphash_2_4(keys_[1], number)};
  for (std::size_t i = 0; i < text_.size(); i += 2) {
    std::memcpy(text_.data() + i, kPairs[(words[i / 16] >> (4 * (i % 16))) & 0xFF].data(), 2);
  }
  return {text_.data(), text_.size()};
}

}  // namespace edge
