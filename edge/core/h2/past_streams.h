#pragma once
// PastStreams: what is remembered of an HTTP/2 connection's streams that are no more: those whose client said that
// nothing more comes, and numbers that it has passed over. A frame on one of these is no late one: the client breaks
// the protocol (RFC 9113 5.1, 5.1.1). Of the last few only: whoever goes further back is ignored, as if it had come
// late. A value; its connection's thread.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace edge::h2 {

class PastStreams {
 public:
  enum class Past : std::uint8_t {
    none,    // open, new, or too long ago
    closed,  // by its client: STREAM_CLOSED
    unused,  // a later one has been opened, and this one is closed without having been used: PROTOCOL_ERROR
  };

  // A stream of the client's begins. REQUIRES: it is new.
  void opened(std::int32_t id) {
    if (id > newest_ + 2) gaps_[gap_++ % gaps_.size()] = {.first = newest_ + 2, .last = id - 2};
    newest_ = std::max(newest_, id);
  }
  // It is over, and its client has ended or reset it.
  void ended(std::int32_t id) { ended_[at_++ % ended_.size()] = id; }

  [[nodiscard]] Past past(std::int32_t id) const {
    if (id == 0 || id > newest_) return Past::none;
    if (std::ranges::find(ended_, id) != ended_.end()) return Past::closed;
    const bool in_gap = std::ranges::any_of(gaps_, [id](const Gap& gap) { return gap.first <= id && id <= gap.last; });
    return in_gap && id % 2 == 1 ? Past::unused : Past::none;
  }

 private:
  struct Gap {
    std::int32_t first = 0;
    std::int32_t last = 0;
  };

  std::array<std::int32_t, 8> ended_{};
  std::array<Gap, 2> gaps_{};
  std::int32_t newest_ = -1;
  std::uint8_t at_ = 0;
  std::uint8_t gap_ = 0;
};

}  // namespace edge::h2
