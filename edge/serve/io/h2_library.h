#pragma once
// What both ends of HTTP/2 (clients' connections, and those to servers) have in common of the library (nghttp2): its
// memory, which is the thread's pool's, so that client.max_memory counts it, and fields as it takes and gives them.
// Callers' threads.

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

// The library gives each session a buffer of 16 KiB for the frame that is on its way out. What is in it is of no use
// once nghttp2_session_mem_send() has been called again, so whoever copies each frame before any other session is asked
// for one may let all sessions of a thread have one buffer. What a larger head needs beside it is the session's own.
class H2FrameBuffer {
 public:
  [[nodiscard]] static H2FrameBuffer& of_this_thread();

  // Memory as above, but that a session which is made while this lives gets this buffer.
  class Lent {
   public:
    explicit Lent(H2FrameBuffer& buffer) : buffer_(buffer) { buffer_.lends_ = true; }
    ~Lent() { buffer_.lends_ = false; }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    [[nodiscard]] nghttp2_mem memory();

   private:
    H2FrameBuffer& buffer_;
  };

  // The library's calls.
  [[nodiscard]] void* lend(std::size_t size);  // null: another piece is wanted
  [[nodiscard]] bool is(const void* piece) const { return piece == octets_.data() + kBefore; }

  static constexpr std::size_t kBefore = 16;  // octets before a piece, for its size: the library does not give it back

 private:
  static constexpr std::size_t kSize = 9 + 1 + 16384;  // the library's, with room for a Pad Length

  alignas(16) std::array<char, kBefore + kSize> octets_{};
  bool lends_ = false;
};

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
