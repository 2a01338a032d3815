#pragma once
// BodyReader: a message's body as decoded pieces, whatever its framing, pulled from a stream through a fixed buffer.
// The same for requests and responses. Plain calls that never wait: `wait` says that the stream has no more now. Owned
// by a connection; one thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "edge/serve/io/buffers.h"
#include "edge/serve/io/stream.h"
#include "shared/http/chunked.h"
#include "shared/http/framing.h"

namespace edge {

enum class BodyState : std::uint8_t { data, wait, end, failed };

struct BodyPiece {
  BodyState state;
  std::string_view data;  // not empty with `data`; valid until the next peek
};

enum class BodyFailure : std::uint8_t { none, truncated, malformed, too_large };

class BodyReader {
 public:
  // A client's body, of at most `limit` octets, or a server's; reads on where `buffer` stands, behind the head.
  void begin(Stream& stream, ReadBuffer& buffer, const http::Body& body, std::uint64_t limit);
  void begin(Stream& stream, ReadBuffer& buffer, const http::Body& body);

  [[nodiscard]] BodyPiece peek();
  // The same without asking the stream.
  [[nodiscard]] BodyPiece peek_buffered();
  void consume(std::size_t n);
  // What is not yet received of a body with a length; 0 for others. Once nothing is buffered somebody else may read it
  // from the raw socket, and says so by skip().
  [[nodiscard]] std::uint64_t unreceived() const;
  void skip(std::uint64_t n);
  // The whole body has been consumed; what is left in the buffer belongs to the next message.
  [[nodiscard]] bool finished() const { return state_ == BodyState::end && piece_.empty(); }
  [[nodiscard]] BodyFailure failure() const { return failure_; }
  [[nodiscard]] std::uint64_t consumed() const { return consumed_; }
  // Lines with their CRLF, allowed trailers only; complete once finished.
  [[nodiscard]] std::string_view trailers() const { return trailers_; }

 private:
  BodyPiece fail(BodyFailure failure);
  BodyPiece at_hand();
  BodyPiece decode_chunks();

  Stream* stream_ = nullptr;
  ReadBuffer* buffer_ = nullptr;
  http::BodyKind kind_ = http::BodyKind::none;
  BodyState state_ = BodyState::end;  // what comes when nothing is at hand
  BodyFailure failure_ = BodyFailure::none;
  std::uint64_t remaining_ = 0;  // BodyKind::length: not yet consumed; else room under the limit
  std::uint64_t consumed_ = 0;
  std::string_view piece_;  // chunked: decoded and not yet consumed
  http::ChunkDecoder decoder_;
  std::string trailers_;
};

}  // namespace edge
