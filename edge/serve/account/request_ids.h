#pragma once
// RequestIds: a worker's ids for requests that bring none: 32 hex digits that look random, and of which nobody tells
// the next from those before: a counter under two secret keys. Owned by a worker's context; its thread.

#include <array>
#include <cstdint>
#include <string_view>

#include "shared/core/siphash.h"

namespace edge {

class RequestIds {
 public:
  static constexpr std::size_t kSize = 32;
  using Keys = std::array<shared::SipKey, 2>;

  explicit RequestIds(const Keys& keys) : keys_(keys) {}

  // Valid until the next call.
  [[nodiscard]] std::string_view fresh();

 private:
  Keys keys_;
  std::array<char, kSize> text_{};
  std::uint64_t count_ = 0;
};

}  // namespace edge
