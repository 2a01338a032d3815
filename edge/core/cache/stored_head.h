#pragma once
// StoredHead: the head of a stored response: what RFC 9111 3.1 lets be stored of it, in one piece of memory. Immutable
// once made, any thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "edge/core/cache/cache_control.h"
#include "edge/core/cache/cache_rule.h"
#include "shared/http/date.h"
#include "shared/http/head.h"

namespace edge {

class StoredHead {
 public:
  StoredHead() = default;
  // Connection's fields, those that directives name and, by policy, Set-Cookie are left out; Age is made anew for each
  // answer. Date is `heard_at` if the server has sent none (RFC 9110 6.6.1).
  StoredHead(const http::ResponseHead& head, const ResponseDirectives& directives, CookiePolicy cookies,
             http::UnixSeconds heard_at);

  // With the fields of a 304 in the place of those of the same names (RFC 9111 3.2).
  [[nodiscard]] StoredHead updated_by(const http::ResponseHead& not_modified, const ResponseDirectives& directives,
                                      CookiePolicy cookies) const;

  // As many fields as a message may have, and Date.
  static constexpr std::size_t kMostFields = http::FieldList::kMostReceived + 1;

  // The head, with views into this. False: these were not all.
  [[nodiscard]] bool copy_to(http::ResponseHead& head) const;
  // As a head of HTTP/1, with its empty line.
  void append_text(std::string& out) const;
  // The first line's value; empty: there is none.
  [[nodiscard]] std::string_view find(http::FieldId id) const;
  [[nodiscard]] std::string_view find(std::string_view name) const;
  [[nodiscard]] std::uint16_t status() const { return status_; }
  // Octets of its own memory.
  [[nodiscard]] std::size_t memory() const { return size_ + kCounts; }

 private:
  struct Line {
    std::uint32_t at;
    std::uint32_t value_size;
    std::uint16_t name_size;
    http::FieldId id;
  };

  static constexpr std::size_t kCounts = 32;  // of the block's owners

  void write(std::string_view reason, std::span<const http::Field* const> fields);
  [[nodiscard]] Line line(std::size_t index) const;
  [[nodiscard]] http::Field field(std::size_t index) const;
  [[nodiscard]] std::string_view text(std::size_t at, std::size_t size) const;

  std::uint16_t status_ = 0;
  http::Version version_ = http::Version::http_1_1;
  std::uint16_t count_ = 0;  // of lines
  std::uint32_t reason_size_ = 0;
  std::uint32_t size_ = 0;
  // [Line, Line, ... | reason | name, value, name, value, ...]; copies share it.
  std::shared_ptr<const char[]> block_;
};

}  // namespace edge
