#pragma once
// MessageWriter: a head and a body to a stream, in as few sends as possible. Small pieces are gathered behind the head
// and go out with the first flush; large ones leave together with what is gathered, from where they lie. Plain calls
// that never wait: `blocked` says that the stream takes no more now. Owned by a connection; one thread.

#include <cstdint>
#include <string_view>

#include "edge/serve/io/buffers.h"
#include "edge/serve/io/stream.h"
#include "shared/http/framing.h"

namespace edge {

enum class Sent : std::uint8_t { all, blocked, failed };

class MessageWriter {
 public:
  // `out` is empty or holds what an earlier message has left; a head is appended to it by the caller.
  void begin(Stream& stream, OutBuffer& out);
  // How the body that follows is framed. REQUIRES: the head that says so is in `out`.
  void begin_body(const http::Body& body) { body_ = body; }

  // How much of `data` was taken; less than all of it: blocked or failed.
  [[nodiscard]] std::size_t write(std::string_view data);
  // The end of the body; `trailers` are lines with CRLF, written if the framing can carry them.
  void end(std::string_view trailers);
  [[nodiscard]] Sent flush();

  // The raw socket, if the body's octets can go to it as they are and nothing waits before them; else null. Who writes
  // to it says so by bypassed().
  [[nodiscard]] Socket* direct() const;
  void bypassed(std::uint64_t n) { octets_sent_ += n; }

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool blocked() const { return !stream_->writable(); }
  [[nodiscard]] bool pending() const { return !out_->empty(); }
  // Octets given to the kernel, head and framing included.
  [[nodiscard]] std::uint64_t octets_sent() const { return octets_sent_; }

 private:
  static constexpr std::size_t kGathered = 4096;       // a piece up to this size is copied
  static constexpr std::size_t kGatheredChunk = 8192;  // of a body in chunks, as the last one follows in any case
  static constexpr std::size_t kMaxQueue = 16384;      // behind a head, no more than this is gathered

  void open_chunk(std::size_t size);
  void taken(std::size_t n);
  std::size_t send_with(std::string_view data);

  Stream* stream_ = nullptr;
  OutBuffer* out_ = nullptr;
  http::Body body_;
  std::uint64_t chunk_left_ = 0;  // payload promised by the chunk head that was written
  std::uint64_t octets_sent_ = 0;
  bool failed_ = false;
};

}  // namespace edge
