#pragma once
// GrpcHealthSession: HTTP/2 as a client, as far as it takes to ask one server again and again how it is
// (grpc.health.v1.Health/Check): octets in, octets out. One call at a time; a server's PINGs and SETTINGS are answered
// at any time. The library's (nghttp2) session does the rest. Owned by a connection; control loop.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nghttp2/nghttp2.h>

namespace shared {

class GrpcHealthSession {
 public:
  GrpcHealthSession();
  GrpcHealthSession(const GrpcHealthSession&) = delete;
  GrpcHealthSession& operator=(const GrpcHealthSession&) = delete;

  // REQUIRES: no call is under way.
  void ask(std::string_view host, std::string_view service, std::string_view scheme);
  // What has to be sent now.
  [[nodiscard]] std::string take_output();
  // False: this is no HTTP/2, or not as it should be.
  [[nodiscard]] bool feed(std::string_view octets);

  // The call is over. `verdict` is empty if the service serves, else says what is the matter: "NOT_SERVING".
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] std::string verdict() const;
  // The server wants no further call on this connection.
  [[nodiscard]] bool leaving() const { return leaving_; }

 private:
  static constexpr std::size_t kMostOctets = 1024;  // of an answer's body

  struct Callbacks;
  struct End {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  void gather();
  void take_field(std::string_view name, std::string_view value);

  std::unique_ptr<nghttp2_session, End> session_;
  std::int32_t id_ = 0;
  std::string out_;
  std::string request_;
  std::size_t sent_ = 0;
  std::string status_;       // of HTTP
  std::string grpc_status_;  // in head or trailers
  std::string answer_;
  std::uint32_t code_ = 0;  // with which the stream was closed
  bool done_ = false;
  bool leaving_ = false;
};

}  // namespace shared
