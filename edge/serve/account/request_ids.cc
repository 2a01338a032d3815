#include "edge/serve/account/request_ids.h"

#include <bit>

#include "shared/core/ascii.h"

namespace edge {

std::string_view RequestIds::fresh() {
  const auto number = std::bit_cast<std::array<std::uint8_t, 8>>(++count_);
  const std::array<std::uint64_t, 2> words{shared::siphash_2_4(keys_[0], number),
                                           shared::siphash_2_4(keys_[1], number)};
  for (std::size_t i = 0; i < text_.size(); ++i) text_[i] = shared::kHexDigits[(words[i / 16] >> (4 * (i % 16))) & 15];
  return {text_.data(), text_.size()};
}

}  // namespace edge
