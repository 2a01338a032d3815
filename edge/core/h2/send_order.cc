#include "edge/core/h2/send_order.h"

namespace edge::h2 {

void SendOrder::push(Stream& stream) {
  if (stream.queued_) return;
  stream.queued_ = true;
  Stream* before = last_;
  if (before != nullptr && before->priority_.urgency > stream.priority_.urgency) {
    before = nullptr;
    for (Stream* at = first_; at->priority_.urgency <= stream.priority_.urgency; at = at->next_) before = at;
  }
  Stream*& place = before == nullptr ? first_ : before->next_;
  stream.next_ = place;
  place = &stream;
  if (stream.next_ == nullptr) last_ = &stream;
}

void SendOrder::remove(Stream& stream) {
  if (!stream.queued_) return;
  stream.queued_ = false;
  Stream* before = nullptr;
  for (Stream* at = first_; at != &stream; at = at->next_) before = at;
  (before == nullptr ? first_ : before->next_) = stream.next_;
  if (last_ == &stream) last_ = before;
  stream.next_ = nullptr;
}

void SendOrder::sent(Stream& stream) {
  if (!stream.queued_ || !stream.priority_.incremental) return;
  remove(stream);
  push(stream);
}

}  // namespace edge::h2
