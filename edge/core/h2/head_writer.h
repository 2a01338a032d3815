#pragma once
// HeadWriter: one field block as frames: HEADERS, and CONTINUATION behind it where it does not fit into one (RFC 9113
// 6.10), written where it will be sent from. Lives for one block; one thread.
//
//   HeadWriter head(encoder, out.room(HeadWriter::bound(lines.size())).data());
//   head.status(200); head.add(field); ...
//   out.commit(head.finish(stream, kEndStream));

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "edge/core/h2/field_encoder.h"
#include "edge/core/h2/frame.h"

namespace edge::h2 {

class HeadWriter {
 public:
  // Octets that fields take which as lines of HTTP/1 ("name: value") are so many, with a few more short ones. A literal
  // is no longer than its line but for lengths over 126.
  [[nodiscard]] static constexpr std::size_t bound(std::size_t lines) {
    return 2 * lines + 128 + (2 * lines / kMaxFrame + 1) * kFrameHead;
  }

  HeadWriter(FieldEncoder& encoder, char* room)
      : encoder_(encoder), begin_(room), at_(encoder.begin(room + kFrameHead)) {}
  HeadWriter(const HeadWriter&) = delete;
  HeadWriter& operator=(const HeadWriter&) = delete;

  void add(std::string_view name, std::string_view value) { at_ = encoder_.add(at_, name, value); }
  void add(const http::Field& field) { at_ = encoder_.add(at_, field); }
  void status(std::uint16_t status) { at_ = encoder_.add_status(at_, status); }
  // `flags`: kEndStream or none. Octets of all frames.
  [[nodiscard]] std::size_t finish(std::int32_t stream, std::uint8_t flags);

 private:
  FieldEncoder& encoder_;
  char* begin_;
  char* at_;
};

}  // namespace edge::h2
