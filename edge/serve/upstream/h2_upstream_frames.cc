// What an H2Upstream makes of the frames that its session has read and written.

#include "edge/serve/upstream/h2_upstream.h"
#include "edge/serve/upstream/h2_upstreams.h"

namespace edge {

H2UpstreamStream* H2Upstream::find(std::int32_t id) {
  return static_cast<H2UpstreamStream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
}

void H2Upstream::reset(const H2UpstreamStream& stream, std::uint32_t code) {
  static_cast<void>(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id(), code));
}

void H2Upstream::begin_head(std::int32_t id) {
  if (H2UpstreamStream* const stream = find(id)) stream->begin_head();
}

int H2Upstream::take_field(std::int32_t id, std::string_view name, std::string_view value) {
  H2UpstreamStream* const stream = find(id);
  return stream == nullptr ? 0 : stream->take_field(name, value, plan_.limits);
}

// At the hard limit, a server is no better than a client.
int H2Upstream::judge(Oddity oddity) {
  if (abuse_.add(oddity, now()) != AbuseScore::Level::hard) return 0;
  end({.kind = ErrorKind::bad_response, .side = Side::upstream, .detail = "upstream floods the connection"});
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

int H2Upstream::begin_frame(const nghttp2_frame_hd& head) {
  switch (head.type) {
    case NGHTTP2_CONTINUATION:
      return judge(Oddity::continuation);
    case NGHTTP2_WINDOW_UPDATE:
      return judge(Oddity::window_update);
    case NGHTTP2_RST_STREAM:
      return find(head.stream_id) == nullptr ? judge(Oddity::peer_reset) : 0;
    default:
      return 0;
  }
}

int H2Upstream::take_frame(const nghttp2_frame& frame) {
  H2UpstreamStream* const stream = frame.hd.stream_id == 0 ? nullptr : find(frame.hd.stream_id);
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool answers = (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      if (stream == nullptr) return 0;
      if (!stream->take_head_end()) {
        reset(*stream, NGHTTP2_ENHANCE_YOUR_CALM);
      } else if (ends && !stream->end_answer()) {
        reset(*stream, NGHTTP2_PROTOCOL_ERROR);
      }
      ready(*stream);
      return 0;
    case NGHTTP2_DATA:
      if (!ends && frame.hd.length <= frame.data.padlen) return judge(Oddity::empty_frame);
      if (!ends || stream == nullptr) return 0;
      if (!stream->end_answer()) reset(*stream, NGHTTP2_PROTOCOL_ERROR);
      ready(*stream);
      return 0;
    case NGHTTP2_RST_STREAM:
      if (stream != nullptr) stream->reset_by_peer();
      return 0;
    case NGHTTP2_SETTINGS:
      if (answers) return 0;
      owner_.learn(plan_.server, allowed());
      if (state_ == State::opening) {
        state_ = State::open;
        for (H2UpstreamStream* waiting : streams_) ready(*waiting);
      }
      return judge(Oddity::settings);
    case NGHTTP2_PING:
      if (!answers) return judge(Oddity::ping);
      asked_at_ = {};
      doubted_ = false;
      return 0;
    case NGHTTP2_GOAWAY:
      owner_.counters().h2_upstream_goaways.add();
      if (state_ == State::open) state_ = State::leaving;
      return 0;
    default:
      return 0;
  }
}

void H2Upstream::take_data(std::int32_t id, std::string_view data) {
  abuse_.moved();
  static_cast<void>(nghttp2_session_consume_connection(session_.get(), data.size()));
  H2UpstreamStream* const stream = find(id);
  if (stream == nullptr) return;
  if (!stream->take_data(data)) reset(*stream, NGHTTP2_PROTOCOL_ERROR);
  ready(*stream);
}

void H2Upstream::sent_frame(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  H2UpstreamStream* const stream = find(frame.hd.stream_id);
  if (stream == nullptr) return;
  if (frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
    owner_.counters().h2_upstream_streams.add();
  }
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  stream->sent(frame.hd.length + kH2FrameHead, ends);
  if (stream->wants_room()) ready(*stream);
}

// A request that came too late for this connection. The library knows no stream of it yet.
void H2Upstream::not_sent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS) return;
  for (H2UpstreamStream* stream : streams_) {
    if (stream->id() != frame.hd.stream_id || stream->closed()) continue;
    owner_.counters().h2_upstream_unprocessed.add();
    stream->not_sent();
    return ready(*stream);
  }
}

void H2Upstream::closed_stream(std::int32_t id, std::uint32_t code) {
  H2UpstreamStream* const stream = find(id);
  if (stream == nullptr) {
    std::erase(ending_, id);
    return;
  }
  stream->close(code);
  if (stream->unprocessed()) owner_.counters().h2_upstream_unprocessed.add();
  ready(*stream);
}

int H2Upstream::put_data(std::string_view head, std::size_t size, const nghttp2_frame& frame) {
  H2UpstreamStream* const stream = find(frame.hd.stream_id);
  if (stream == nullptr || frame.data.padlen != 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  out_.append(head);
  out_.append(stream->queue().substr(0, size));
  stream->taken(size);
  abuse_.moved();
  return 0;
}

ssize_t H2Upstream::offer(std::int32_t id, std::size_t most, std::uint32_t& flags) {
  H2UpstreamStream* const stream = find(id);
  if (stream != nullptr) return stream->offer(most, flags);
  if (std::erase(ending_, id) == 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  flags |= NGHTTP2_DATA_FLAG_EOF;
  return 0;
}

}  // namespace edge
