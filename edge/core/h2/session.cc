#include "edge/core/h2/session.h"

#include <algorithm>
#include <utility>

namespace edge::h2 {
namespace {

constexpr std::size_t kMostSettings = 32;  // in one frame

}  // namespace

Session::Session(std::pmr::memory_resource& memory, std::uint32_t window)
    : reader_(memory),
      decoder_(memory),
      encoder_(memory),
      streams_(memory),
      window_(static_cast<std::int32_t>(std::min<std::uint32_t>(window, kMaxWindow))),
      receive_window_(std::max(window_, kFirstWindow)) {
  consumed_ = std::min(window_ - kFirstWindow, 0);  // a smaller one is reached by telling less
}

Event Session::next(std::string_view& octets) {
  Event event;
  while (true) {
    if (fields_ && next_field(event)) return event;
    const FrameReader::Got got = reader_.next(octets);
    if (got.state == FrameReader::State::more) return {};
    if (got.state == FrameReader::State::error) return fail(got.error);
    if (take(got.frame, event)) return event;
  }
}

// False: nothing of it is anybody's, or the fragment is used up.
bool Session::next_field(Event& event) {
  while (true) {
    const FieldDecoder::Got got = decoder_.next();
    switch (got.state) {
      case FieldDecoder::State::field:
        if (head_ == nullptr) continue;
        event = {.what = What::field, .known = got.known, .id = head_id_, .stream = head_, .field = got.field};
        return true;
      case FieldDecoder::State::more:
        fields_ = false;
        return false;
      case FieldDecoder::State::end:
        fields_ = false;
        if (head_ != nullptr && head_ends_) head_->remote_ended_ = true;
        event = {.what = What::head_end, .ends = head_ends_, .id = head_id_, .stream = head_};
        head_ = nullptr;
        if (event.stream != nullptr && event.stream->local_ended_ && head_ends_) close(*event.stream);
        return true;
      case FieldDecoder::State::error:
        event = fail(Error::compression);
        return true;
    }
  }
}

// False: it has no meaning.
bool Session::take(const FrameReader::Frame& frame, Event& event) {
  switch (frame.type) {
    case FrameType::data:
      event = frame.first ? begin_data(frame) : take_data(frame);
      return true;
    case FrameType::headers:
      event = begin_head(frame);
      return event.what != What::more;
    case FrameType::continuation:
      decoder_.feed(frame.payload, (frame.flags & kEndHeaders) != 0);
      fields_ = true;
      event = {.what = What::continuation, .id = frame.stream};
      return true;
    case FrameType::rst_stream:
      event = take_reset(frame);
      return true;
    case FrameType::settings:
      event = take_settings(frame);
      return true;
    case FrameType::ping:
      event = {.what = (frame.flags & kAck) != 0 ? What::ping_ack : What::ping, .octets = frame.payload};
      return true;
    case FrameType::goaway:
      goaway_came_ = true;
      event = {.what = What::goaway};
      return true;
    case FrameType::window_update:
      event = take_window_update(frame);
      return true;
    case FrameType::priority:  // no more than a number of octets (5.3.2)
      event = {.what = What::priority, .id = frame.stream};
      return true;
    case FrameType::priority_update:
      event = take_priority_update(frame);
      return true;
    default:
      return false;
  }
}

// `more`: its fields are nobody's, and are read for the table's sake.
Event Session::begin_head(const FrameReader::Frame& frame) {
  head_ = nullptr;
  head_id_ = frame.stream;
  head_ends_ = (frame.flags & kEndStream) != 0;
  decoder_.feed(frame.payload, (frame.flags & kEndHeaders) != 0);
  fields_ = true;
  if (frame.stream % 2 == 0) return fail(Error::protocol);
  if (frame.stream > newest_) return begin_request(frame.stream);
  Stream* const stream = streams_.find(frame.stream);
  if (stream == nullptr) {
    const Error error = look_back(frame.stream);
    return error == Error::none ? Event{} : fail(error);
  }
  if (stream->remote_ended_) return fail(Error::stream_closed);
  if (!head_ends_) return fail(frame.stream, stream, Error::protocol);  // 8.1
  if (stream->expected_ >= 0 && stream->received_ != static_cast<std::uint64_t>(stream->expected_)) {
    return fail(frame.stream, stream, Error::protocol);  // 8.1.1
  }
  head_ = stream;
  return {.what = What::trailers, .id = frame.stream, .stream = stream};
}

Event Session::begin_request(std::int32_t id) {
  newest_ = id;
  past_.opened(id);
  if (no_more_) return {};
  return {.what = What::request, .id = id};
}

void Session::accept(Stream& stream) {
  head_ = &stream;
  last_accepted_ = stream.id_;
  stream.open_ = true;
  stream.send_window_ = first_send_window_;
  // Before it knows ours the peer takes the default for granted.
  stream.receive_window_ = acknowledged_ ? window_ / 2 : std::max(window_ / 2, kFirstWindow);
  if (updates_ != nullptr) take_updates(stream);
  streams_.add(stream.id_, stream);
}

void Session::take_updates(Stream& stream) {
  for (Updates::Update& update : updates_->of) {
    if (update.id != stream.id_) continue;
    stream.priority_ = update.priority;
    stream.told_priority_ = true;
    update.id = 0;
  }
}

void Session::close(Stream& stream) {
  if (!stream.open_) return;
  stream.open_ = false;
  order_.remove(stream);
  if (stream.remote_ended_) past_.ended(stream.id_);
  if (head_ == &stream) head_ = nullptr;
  if (data_ == &stream) data_ = nullptr;
  streams_.remove(stream.id_);
}

// What comes on a stream that is not open: an error, or too late to be one (5.1).
Error Session::look_back(std::int32_t id) const {
  if (idle(id)) return Error::protocol;
  switch (past_.past(id)) {
    case PastStreams::Past::none:
      return Error::none;
    case PastStreams::Past::closed:
      return Error::stream_closed;
    case PastStreams::Past::unused:
      return Error::protocol;
  }
  return Error::none;
}

// All of a frame counts at once (6.9.1).
Event Session::begin_data(const FrameReader::Frame& frame) {
  const auto length = static_cast<std::int32_t>(frame.length);
  data_ = streams_.find(frame.stream);
  if (data_ == nullptr) {
    if (const Error error = look_back(frame.stream); error != Error::none) return fail(error);
  } else if (data_->remote_ended_) {
    return fail(Error::stream_closed);
  }
  receive_window_ -= length;
  if (receive_window_ < 0) return fail(Error::flow_control);
  consumed(frame.padding);
  if (data_ != nullptr) {
    data_->receive_window_ -= length;
    data_->consumed_ += static_cast<std::int32_t>(frame.padding);
    if (data_->receive_window_ < 0) {
      consumed(frame.payload.size());
      return fail(frame.stream, data_, Error::flow_control);
    }
  }
  return take_data(frame);
}

Event Session::take_data(const FrameReader::Frame& frame) {
  const std::size_t n = frame.payload.size();
  const bool ends = frame.last && (frame.flags & kEndStream) != 0;
  Stream* const stream = data_;
  if (stream != nullptr) {
    stream->received_ += n;
    const auto expected = static_cast<std::uint64_t>(stream->expected_);
    const bool unlike = stream->received_ > expected || (ends && stream->received_ != expected);
    if (stream->expected_ >= 0 && unlike) {
      consumed(n);
      return fail(frame.stream, stream, Error::protocol);  // 8.1.1
    }
    if (ends) {
      stream->remote_ended_ = true;
      if (stream->local_ended_) close(*stream);
    }
  }
  return {.what = What::data,
          .ends = ends,
          .empty = frame.first && frame.last && n == 0 && !ends,
          .id = frame.stream,
          .stream = stream,
          .octets = frame.payload};
}

Event Session::take_reset(const FrameReader::Frame& frame) {
  if (idle(frame.stream)) return fail(Error::protocol);
  Stream* const stream = streams_.find(frame.stream);
  if (stream != nullptr) close(*stream);
  past_.ended(frame.stream);
  return {.what = What::reset, .id = frame.stream, .stream = stream};
}

Event Session::take_settings(const FrameReader::Frame& frame) {
  if ((frame.flags & kAck) != 0) {
    if (!std::exchange(unanswered_, false)) return fail(Error::protocol);  // nobody waits for it
    acknowledged_ = true;
    return {.what = What::settings_ack};
  }
  if (frame.payload.size() > 6 * kMostSettings) return fail(Error::enhance_your_calm);
  for (std::size_t at = 0; at < frame.payload.size(); at += 6) {
    const Error error = take_setting(read_number(frame.payload, at, 2), read_number(frame.payload, at + 2, 4));
    if (error != Error::none) return fail(error);
  }
  return {.what = What::settings};
}

// 6.5.2
Error Session::take_setting(std::uint32_t setting, std::uint32_t value) {
  const auto held = [](bool fits) { return fits ? Error::none : Error::protocol; };
  switch (static_cast<Setting>(setting)) {
    case Setting::header_table_size:
      encoder_.set_peer_most(value);
      return Error::none;
    case Setting::enable_push:
      return held(value <= 1);
    case Setting::initial_window_size:
      return set_initial_window(value);
    case Setting::max_frame_size:
      return held(value >= kMaxFrame && value < 1U << 24);
    case Setting::enable_connect_protocol:
      if (value > 1 || (connects_ && value == 0)) return Error::protocol;  // RFC 8441 3
      connects_ = value == 1;
      return Error::none;
    case Setting::no_rfc7540_priorities:
      if (value > 1 || (priorities_known_ && no_priorities_ != (value == 1))) return Error::protocol;  // RFC 9218 2.1
      priorities_known_ = true;
      no_priorities_ = value == 1;
      return Error::none;
    case Setting::max_concurrent_streams:
    case Setting::max_header_list_size:
      break;
  }
  return Error::none;
}

// 6.9.2: windows may become negative by it.
Error Session::set_initial_window(std::uint32_t value) {
  if (value > static_cast<std::uint32_t>(kMaxWindow)) return Error::flow_control;
  const std::int64_t change = static_cast<std::int64_t>(value) - first_send_window_;
  first_send_window_ = static_cast<std::int32_t>(value);
  for (const OpenStreams::Slot& slot : streams_) {
    const std::int64_t window = slot.stream->send_window_ + change;
    if (window > kMaxWindow) return Error::flow_control;
    slot.stream->send_window_ = static_cast<std::int32_t>(window);
    if (slot.stream->starved_ && window > 0) wants_to_send(*slot.stream);
  }
  return Error::none;
}

Event Session::take_window_update(const FrameReader::Frame& frame) {
  const std::int64_t increment = read_number(frame.payload, 0, 4) & 0x7FFFFFFF;
  if (frame.stream == 0) {
    if (increment == 0) return fail(Error::protocol);
    if (send_window_ + increment > kMaxWindow) return fail(Error::flow_control);
    send_window_ = static_cast<std::int32_t>(send_window_ + increment);
    return {.what = What::window_update};
  }
  if (idle(frame.stream)) return fail(Error::protocol);
  Stream* const stream = streams_.find(frame.stream);
  if (stream != nullptr) {
    if (increment == 0) return fail(frame.stream, stream, Error::protocol);
    if (stream->send_window_ + increment > kMaxWindow) return fail(frame.stream, stream, Error::flow_control);
    stream->send_window_ = static_cast<std::int32_t>(stream->send_window_ + increment);
    if (stream->starved_ && stream->send_window_ > 0) wants_to_send(*stream);
  }
  return {.what = What::window_update, .id = frame.stream, .stream = stream};
}

// RFC 9218 7.1. Of streams to come a few are remembered.
Event Session::take_priority_update(const FrameReader::Frame& frame) {
  const auto id = static_cast<std::int32_t>(read_number(frame.payload, 0, 4) & 0x7FFFFFFF);
  if (id % 2 == 0) return fail(Error::protocol);
  const Priority priority = read_priority(frame.payload.substr(4));
  Stream* const stream = streams_.find(id);
  if (stream != nullptr) {
    prioritize(*stream, priority);
  } else if (id > newest_) {
    if (updates_ == nullptr) updates_ = std::make_unique<Updates>();
    updates_->of[updates_->at++ % updates_->of.size()] = {.id = id, .priority = priority};
  }
  return {.what = What::priority, .id = id, .stream = stream};
}

// What a PRIORITY_UPDATE has said before stands.
void Session::take_priority_field(Stream& stream, std::string_view value) {
  if (!stream.told_priority_) prioritize(stream, read_priority(value));
}

void Session::prioritize(Stream& stream, Priority priority) {
  const bool queued = stream.queued_;
  order_.remove(stream);
  stream.priority_ = priority;
  if (queued) order_.push(stream);
}

void Session::wants_to_send(Stream& stream) {
  if (!stream.open_ || stream.local_ended_) return;
  stream.starved_ = false;
  order_.push(stream);
}

std::size_t Session::room(const Stream& stream) const {
  const std::int32_t window = std::min(send_window_, stream.send_window_);
  return window <= 0 ? 0 : std::min(static_cast<std::size_t>(window), kMaxFrame);
}

bool Session::starve(Stream& stream) {
  if (stream.send_window_ > 0) return false;
  order_.remove(stream);
  stream.starved_ = true;
  return true;
}

void Session::sent_data(Stream& stream, std::size_t n, bool ends) {
  send_window_ -= static_cast<std::int32_t>(n);
  stream.send_window_ -= static_cast<std::int32_t>(n);
  if (ends) {
    sent_end(stream);
  } else {
    order_.sent(stream);
  }
}

void Session::sent_end(Stream& stream) {
  stream.local_ended_ = true;
  order_.remove(stream);
  if (stream.remote_ended_) close(stream);
}

// When a half of the window is consumed.
std::uint32_t Session::take_increment() {
  if (consumed_ < std::max(window_ / 2, 1)) return 0;
  const auto increment = static_cast<std::uint32_t>(consumed_);
  receive_window_ += static_cast<std::int32_t>(consumed_);
  consumed_ = 0;
  return increment;
}

std::uint32_t Session::consumed(Stream& stream, std::size_t n) {
  consumed(n);
  stream.consumed_ += static_cast<std::int32_t>(n);
  if (!stream.open_ || stream.remote_ended_ || stream.consumed_ < std::max(window_ / 4, 1)) return 0;
  stream.receive_window_ += stream.consumed_;
  return static_cast<std::uint32_t>(std::exchange(stream.consumed_, 0));
}

std::size_t Session::memory() const {
  return reader_.memory() + decoder_.memory() + encoder_.table().memory() + streams_.memory();
}

}  // namespace edge::h2
