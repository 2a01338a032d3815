#pragma once
// H2Body: octets of a response's body that wait for their frames, laid out as frames are: before each 16 KiB there is
// room for the head of a DATA frame, so that a long run of frames is one piece of memory, which the writer sends (and
// TLS enciphers) from where it lies.
//
//   [head|16,384 octets][head|16,384 octets][head|...        a frame cut short by a window leaves the rest without room
//           ^ begin                            ^ end         for a head, which then is a piece of its own
//
// What was taken stays where it is until the next append() or space(). Owned by an H2Stream; one thread.

#include <cstddef>
#include <span>
#include <string_view>

#include <sys/uio.h>

#include "edge/serve/io/frame_pool.h"

namespace edge {

class H2Body {
 public:
  static constexpr std::size_t kHead = 9;        // RFC 9113 4.1
  static constexpr std::size_t kFrame = 16'384;  // what each peer takes (4.2)

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  void append(std::string_view octets);
  // Where up to n octets may be received into, in pieces between frames' heads: as many of `parts` as that takes. Then
  // commit() of those that came; with none the space is forgotten.
  [[nodiscard]] std::span<const iovec> space(std::size_t n, std::span<iovec> parts);
  void commit(std::size_t n);
  // Octets that one frame can have, of at most `most`.
  [[nodiscard]] std::size_t next(std::size_t most) const;

  struct Frame {
    std::string_view head;  // empty: it stands before the octets
    std::string_view octets;
  };
  // REQUIRES: n <= next(n); `head` has kHead octets.
  [[nodiscard]] Frame take(std::string_view head, std::size_t n);

 private:
  static constexpr std::size_t kPeriod = kHead + kFrame;

  void reserve(std::size_t n);
  void make_room(std::size_t n);
  template <class Visit>
  [[nodiscard]] static std::size_t for_each_piece(std::size_t at, std::size_t n, Visit visit);

  Octets bytes_;
  std::size_t begin_ = 0;  // of the octet that is next; at a frame's start it may stand before the head's room
  std::size_t end_ = 0;
  std::size_t size_ = 0;
};

}  // namespace edge
