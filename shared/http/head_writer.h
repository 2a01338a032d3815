#pragma once
// HeadWriter: appends a message's head to a fixed buffer. Too little room is noted once and answered at the end, so
// that the writing itself reads straight down. Owned by one call on one thread.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "shared/core/ip.h"
#include "shared/core/ip_text.h"
#include "shared/http/head.h"

namespace http {

// Octets of these fields at most, each as a line of its own; heads that did not come as lines (HTTP/2) have them too.
[[nodiscard]] inline std::size_t lines_bound(const FieldList& fields) {
  std::size_t bound = 4 * fields.size();
  for (const Field& field : fields) bound += field.name.size() + field.value.size();
  return bound;
}

class HeadWriter {
 public:
  explicit HeadWriter(std::span<char> out) : begin_(out.data()), p_(out.data()), end_(out.data() + out.size()) {}

  HeadWriter& text(std::string_view text) {
    if (text.size() > static_cast<std::size_t>(end_ - p_)) {
      full_ = true;
      end_ = p_;  // nothing that is shorter slips in behind
      return *this;
    }
    p_ = put(p_, text);
    return *this;
  }
  HeadWriter& number(std::uint64_t value) {
    const auto [end, error] = std::to_chars(p_, end_, value);
    full_ = full_ || error != std::errc{};
    if (error == std::errc{}) p_ = end;
    return *this;
  }
  HeadWriter& address(const shared::IpAddress& address) {
    if (address.family == shared::Family::ipv4 && end_ - p_ >= std::ptrdiff_t{shared::kV4Room}) {
      p_ = shared::write_v4(p_, address);
      return *this;
    }
    return text(address.to_string());
  }
  HeadWriter& field(std::string_view name, std::string_view value) {
    if (name.size() + value.size() + 4 > static_cast<std::size_t>(end_ - p_)) {
      return text(name).text(": ").text(value).text("\r\n");  // it is full, somewhere
    }
    if (is_line(name, value)) {
      p_ = put(p_, {name.data(), name.size() + 2 + value.size()});
    } else {
      p_ = put(p_, name);
      std::memcpy(p_, ": ", 2);
      p_ = put(p_ + 2, value);
    }
    std::memcpy(p_, "\r\n", 2);
    p_ += 2;
    return *this;
  }
  // A field of our own: `before` is all that stands before the value, "X-Request-Id: ".
  template <std::size_t kSize>
  HeadWriter& line(const char (&before)[kSize], std::string_view value) {
    if (kSize + value.size() + 1 > static_cast<std::size_t>(end_ - p_)) return text(before).text(value).text("\r\n");
    std::memcpy(p_, before, kSize - 1);
    p_ = put(p_ + kSize - 1, value);
    std::memcpy(p_, "\r\n", 2);
    p_ += 2;
    return *this;
  }

  // Our entry, behind those that came (RFC 9110 7.6.3). `version` is the one of the message that came.
  HeadWriter& via(Version version, std::string_view name) {
    return via(version == Version::http_1_0 ? "1.0" : "1.1", name);
  }
  HeadWriter& via(std::string_view version, std::string_view name) {
    return text("Via: ").text(version).text(" ").text(name).text("\r\n");
  }

  // The octets written; nothing when they did not fit.
  [[nodiscard]] std::optional<std::size_t> finish() const {
    if (full_) return std::nullopt;
    return static_cast<std::size_t>(p_ - begin_);
  }

 private:
  // Most fields leave as they came, with a colon and a space between the two: one piece.
  static bool is_line(std::string_view name, std::string_view value) {
    const char* const colon = name.data() + name.size();
    return value.data() == colon + 2 && colon[0] == ':' && colon[1] == ' ';
  }
  static char* put(char* at, std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    return at + text.size();
  }

  char* begin_;
  char* p_;
  char* end_;
  bool full_ = false;
};

}  // namespace http
