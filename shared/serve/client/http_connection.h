#pragma once
// HttpConnection: one connection of the control loop to an HTTP server, from connect to close, and the answers to what
// is asked on it, one after another: requests of HTTP/1, or calls of grpc.health.v1, and never both. From the moment it
// stands a read is always outstanding, so that its end is seen at once, asked or idle. It has no deadline: its owner
// has. Held by its owner and by its own operations; control loop.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "shared/core/time.h"
#include "shared/http/response_reader.h"
#include "shared/serve/client/grpc_health_session.h"
#include "shared/serve/client/transport.h"

namespace shared {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  // Any of them may close the connection. After close() none comes.
  struct Events {
    std::function<void()> connected;
    std::function<void(const http::ResponseReader&)> answered;  // what was asked: done() or bad()
    std::function<void(const std::string&)> judged;             // the call's verdict, see GrpcHealthSession
    std::function<void()> unasked;                              // octets that answer nothing
    std::function<void(error_code)> failed;  // connect, handshake, end of stream, reset; the last event
  };

  // `closed` is called once, whoever closes it: for those who count descriptors.
  explicit HttpConnection(std::unique_ptr<Transport> transport, std::function<void()> closed = {})
      : transport_(std::move(transport)), on_closed_(std::move(closed)) {}

  void open(const Endpoint& endpoint, Events events);
  // REQUIRES: it is connected, and all that was asked is answered.
  void ask(std::string request, const http::ResponseLimits& limits, http::Method method = http::Method::get);
  void ask_health(std::string_view host, std::string_view service, std::string_view scheme);
  void close();

  [[nodiscard]] bool connected() const { return connected_ && !closed_; }
  [[nodiscard]] bool answer_begun() const { return heard_ || reader_.started(); }  // of the last ask()
  [[nodiscard]] Duration round_trip() const { return round_trip_; }  // of it, to the first octet; zero: none yet

 private:
  void read();
  void take(std::string_view bytes);
  void take_frames(std::string_view bytes);
  void write_frames();
  void tell_answer();
  void fail_with(error_code error);

  std::unique_ptr<Transport> transport_;
  std::function<void()> on_closed_;
  Events events_;
  std::string out_;
  std::array<char, 4096> in_{};
  http::ResponseReader reader_;
  std::unique_ptr<GrpcHealthSession> grpc_;
  TimePoint asked_at_{};
  Duration round_trip_{};
  bool connected_ = false;
  bool asked_ = false;
  bool heard_ = false;    // something since the call
  bool writing_ = false;  // frames
  bool closed_ = false;
};

}  // namespace shared
