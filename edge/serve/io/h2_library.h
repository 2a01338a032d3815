#pragma once
// The library (nghttp2) that connections to servers speak HTTP/2 by: its memory, which is the thread's pool's, so that
// client.max_memory counts it, and fields as it takes and gives them. Callers' threads.

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include "shared/http/fields.h"

namespace edge {

struct H2SessionEnd {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};
using H2Session = std::unique_ptr<nghttp2_session, H2SessionEnd>;

[[nodiscard]] nghttp2_mem h2_memory();

inline constexpr std::size_t kH2FrameHead = 9;  // octets (RFC 9113 4.1)

[[nodiscard]] std::string_view h2_text(nghttp2_rcbuf* buffer);
// The library only reads and copies what it points to.
[[nodiscard]] nghttp2_nv h2_field(std::string_view name, std::string_view value);

// All fields of a head, our own too.
struct H2Fields {
  static constexpr std::size_t kMost = 2 * http::FieldList::kCapacity;

  void push(std::string_view name, std::string_view value) {
    if (count < kMost) all[count++] = h2_field(name, value);
  }

  std::array<nghttp2_nv, kMost> all;
  std::size_t count = 0;
};

}  // namespace edge
