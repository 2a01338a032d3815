#include "edge/core/h2/frame_reader.h"

#include <algorithm>
#include <cstring>

namespace edge::h2 {

FrameReader::Got FrameReader::next(std::string_view& octets) {
  if (use_kept_) {
    kept_.release();
    use_kept_ = false;
  }
  while (true) {
    switch (phase_) {
      case Phase::preface:
        if (const Got got = read_preface(octets); phase_ == Phase::preface) return got;
        break;
      case Phase::head: {
        if (octets.empty()) return {};
        const bool whole = got_ == 0 && octets.size() >= kFrameHead;
        const std::size_t n = std::min(kFrameHead - got_, octets.size());
        if (!whole) std::memcpy(part_.data() + got_, octets.data(), n);
        const std::string_view head = whole ? octets.substr(0, kFrameHead) : octets_of(part_);
        octets.remove_prefix(n);
        got_ = static_cast<std::uint8_t>(got_ + n);
        if (got_ < kFrameHead) return {};
        got_ = 0;
        if (const Error error = read_head(head); error != Error::none) return fail(error);
        break;
      }
      case Phase::payload:
        return read_payload(octets);
      case Phase::pad_length:
        if (octets.empty()) return {};
        head_.padding = 1U + static_cast<std::uint8_t>(octets.front());
        octets.remove_prefix(1);
        if (head_.padding > head_.length) return fail(Error::protocol);
        left_ = head_.length - head_.padding;
        phase_ = Phase::data;
        break;
      case Phase::data:
        return read_data(octets);
      case Phase::skip: {
        const std::size_t n = std::min<std::size_t>(left_, octets.size());
        octets.remove_prefix(n);
        left_ -= static_cast<std::uint32_t>(n);
        if (left_ > 0) return {};
        phase_ = Phase::head;
        break;
      }
    }
  }
}

FrameReader::Got FrameReader::read_preface(std::string_view& octets) {
  const std::size_t n = std::min(kPreface.size() - got_, octets.size());
  if (octets.substr(0, n) != kPreface.substr(got_, n)) return fail(Error::protocol);
  octets.remove_prefix(n);
  got_ = static_cast<std::uint8_t>(got_ + n);
  if (got_ == kPreface.size()) {
    got_ = 0;
    phase_ = Phase::head;
  }
  return {};
}

Error FrameReader::read_head(std::string_view head) {
  head_ = {.type = static_cast<FrameType>(head[3]),
           .flags = static_cast<std::uint8_t>(head[4]),
           .stream = static_cast<std::int32_t>(read_number(head, 5, 4) & 0x7FFFFFFF),
           .payload = {},
           .length = read_number(head, 0, 3)};
  if (const Error error = judge_head(); error != Error::none) return error;
  settings_seen_ = true;
  switch (head_.type) {
    case FrameType::data:
      left_ = head_.length;
      phase_ = (head_.flags & kPadded) != 0 ? Phase::pad_length : Phase::data;
      break;
    case FrameType::headers:
    case FrameType::priority:
    case FrameType::rst_stream:
    case FrameType::settings:
    case FrameType::ping:
    case FrameType::goaway:
    case FrameType::window_update:
    case FrameType::continuation:
    case FrameType::priority_update:
      phase_ = Phase::payload;
      break;
    default:  // 5.5
      left_ = head_.length;
      phase_ = Phase::skip;
      break;
  }
  return Error::none;
}

// What holds for a frame of its type on any stream (6).
Error FrameReader::judge_head() const {
  if (head_.length > kMaxFrame) return Error::frame_size;
  if (!settings_seen_ && (head_.type != FrameType::settings || (head_.flags & kAck) != 0)) return Error::protocol;
  const bool continues = head_.type == FrameType::continuation;
  if (continues ? block_ == 0 || head_.stream != block_ : block_ != 0) return Error::protocol;
  const auto sized = [&](bool fits) { return fits ? Error::none : Error::frame_size; };
  switch (head_.type) {
    case FrameType::data:
    case FrameType::headers:
      if (head_.stream == 0) return Error::protocol;
      return sized((head_.flags & kPadded) == 0 || head_.length > 0);
    case FrameType::priority:
      return head_.stream == 0 ? Error::protocol : sized(head_.length == 5);
    case FrameType::rst_stream:
      return head_.stream == 0 ? Error::protocol : sized(head_.length == 4);
    case FrameType::settings:
      if (head_.stream != 0) return Error::protocol;
      return sized((head_.flags & kAck) != 0 ? head_.length == 0 : head_.length % 6 == 0);
    case FrameType::push_promise:
      return Error::protocol;  // no client's (8.4)
    case FrameType::ping:
      return head_.stream != 0 ? Error::protocol : sized(head_.length == 8);
    case FrameType::goaway:
      return head_.stream != 0 ? Error::protocol : sized(head_.length >= 8);
    case FrameType::window_update:
      return sized(head_.length == 4);
    case FrameType::priority_update:
      return head_.stream != 0 ? Error::protocol : sized(head_.length >= 4);
    case FrameType::continuation:
      break;
  }
  return Error::none;
}

FrameReader::Got FrameReader::read_payload(std::string_view& octets) {
  const std::size_t n = std::min<std::size_t>(head_.length - kept_.size(), octets.size());
  const std::string_view piece = octets.substr(0, n);
  octets.remove_prefix(n);
  if (kept_.size() == 0 && n == head_.length) return whole(piece);
  kept_.append(piece);
  if (kept_.size() < head_.length) return {};
  use_kept_ = true;
  return whole(kept_.view());
}

// RFC 7540 5.3.1; of what it says of priorities nothing else counts any more.
bool FrameReader::depends_on_itself(std::string_view priority) const {
  return static_cast<std::int32_t>(read_number(priority, 0, 4) & 0x7FFFFFFF) == head_.stream;
}

FrameReader::Got FrameReader::whole(std::string_view payload) {
  phase_ = Phase::head;
  if (head_.type == FrameType::headers) {
    std::size_t padding = 0;
    if ((head_.flags & kPadded) != 0) {
      padding = static_cast<std::uint8_t>(payload.front());
      payload.remove_prefix(1);
    }
    if ((head_.flags & kPriorityFlag) != 0) {
      if (payload.size() < 5) return fail(Error::frame_size);
      if (depends_on_itself(payload)) return fail(Error::protocol);
      payload.remove_prefix(5);
    }
    if (padding > payload.size()) return fail(Error::protocol);
    payload.remove_suffix(padding);
  }
  if (head_.type == FrameType::priority && depends_on_itself(payload)) return fail(Error::protocol);
  if (head_.type == FrameType::headers || head_.type == FrameType::continuation) {
    block_ = (head_.flags & kEndHeaders) != 0 ? 0 : head_.stream;
  }
  head_.payload = payload;
  return {.state = State::frame, .error = Error::none, .frame = head_};
}

FrameReader::Got FrameReader::read_data(std::string_view& octets) {
  const std::size_t n = std::min<std::size_t>(left_, octets.size());
  if (n == 0 && left_ > 0) return {};
  head_.payload = octets.substr(0, n);
  octets.remove_prefix(n);
  left_ -= static_cast<std::uint32_t>(n);
  head_.last = left_ == 0;
  const Got got{.state = State::frame, .error = Error::none, .frame = head_};
  head_.first = false;
  if (head_.last) {
    left_ = head_.padding > 0 ? head_.padding - 1 : 0;
    phase_ = Phase::skip;
  }
  return got;
}

}  // namespace edge::h2
