#pragma once
// H2Answer: a head that a server sends over HTTP/2, field by field, made into the ResponseHead that HTTP/1 has, under
// the same limits: what becomes of an answer does not know how it came. Each octet is looked at again although the
// library has done so (RFC 9113 8.2.1): what goes on towards HTTP/1 clients must not hold a line's end. Owned by a
// stream; one thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace edge {

class H2Answer {
 public:
  enum class Taken : std::uint8_t { yes, malformed, too_much };

  // `:status` comes first, which the library sees to.
  [[nodiscard]] Taken add(std::string_view name, std::string_view value, const http::HeadLimits& limits);

  // After the last field. Views of `head` point into this, and stay as long as it does and where it is. False:
  // malformed.
  [[nodiscard]] bool finish(http::ResponseHead& head) const;
  // Of a success to a WebSocket's CONNECT (RFC 8441), before finish(): it becomes the 101 that it is in HTTP/1, with
  // `accept` as its Sec-WebSocket-Accept.
  void switch_protocols(std::string_view accept) { accept_ = accept; }

  [[nodiscard]] std::uint16_t status() const { return status_; }
  [[nodiscard]] bool interim() const { return status_ >= 100 && status_ < 200; }
  [[nodiscard]] bool success() const { return status_ / 100 == 2; }
  [[nodiscard]] std::size_t octets() const { return list_size_; }

 private:
  static constexpr std::size_t kOverhead = 32;  // octets of a field in the list's size (RFC 9113 6.5.2)

  [[nodiscard]] bool switched() const { return !accept_.empty(); }

  std::string lines_;
  std::string accept_;
  std::uint16_t status_ = 0;
  std::size_t list_size_ = 0;
  std::size_t fields_ = 0;
};

// How the body of an answer that came over HTTP/2 is to be seen: one without a length ends with its stream. `ended`:
// the stream has ended with the head.
[[nodiscard]] http::ResponseFraming h2_framing(http::ResponseFraming framing, bool ended);

}  // namespace edge
