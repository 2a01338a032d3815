#pragma once
// SendOrder: the streams that have something to send and may, in the order of RFC 9218 10: the most urgent first; of
// one urgency those that are not incremental to their end one by one, incremental ones a frame each in turn. Owned by a
// Session; one thread.

#include "edge/core/h2/stream.h"

namespace edge::h2 {

class SendOrder {
 public:
  void push(Stream& stream);    // behind those of its urgency; nothing if it is there
  void remove(Stream& stream);  // nothing if it is not
  // Whose turn it is; null: nobody's.
  [[nodiscard]] Stream* first() const { return first_; }
  // It has sent a frame and has more.
  void sent(Stream& stream);

 private:
  // One list, the most urgent first: nearly always all of one urgency, and no more than a connection may have.
  Stream* first_ = nullptr;
  Stream* last_ = nullptr;
};

}  // namespace edge::h2
