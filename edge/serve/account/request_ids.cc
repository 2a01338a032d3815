#include "edge/serve/account/request_ids.h"

#include <bit>

#include "shared/core/hex_text.h"

namespace edge {
std::string_view RequestIds::fresh() {
  const auto number = std::bit_cast<std::array<std::uint8_t, 8>>(++count_);
  shared::write_hex(text_.data(), shared::siphash_2_4(keys_[0], number));
  shared::write_hex(text_.data() + kSize / 2, shared::siphash_2_4(keys_[1], number));
  return {text_.data(), kSize};
}

}  // namespace edge
