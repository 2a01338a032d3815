#pragma once
// FrameReader: frames (RFC 9113 4) out of what comes on a connection, in pieces of any size: the preface, then heads,
// each judged by what every frame has to keep to whatever the state of its stream is; payloads whole, but those of
// DATA, which are handed on as they come. A payload that comes in one piece is not copied; of one that does not, no
// more than a frame is kept. Owned by a connection; one thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string_view>

#include "edge/core/h2/frame.h"
#include "edge/core/h2/octet_buffer.h"

namespace edge::h2 {

class FrameReader {
 public:
  enum class State : std::uint8_t {
    more,   // nothing whole is left
    frame,  // or a piece of DATA
    error,  // the connection's end
  };
  struct Frame {
    FrameType type{};
    std::uint8_t flags = 0;
    bool first = true;  // of DATA: its first piece
    bool last = true;   // likewise
    std::int32_t stream = 0;
    // Without padding and, of HEADERS, without the priority that was. Valid until the next call.
    std::string_view payload;
    std::uint32_t length = 0;   // as the head has it: what flow control counts
    std::uint32_t padding = 0;  // of DATA, with the octet that says how long it is
  };
  struct Got {
    State state = State::more;
    Error error = Error::none;
    Frame frame{};
  };

  explicit FrameReader(std::pmr::memory_resource& memory) : kept_(memory) {}

  // Takes what it reads from the front of `octets`.
  [[nodiscard]] Got next(std::string_view& octets);

  // A field block has begun and has not ended (6.10), or the frame of one has not come whole.
  [[nodiscard]] bool in_block() const {
    return block_ != 0 || (phase_ == Phase::payload && head_.type == FrameType::headers);
  }
  [[nodiscard]] std::size_t memory() const { return kept_.capacity(); }

 private:
  enum class Phase : std::uint8_t { preface, head, payload, pad_length, data, skip };

  [[nodiscard]] Got read_preface(std::string_view& octets);
  [[nodiscard]] Error read_head(std::string_view head);
  [[nodiscard]] Error judge_head() const;
  [[nodiscard]] Got read_payload(std::string_view& octets);
  [[nodiscard]] bool depends_on_itself(std::string_view priority) const;
  [[nodiscard]] Got whole(std::string_view payload);
  [[nodiscard]] Got read_data(std::string_view& octets);
  [[nodiscard]] static Got fail(Error error) { return {.state = State::error, .error = error}; }

  Phase phase_ = Phase::preface;
  bool settings_seen_ = false;
  bool use_kept_ = false;  // the payload that was handed out lies in kept_
  std::uint8_t got_ = 0;   // octets of the preface or of a head
  std::array<char, kFrameHead> part_{};
  Frame head_;
  std::int32_t block_ = 0;  // the stream whose block waits for CONTINUATION
  std::uint32_t left_ = 0;  // octets of DATA, or to skip
  OctetBuffer kept_;
};

}  // namespace edge::h2
