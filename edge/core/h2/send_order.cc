#include "edge/core/h2/send_order.h"

namespace edge::h2 {

void SendOrder::push(Stream& stream) {
  if (stream.queued_) return;
  stream.queued_ = true;
  Stream*& tail = tails_[stream.priority_.urgency];
  if (tail == nullptr) {
    stream.next_ = &stream;
  } else {
    stream.next_ = tail->next_;
    tail->next_ = &stream;
  }
  tail = &stream;
  used_ = static_cast<std::uint8_t>(used_ | 1U << stream.priority_.urgency);
}

void SendOrder::remove(Stream& stream) {
  if (!stream.queued_) return;
  stream.queued_ = false;
  Stream*& tail = tails_[stream.priority_.urgency];
  Stream* before = tail;
  while (before->next_ != &stream) before = before->next_;
  if (before == &stream) {
    tail = nullptr;
    used_ = static_cast<std::uint8_t>(used_ & ~(1U << stream.priority_.urgency));
  } else {
    before->next_ = stream.next_;
    if (tail == &stream) tail = before;
  }
  stream.next_ = nullptr;
}

void SendOrder::sent(Stream& stream) {
  if (!stream.queued_ || !stream.priority_.incremental) return;
  remove(stream);
  push(stream);
}

}  // namespace edge::h2
