// What an H2Connection makes of the frames that its session has read and written.

#include <algorithm>
#include <utility>

#include "edge/serve/client/h2_connection.h"

namespace edge {

// A stream that its client has reset counts until its request's work here is over.
void H2Connection::begin_head(std::int32_t id, bool request) {
  head_began_ = context_.now();
  head_id_ = id;
  if (!request) return;
  past_.opened(id);
  const Settings& now = settings();
  if (streams_.size() >= now.http2.max_streams || held_ > now.http2.max_buffer) {
    static_cast<void>(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM));
    context_.counters.h2_refused_streams.add();
    static_cast<void>(judge(Oddity::refused_stream));  // the hard limit is seen at the next frame
    return;
  }
  if (streams_.empty()) {
    window_began_ = context_.now();
    window_octets_ = moved_;
  }
  streams_.push_back(std::make_unique<H2Stream>(*this, context_, id));
  held_ += streams_.back()->held();
  static_cast<void>(nghttp2_session_set_stream_user_data(session_.get(), id, streams_.back().get()));
  context_.counters.h2_streams.add();
  context_.counters.h2_streams_open.add();
}

// The library's own word for a field that we do not take would be INTERNAL_ERROR.
int H2Connection::reset_malformed(std::int32_t id) {
  static_cast<void>(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR));
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int H2Connection::take_field(std::int32_t id, std::string_view name, std::string_view value) {
  H2Stream* const stream = find(id);
  if (stream == nullptr) return 0;  // refused, or over
  if (stream->head_read()) {
    return stream->take_trailer(name, value) ? 0 : reset_malformed(id);
  }
  const std::size_t before = stream->held();
  const H2Request::Taken taken = stream->request().add(name, value, settings().head_limits);
  held_ += stream->held() - before;
  if (taken == H2Request::Taken::yes) return 0;
  if (taken == H2Request::Taken::malformed) return reset_malformed(id);
  return break_off(NGHTTP2_ENHANCE_YOUR_CALM);
}

int H2Connection::break_off(std::uint32_t code) {
  stop(Stop::told, code);
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

// The library remembers no stream that is over, and ignores what comes on one.
int H2Connection::look_back(std::int32_t id) {
  switch (past_.past(id)) {
    case PastStreams::Past::none:
      return 0;
    case PastStreams::Past::closed:
      return break_off(NGHTTP2_STREAM_CLOSED);
    case PastStreams::Past::unused:
      return break_off(NGHTTP2_PROTOCOL_ERROR);
  }
  return 0;
}

int H2Connection::begin_frame(const nghttp2_frame_hd& head) {
  if (stop_ == Stop::now) return NGHTTP2_ERR_CALLBACK_FAILURE;
  switch (head.type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
      return look_back(head.stream_id);
    case NGHTTP2_CONTINUATION:
      return judge(Oddity::continuation);
    case NGHTTP2_PRIORITY:
      // The library, which does not use it, does not look (RFC 9113 6.3).
      return head.stream_id == 0 ? break_off(NGHTTP2_PROTOCOL_ERROR) : judge(Oddity::priority);
    case NGHTTP2_PRIORITY_UPDATE:
      return judge(Oddity::priority);
    case NGHTTP2_WINDOW_UPDATE:
      return judge(Oddity::window_update);
    default:
      return 0;
  }
}

int H2Connection::take_frame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      take_head(frame);
      return 0;
    case NGHTTP2_DATA: {
      const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
      if (!ends && frame.hd.length <= frame.data.padlen) return judge(Oddity::empty_frame);
      H2Stream* const stream = ends ? find(frame.hd.stream_id) : nullptr;
      if (stream == nullptr) return 0;
      stream->end_request();
      ready(*stream);
      return 0;
    }
    case NGHTTP2_RST_STREAM:
      context_.counters.h2_resets_received.add();
      past_.ended(frame.hd.stream_id);
      return judge(Oddity::peer_reset);
    case NGHTTP2_SETTINGS:
      return (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0 ? 0 : judge(Oddity::settings);
    case NGHTTP2_PING:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) return judge(Oddity::ping);
      if (shutting_down_) finish_shutdown();
      return 0;
    default:
      return 0;
  }
}

void H2Connection::take_head(const nghttp2_frame& frame) {
  head_began_ = {};
  H2Stream* const stream = find(frame.hd.stream_id);
  if (stream == nullptr) return;
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (stream->head_read()) {
    if (ends) stream->end_request();
  } else {
    const std::size_t before = stream->held();
    stream->take_head(ends);
    first_ = false;
    held_ += stream->held() - before;
    ++running_;
    stand();
  }
  ready(*stream);
}

void H2Connection::take_data(std::int32_t id, std::string_view data) {
  abuse_.moved();
  H2Stream* const stream = find(id);
  if (stream == nullptr) {
    static_cast<void>(nghttp2_session_consume_connection(session_.get(), data.size()));
    return;
  }
  stream->take_data(data);
  ready(*stream);
}

// What was not the client's doing does not count against it, nor what has been counted.
void H2Connection::sent_reset(std::uint32_t code) {
  context_.counters.h2_resets_sent.add();
  const bool ours = code == NGHTTP2_NO_ERROR || code == NGHTTP2_INTERNAL_ERROR || code == NGHTTP2_REFUSED_STREAM ||
                    code == NGHTTP2_CONNECT_ERROR;
  if (!ours) static_cast<void>(judge(Oddity::caused_reset));
}

// The first step of a shutdown is none yet.
void H2Connection::sent_goaway(const nghttp2_goaway& frame) {
  constexpr std::int32_t kNotice = 0x7FFFFFFF;
  Counters& counters = context_.counters;
  if (frame.error_code == NGHTTP2_ENHANCE_YOUR_CALM) {
    counters.h2_goaways_calm.add();
  } else if (frame.error_code != NGHTTP2_NO_ERROR) {
    counters.h2_goaways_error.add();
  } else if (frame.last_stream_id != kNotice) {
    counters.h2_goaways_graceful.add();
  }
}

int H2Connection::sent_frame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_RST_STREAM) sent_reset(frame.rst_stream.error_code);
  if (frame.hd.type == NGHTTP2_GOAWAY) sent_goaway(frame.goaway);
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return 0;
  H2Stream* const stream = find(frame.hd.stream_id);
  if (stream == nullptr) return 0;
  constexpr std::size_t kFrameHead = 9;
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  stream->sent(frame.hd.length + kFrameHead, ends);
  if (ends || stream->wants_room()) ready(*stream);
  return 0;
}

void H2Connection::closed_stream(std::int32_t id) {
  if (id == head_id_) head_began_ = {};
  H2Stream* const stream = find(id);
  if (stream == nullptr) return;
  const bool begun = stream->head_read();
  if (stream->request_ended()) past_.ended(id);
  stream->closed();
  // One whose head never came whole has nobody to serve it.
  if (begun) {
    ready(*stream);
  } else {
    finished(*stream);
  }
}

int H2Connection::put_data(std::string_view head, std::size_t size, H2Stream& stream, const nghttp2_frame& frame) {
  if (frame.data.padlen != 0) return NGHTTP2_ERR_CALLBACK_FAILURE;  // we ask for none
  const H2Body::Frame taken = stream.take_frame(head, size);
  output_->append(taken.head);
  output_->lend(taken.octets);
  queued_ -= size;
  abuse_.moved();
  return 0;
}

}  // namespace edge
