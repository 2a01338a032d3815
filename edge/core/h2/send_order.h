#pragma once
// SendOrder: the streams that have something to send and may, in the order of RFC 9218 10: the most urgent first; of
// one urgency those that are not incremental to their end one by one, incremental ones a frame each in turn. Owned by a
// Session; one thread.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "edge/core/h2/stream.h"

namespace edge::h2 {

class SendOrder {
 public:
  void push(Stream& stream);    // behind those of its urgency; nothing if it is there
  void remove(Stream& stream);  // nothing if it is not
  // Whose turn it is; null: nobody's.
  [[nodiscard]] Stream* first() const {
    if (used_ == 0) return nullptr;
    return tails_[static_cast<std::size_t>(std::countr_zero(used_))]->next_;
  }
  // It has sent a frame and has more.
  void sent(Stream& stream);

 private:
  std::array<Stream*, kUrgencies> tails_{};  // of rings: the tail's next is the head
  std::uint8_t used_ = 0;                    // a bit for each ring that has any
};

}  // namespace edge::h2
