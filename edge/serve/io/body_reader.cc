#include "edge/serve/io/body_reader.h"

#include <algorithm>

namespace edge {

void BodyReader::begin(Stream& stream, ReadBuffer& buffer, const http::Body& body, std::uint64_t limit) {
  stream_ = &stream;
  buffer_ = &buffer;
  kind_ = body.kind;
  remaining_ = body.kind == http::BodyKind::length ? body.length : limit;
  consumed_ = 0;
  failure_ = BodyFailure::none;
  piece_ = {};
  decoder_ = http::ChunkDecoder(http::Sender::client);
  trailers_.clear();
  const bool empty = kind_ == http::BodyKind::none || (kind_ == http::BodyKind::length && remaining_ == 0);
  state_ = empty ? BodyState::end : BodyState::wait;
}

void BodyReader::begin(Stream& stream, ReadBuffer& buffer, const http::Body& body) {
  begin(stream, buffer, body, http::kNoBodyLimit);
  decoder_ = http::ChunkDecoder(http::Sender::server);
}

BodyPiece BodyReader::fail(BodyFailure failure) {
  state_ = BodyState::failed;
  failure_ = failure;
  return {.state = BodyState::failed, .data = {}};
}

BodyPiece BodyReader::decode_chunks() {
  while (piece_.empty()) {
    const http::ChunkStep step = decoder_.next(buffer_->view());
    buffer_->consume(step.consumed);
    switch (step.event) {
      case http::ChunkEvent::need_more:
        return {.state = BodyState::wait, .data = {}};
      case http::ChunkEvent::data:
        piece_ = step.data;
        break;
      case http::ChunkEvent::trailer:
        trailers_.append(step.trailer.name).append(": ").append(step.trailer.value).append("\r\n");
        break;
      case http::ChunkEvent::done:
        state_ = BodyState::end;
        return {.state = BodyState::end, .data = {}};
      case http::ChunkEvent::error:
        return fail(BodyFailure::malformed);
    }
  }
  if (piece_.size() > remaining_) return fail(BodyFailure::too_large);
  return {.state = BodyState::data, .data = piece_};
}

BodyPiece BodyReader::at_hand() {
  if (kind_ == http::BodyKind::chunked) return decode_chunks();
  std::string_view view = buffer_->view();
  if (kind_ == http::BodyKind::length) view = view.substr(0, std::min<std::uint64_t>(view.size(), remaining_));
  return {.state = view.empty() ? BodyState::wait : BodyState::data, .data = view};
}

BodyPiece BodyReader::peek_buffered() {
  if (state_ != BodyState::wait) return {.state = state_, .data = {}};
  return at_hand();
}

std::uint64_t BodyReader::unreceived() const {
  if (state_ != BodyState::wait || kind_ != http::BodyKind::length) return 0;
  return remaining_ - std::min<std::uint64_t>(remaining_, buffer_->view().size());
}

void BodyReader::skip(std::uint64_t n) {
  consumed_ += n;
  remaining_ -= n;
  if (remaining_ == 0) state_ = BodyState::end;
}

// Until there is a piece, or nothing more to receive: what a layer holds back behind a part of a chunk's head is told
// by no event.
BodyPiece BodyReader::peek() {
  BodyPiece present = peek_buffered();
  while (present.state == BodyState::wait) {
    const std::span<char> space = buffer_->space();
    if (space.empty()) return fail(BodyFailure::malformed);  // a trailer line that no buffer holds
    const IoResult received = stream_->receive(space);
    switch (received.status) {
      case IoStatus::ok:
        buffer_->commit(received.bytes);
        present = at_hand();
        break;
      case IoStatus::again:
        return present;
      case IoStatus::closed:
        if (kind_ != http::BodyKind::until_close) return fail(BodyFailure::truncated);
        state_ = BodyState::end;
        return {.state = BodyState::end, .data = {}};
      case IoStatus::failed:
        return fail(BodyFailure::truncated);
    }
  }
  return present;
}

void BodyReader::consume(std::size_t n) {
  consumed_ += n;
  if (kind_ == http::BodyKind::chunked) {
    piece_.remove_prefix(n);
    remaining_ -= n;
    return;
  }
  buffer_->consume(n);
  if (kind_ != http::BodyKind::length) return;
  remaining_ -= n;
  if (remaining_ == 0) state_ = BodyState::end;
}

}  // namespace edge
