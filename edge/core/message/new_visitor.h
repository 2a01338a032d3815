#pragma once
// NewVisitor: a client that comes to routes which divide clients by a cookie, and has no such cookie yet. A number that
// was drawn by chance stands for it, and is given to the client, so that what is decided now is decided again. Value
// type, part of a request's decision.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace edge {

class NewVisitor {
 public:
  // 16 hexadecimal digits.
  using Id = std::array<char, 16>;
  static constexpr std::size_t kMostId = 64;  // octets; a longer cookie is none of ours

  void draw(std::uint64_t number) { drawn_ = number; }
  [[nodiscard]] Id id() const;
  // The client is to be given this cookie, which stays as long as its route. More than fit come at its next request.
  void give(std::string_view cookie);
  [[nodiscard]] std::span<const std::string_view> cookies() const { return std::span(cookies_).first(count_); }

 private:
  std::uint64_t drawn_ = 0;
  std::size_t count_ = 0;
  std::array<std::string_view, 4> cookies_{};
};

// The value of Set-Cookie that keeps an assignment for 30 days: "canary=0123456789abcdef; Path=/; ...".
[[nodiscard]] std::string visitor_cookie(std::string_view cookie, const NewVisitor& visitor, std::string_view scheme);

}  // namespace edge
