#pragma once
// H2UpstreamStream: one request at a server that speaks HTTP/2, and its answer: a sink and a source for pump(), as
// MessageWriter and BodyReader are with HTTP/1. Calls never wait and never write: the connection does, once a turn for
// all of its streams, and wakes the request when something has happened. Destroyed before its end, it is reset: the
// server hears that nobody waits any more. Owned by an attempt, outlives its connection if need be; its worker's
// thread.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "edge/core/message/errors.h"
#include "edge/core/message/h2_answer.h"
#include "edge/serve/io/body_reader.h"
#include "edge/serve/io/buffers.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/message_writer.h"
#include "edge/serve/io/socket.h"

namespace edge {

class H2Upstream;

class H2UpstreamStream final : public Pooled {
 public:
  enum class State : std::uint8_t {
    waiting,  // for its connection
    ready,    // begin() may be called
    crowded,  // the connection takes fewer streams than have come: ask for another one
    failed,   // error() says why
  };

  H2UpstreamStream(H2Upstream& connection, Waiter& waiter);
  ~H2UpstreamStream();
  H2UpstreamStream(const H2UpstreamStream&) = delete;
  H2UpstreamStream& operator=(const H2UpstreamStream&) = delete;

  [[nodiscard]] State state() const;
  // It came to a connection that had stood before.
  [[nodiscard]] bool reused() const { return reused_; }
  // Which trailers are passed on: the few that http::trailer_allowed() has, or a call's metadata, too.
  enum class Trailers : std::uint8_t { plain, of_a_call };
  // `head` as rewrite.h has written it for HTTP/1; nobody needs it afterwards. `bare`: there is no body.
  // REQUIRES: ready.
  void begin(std::span<char> head, bool bare, Trailers trailers = Trailers::plain);
  // The server takes WebSockets (RFC 8441). REQUIRES: ready.
  [[nodiscard]] bool may_tunnel() const;
  // The same for the upgrade to a WebSocket, which `head` asks for in HTTP/1's way: an extended CONNECT. A success is
  // its 101, with `accept` as Sec-WebSocket-Accept; until that is taken the request has no body and no end, and then
  // both directions are the tunnel. REQUIRES: may_tunnel().
  void begin_tunnel(std::span<char> head, std::string_view accept);
  // The request's time has passed, and it has heard nothing.
  void doubt();

  // The sink's half, as MessageWriter has it.
  [[nodiscard]] std::size_t write(std::string_view data);
  void end(std::string_view trailers);
  [[nodiscard]] Sent flush() const;
  [[nodiscard]] bool failed() const { return closed_ && !ended_out_; }
  [[nodiscard]] bool blocked() const { return room() == 0; }
  [[nodiscard]] std::uint64_t octets_sent() const { return octets_sent_; }

  // The source's: heads in order, then the body. Views in a head are good until the next one is taken; false:
  // malformed.
  [[nodiscard]] bool head_there() const { return !heads_.empty(); }
  [[nodiscard]] bool take_head(http::ResponseHead& head);
  // The answer ended with the head that was taken last.
  [[nodiscard]] bool ended_with_head() const { return ended_in_ && in_.empty() && received_ == 0; }
  [[nodiscard]] BodyPiece peek();
  void consume(std::size_t n);
  [[nodiscard]] std::string_view trailers() const { return trailers_in_; }
  // Nothing more comes, nor would anything be taken.
  [[nodiscard]] bool closed() const { return closed_; }
  // REQUIRES: it failed, or came to its end before the answer's.
  [[nodiscard]] const Error& error() const { return error_; }
  // The server has said that it has done nothing for it, or has not even had it (RFC 9113 6.8, 8.7).
  [[nodiscard]] bool unprocessed() const { return unprocessed_; }
  // The server has said something about it, be it a reset.
  [[nodiscard]] bool answered() const { return answered_; }

  // The connection's.
  [[nodiscard]] std::int32_t id() const { return id_; }
  [[nodiscard]] Waiter& waiter() { return waiter_; }
  void begin_head();
  [[nodiscard]] int take_field(std::string_view name, std::string_view value, const http::HeadLimits& limits);
  // False: more heads than anybody needs.
  [[nodiscard]] bool take_head_end();
  // False: it is longer, or shorter, than it has said; nothing more of it is taken.
  [[nodiscard]] bool take_data(std::string_view data);
  [[nodiscard]] bool end_answer();
  void reset_by_peer() { answered_ = reset_ = true; }
  void sent(std::size_t octets, bool ended);
  // The library has let go of it.
  void close(std::uint32_t code);
  void not_sent();
  // With its connection.
  void lose(const Error& why);
  ssize_t offer(std::size_t most, std::uint32_t& flags);
  [[nodiscard]] std::string_view queue() const { return out_.view(); }
  void taken(std::size_t n) {
    out_.consume(n);
    if (tunnel_ != Tunnel::none && out_.empty()) out_.clear();  // it may be silent for long
  }
  [[nodiscard]] bool wants_room() const { return wish_ && room() > 0; }
  [[nodiscard]] bool list() { return !std::exchange(listed_, true); }
  void unlist() { listed_ = wish_ = false; }
  [[nodiscard]] bool begun() const { return id_ > 0; }
  // Nobody waits for it any more, and it can end as it should and need not be reset: a tunnel that the server has
  // ended, or never opened, with all out that was to go through it.
  [[nodiscard]] bool ends_well() const;

 private:
  enum class Tunnel : std::uint8_t { none, asked, open };
  static constexpr std::size_t kMostQueued = 64 * 1024;
  static constexpr std::size_t kMostHeads = 100;
  static constexpr std::size_t kMostHeadOctets = 64 * 1024;

  void fail(ErrorKind kind, std::string_view detail);
  bool misfit();
  void submit(std::span<char> head);
  void submit_trailers();
  [[nodiscard]] std::size_t room() const { return out_.size() < kMostQueued ? kMostQueued - out_.size() : 0; }

  H2Upstream* connection_;  // null once that is over
  Waiter& waiter_;
  std::int32_t id_ = 0;  // 0: not begun
  OutBuffer in_;         // of the answer's body, come and not consumed
  OutBuffer out_;        // of the request's body, not yet in a frame
  H2Answer growing_;
  H2Answer taken_;
  std::deque<H2Answer> heads_;  // whole, and not yet taken
  std::size_t head_octets_ = 0;
  std::string trailers_in_;
  std::string trailers_out_;
  std::optional<std::uint64_t> length_;  // of an answer to a CONNECT that opens none: the library does not look at it
  std::uint64_t received_ = 0;
  std::uint64_t octets_sent_ = 0;
  Error error_;
  std::string accept_;
  Trailers trailers_wanted_ = Trailers::plain;
  Tunnel tunnel_ = Tunnel::none;
  bool reused_ = false;
  bool head_sent_ = false;
  bool final_ = false;      // the final head has come
  bool ended_in_ = false;   // END_STREAM has come
  bool misfit_ = false;     // the body is not as long as it has to be
  bool ending_ = false;     // nothing more will be written
  bool ended_out_ = false;  // END_STREAM is out
  bool deferred_ = false;   // the library waits for more to send
  bool wish_ = false;
  bool listed_ = false;
  bool reset_ = false;  // by the server
  bool answered_ = false;
  bool unprocessed_ = false;
  bool closed_ = false;
};

}  // namespace edge
