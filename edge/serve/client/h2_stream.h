#pragma once
// H2Stream: one request on an HTTP/2 connection and its response: both halves of an Exchange, with the coroutine that
// serves it. What comes of its body waits here until it is consumed, which is what opens the peer's window again; what
// goes out waits here until the connection's writer takes it in the order of priorities. Calls never wait and never
// write: the connection does, once a turn for all of its streams. Owned by an H2Connection; its worker's thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "edge/core/h2/frame.h"
#include "edge/core/h2/stream.h"
#include "edge/core/message/h2_request.h"
#include "edge/serve/client/h2_body.h"
#include "edge/serve/io/buffers.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/io/task.h"
#include "edge/serve/request/context.h"
#include "edge/serve/request/exchange.h"
#include "edge/serve/request/websocket_key.h"

namespace edge {

class H2Connection;

class H2Stream final : public h2::Stream, public RequestSource, public ResponseSink, public Pooled {
 public:
  H2Stream(H2Connection& connection, WorkerContext& context, std::int32_t id);
  ~H2Stream() override;
  H2Stream(const H2Stream&) = delete;
  H2Stream& operator=(const H2Stream&) = delete;

  // The request's half.
  const RequestFacts& facts() const override { return facts_; }
  BodyPiece peek() override;
  void consume(std::size_t n) override;
  std::string_view trailers() const override { return trailers_in_; }
  BodyFailure failure() const override { return failure_; }
  void invite() override;
  shared::ProxyHeader introduction() const override;
  bool leaving() const override;
  bool abandoned() const override { return gone() && !ended_; }

  // The response's half.
  void interim(const http::ResponseHead& head) override;
  void start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) override;
  void start(const OwnHead& head) override;
  std::size_t write(std::string_view data) override;
  void end(std::string_view trailers) override;
  Sent flush() override;
  bool failed() const override { return (gone() || cut_) && !ended_; }
  // Whoever is told so hears of it when there is room.
  bool blocked() const override {
    wish_ = wish_ || room() == 0;
    return room() == 0;
  }
  std::uint64_t octets_sent() const override { return octets_sent_; }
  void cut() override;
  std::span<const iovec> space(std::uint64_t most, std::span<iovec, kParts> parts) override;
  void filled(std::size_t n) override;

  // The connection's: the head, field by field, then the body, then what becomes of it.
  [[nodiscard]] H2Request& request() { return request_; }
  [[nodiscard]] bool head_read() const { return head_read_; }
  // The head is whole; `ended`: and so is the request.
  void take_head(bool ended);
  // Serves it, up to its first wait.
  void run();
  void take_data(std::string_view data);
  // False: none, or more than a trailer section may hold.
  [[nodiscard]] bool take_trailer(std::string_view name, std::string_view value);
  void end_request() { request_ended_ = true; }
  void wake() { waiter_.wake(); }
  void sent(std::size_t octets, bool ended);
  // Both ways, for client.max_buffer.
  [[nodiscard]] std::size_t queued_out() const { return out_.size(); }
  [[nodiscard]] std::size_t held() const { return request_.octets(); }
  [[nodiscard]] bool gone() const { return !open(); }
  [[nodiscard]] bool was_cut() const { return cut_; }
  [[nodiscard]] bool response_ended() const { return ended_; }
  [[nodiscard]] bool request_ended() const { return request_ended_; }
  [[nodiscard]] bool asked_health() const { return asked_health_; }
  [[nodiscard]] bool started() const { return task_.has_value(); }
  [[nodiscard]] std::size_t queued_in() const { return in_.size(); }
  // It had more to write than there was room for, and there is room now.
  [[nodiscard]] bool wants_room() const { return wish_ && room() > 0; }
  // Its place in the list of those that have something to do: false, it has one already.
  [[nodiscard]] bool list() { return !std::exchange(listed_, true); }
  [[nodiscard]] bool listed() const { return listed_; }
  void unlist() { listed_ = wish_ = false; }
  // The client is what this stream waits for.
  [[nodiscard]] bool waits_for_client() const {
    return !out_.empty() || (!request_ended_ && in_.empty() && !ending_ && tunnel_ != Tunnel::open);
  }
  // It is a tunnel, which may go on for ever.
  [[nodiscard]] bool tunnels() const { return tunnel_ == Tunnel::open; }
  // The error of a stream that comes to no good end.
  [[nodiscard]] h2::Error reset_code() const;
  // What one frame of DATA can have of the queue.
  struct Offer {
    std::size_t size = 0;  // at most what was asked for
    bool last = false;     // of the body: trailers follow, or nothing
  };
  [[nodiscard]] Offer offer(std::size_t most) const;
  [[nodiscard]] bool has_trailers() const { return !trailers_out_.empty(); }
  void send_trailers();
  [[nodiscard]] H2Body::Frame take_frame(std::string_view head, std::size_t n) { return out_.take(head, n); }

  // The connection's lists.
  bool done = false;  // its request is over
  H2Stream* before = nullptr;
  H2Stream* after = nullptr;
  H2Stream* next_ready = nullptr;

 private:
  // Of an extended CONNECT (RFC 8441): until the server's 101 it has no body.
  enum class Tunnel : std::uint8_t { none, asked, open };
  static constexpr std::size_t kMostQueued = 3 * H2Body::kFrame;

  Task<> serve();
  Task<> serve_refusal();
  template <class Response>
  void send_head(std::uint16_t status, std::size_t lines, const Response& response, bool with_body);
  [[nodiscard]] std::size_t room() const;
  void queued(std::size_t n);

  H2Connection& connection_;
  WorkerContext& context_;
  Waiter waiter_;
  H2Request request_;
  std::unique_ptr<Work> work_;
  RequestFacts facts_;
  std::optional<http::Refusal> refusal_;
  std::optional<WebSocketKey> key_;  // towards the server
  OutBuffer in_;                     // of the body, come and not consumed
  H2Body out_;                       // of the response's body, not yet in a frame
  std::string trailers_in_;
  std::string trailers_out_;
  std::size_t trailers_size_ = 0;  // of those that have come, with the ones that go no further
  std::uint64_t received_ = 0;
  std::uint64_t octets_sent_ = 0;
  std::uint64_t max_body_ = 0;
  BodyFailure failure_ = BodyFailure::none;
  Tunnel tunnel_ = Tunnel::none;
  bool head_read_ = false;
  bool request_ended_ = false;
  bool invited_ = false;
  bool started_ = false;       // a final head is on its way
  bool ending_ = false;        // nothing more will be written
  bool ended_ = false;         // END_STREAM is out
  mutable bool wish_ = false;  // somebody waits for room
  bool listed_ = false;
  bool cut_ = false;
  bool asked_health_ = false;
  std::optional<Task<>> task_;
};

}  // namespace edge
