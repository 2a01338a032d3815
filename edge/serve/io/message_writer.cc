#include "edge/serve/io/message_writer.h"

#include <algorithm>
#include <array>
#include <span>

#include "shared/http/chunked.h"

namespace edge {
namespace {

iovec part_of(std::string_view bytes) {
  return {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};  // send only reads it
}

}  // namespace

void MessageWriter::begin(Stream& stream, OutBuffer& out) {
  stream_ = &stream;
  out_ = &out;
  body_ = {};
  chunk_left_ = 0;
  octets_sent_ = 0;
  failed_ = false;
}

void MessageWriter::open_chunk(std::size_t size) {
  out_->commit(http::write_chunk_head(out_->room(http::kChunkHeadSize), size));
  chunk_left_ = size;
}

void MessageWriter::taken(std::size_t n) {
  if (body_.kind != http::BodyKind::chunked || n == 0) return;
  chunk_left_ -= n;
  if (chunk_left_ == 0) out_->append(http::kChunkEnd);
}

std::size_t MessageWriter::write(std::string_view data) {
  if (failed_ || data.empty()) return 0;
  // Nothing is promised to a stream that takes nothing. What ends with the connection, as a tunnel's octets, is not
  // gathered: nothing of it is known to follow, and another buffer would be touched for each message.
  const bool chunked = body_.kind == http::BodyKind::chunked;
  const std::size_t most = chunked ? kGatheredChunk : kGathered;
  const bool small = data.size() <= most && out_->size() + data.size() <= kMaxQueue;
  const bool gather = small && body_.kind != http::BodyKind::until_close;
  if (!gather && !stream_->writable()) return 0;
  if (chunked && chunk_left_ == 0) open_chunk(data.size());
  if (chunked) data = data.substr(0, std::min<std::uint64_t>(data.size(), chunk_left_));
  std::size_t n = data.size();
  if (gather) {
    out_->append(data);
  } else {
    n = send_with(data);
  }
  taken(n);
  return n;
}

std::size_t MessageWriter::send_with(std::string_view data) {
  const std::string_view queued = out_->view();
  const std::array<iovec, 2> parts{part_of(queued), part_of(data)};
  const IoResult result = queued.empty() ? stream_->send(std::span(parts).subspan(1)) : stream_->send(parts);
  if (result.status == IoStatus::failed) failed_ = true;
  if (result.status != IoStatus::ok) return 0;
  octets_sent_ += result.bytes;
  const std::size_t of_queue = std::min(result.bytes, queued.size());
  out_->consume(of_queue);
  return result.bytes - of_queue;
}

void MessageWriter::end(std::string_view trailers) {
  if (body_.kind == http::BodyKind::chunked) {
    out_->append(http::kLastChunkHead);
    out_->append(trailers);
    out_->append("\r\n");
  }
  body_ = {};
}

Socket* MessageWriter::direct() const {
  const bool as_it_is = body_.kind == http::BodyKind::length || body_.kind == http::BodyKind::until_close;
  return as_it_is && !pending() && !failed_ ? stream_->raw() : nullptr;
}

Sent MessageWriter::flush() {
  if (out_->over_ceiling()) failed_ = true;
  while (!failed_ && pending()) {
    const std::array<iovec, 1> part{part_of(out_->view())};
    const IoResult result = stream_->send(part);
    if (result.status == IoStatus::again) return Sent::blocked;
    if (result.status == IoStatus::failed) failed_ = true;
    out_->consume(result.bytes);
    octets_sent_ += result.bytes;
  }
  return failed_ ? Sent::failed : Sent::all;
}

}  // namespace edge
