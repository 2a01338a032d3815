#pragma once
// H2FrameHeads: the heads of frames (RFC 9113 4.1) in what comes on a connection, whatever pieces it comes in, for who
// has to see frames that the library tells nobody of. A value; its connection's thread.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace edge {

class H2FrameHeads {
 public:
  static constexpr std::size_t kPreface = 24;  // octets before the first frame (3.4)

  // Calls visit(type, stream) for each head that becomes whole; false: one of the calls has said so, and nothing behind
  // that head has been looked at.
  template <class Visit>
  [[nodiscard]] bool follow(std::string_view octets, Visit&& visit) {
    while (!octets.empty()) {
      if (skip_ > 0) {
        const std::size_t n = std::min(skip_, octets.size());
        skip_ -= n;
        octets.remove_prefix(n);
        continue;
      }
      const std::size_t n = std::min(head_.size() - got_, octets.size());
      std::memcpy(head_.data() + got_, octets.data(), n);
      got_ += n;
      octets.remove_prefix(n);
      if (got_ < head_.size()) break;
      got_ = 0;
      skip_ = number(0, 3);
      if (!visit(head_[3], static_cast<std::int32_t>(number(5, 4) & 0x7FFFFFFF))) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] std::uint32_t number(std::size_t at, std::size_t size) const {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + size; ++i) value = value << 8 | head_[i];
    return value;
  }

  std::array<std::uint8_t, 9> head_{};
  std::size_t got_ = 0;
  std::size_t skip_ = kPreface;
};

}  // namespace edge
