#pragma once
// Rewrite: writes the heads that leave the edge, towards upstreams and towards clients, into the caller's buffer. Here
// hop-by-hop fields end, forwarding fields are made or believed, header rules apply and our own framing is set.
// No allocation; pure functions, any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "edge/core/message/client.h"
#include "edge/core/message/header_rules.h"
#include "edge/core/message/target.h"
#include "edge/core/message/tier.h"
#include "shared/http/framing.h"

namespace edge {

struct UpstreamRequest {
  const http::RequestHead& head;
  const RequestTarget& target;
  const http::RequestFraming& framing;
  const Client& client;
  const Tiers& tiers;
  TierId tier{};
  const HeaderRules& rules;
  std::string_view scheme;      // "http", "https": how the client reached us
  std::string_view request_id;  // see request_id_of()
  std::string_view via{};       // our name in Via; empty: no Via of ours
  std::string_view version{};   // that the client speaks, for Via; empty: the head's
  // Of the certificate that the client has shown, and the field for it, which no client can send; empty: none.
  std::string_view client_subject{};
  std::string_view client_subject_field{};
  std::span<const HeaderRules::Appended> identity{};  // who has shown who it is; clients cannot send them
  std::string_view traceparent{};                     // of ours; empty: none, and a trusted client's own goes on
};

inline constexpr std::string_view kViaName = "meridian";

// Octets that write_upstream_request() needs at most.
[[nodiscard]] std::size_t upstream_request_bound(const UpstreamRequest& request);
// Writes the request line and the fields with the empty line; the length, or nothing when `out` is too small.
// Expect is never forwarded: the edge answers it. The body goes with the framing it came with.
[[nodiscard]] std::optional<std::size_t> write_upstream_request(std::span<char> out, const UpstreamRequest& request);

// The client's X-Request-Id if the peer is trusted and the value is short and plain, else `fresh`.
[[nodiscard]] std::string_view request_id_of(const http::FieldList& fields, const Client& client,
                                             std::string_view fresh);

struct ClientResponse {
  const http::ResponseHead& head;
  const http::ResponseFraming& framing;
  http::Body body;                // towards the client: client_body()
  http::Persistence persistence;  // of the client's connection
  http::Version client_version = http::Version::http_1_1;
  const HeaderRules& rules;
  std::string_view date;   // "Sun, 06 Nov 1994 08:49:37 GMT", used when the upstream sent none
  std::string_view via{};  // our name in Via; empty: no Via of ours
};

[[nodiscard]] std::size_t client_response_bound(const ClientResponse& response);
[[nodiscard]] std::optional<std::size_t> write_client_response(std::span<char> out, const ClientResponse& response);

// A 1xx head (100, 103 ...; not 101), passed on in order. Not for HTTP/1.0 clients.
[[nodiscard]] std::size_t interim_response_bound(const http::ResponseHead& head);
[[nodiscard]] std::optional<std::size_t> write_interim_response(std::span<char> out, const http::ResponseHead& head);
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// The head of a page of the edge's own, whatever the client speaks: errors, `respond`, `redirect`, the health path.
struct OwnHead {
  std::uint16_t status = 500;
  std::uint64_t length = 0;  // octets of the page, also where HEAD leaves it out
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string_view location{};                // empty: none
  std::string_view retry_after{};             // empty: none
  std::string_view allow{};                   // empty: none
  std::string_view rate_limit{};              // RateLimit; empty: none
  std::string_view rate_policy{};             // RateLimit-Policy; empty: none
  std::string_view challenge{};               // WWW-Authenticate; empty: none
  std::optional<std::uint8_t> grpc_status{};  // the end of a call (grpc.h)
  std::string_view grpc_message{};            // empty: none
  const HeaderRules* rules = nullptr;         // null: no route stands behind it
  bool distrust = false;                      // the request broke the protocol: what else comes with it is not believed
};

// No page, whatever the method (RFC 9110 15.3.5, 15.4.5).
[[nodiscard]] constexpr bool is_bodyless(std::uint16_t status) { return status == 204 || status == 304; }

// The same as HTTP/1 has it.
struct OwnResponse {
  const OwnHead& head;
  std::string_view date{};
  http::Persistence persistence = http::Persistence::close;
  http::Version client_version = http::Version::http_1_1;
  const HeaderRules* rules = nullptr;
};
[[nodiscard]] std::size_t own_response_bound(const OwnResponse& response);
// The page goes behind it.
[[nodiscard]] std::optional<std::size_t> write_own_response(std::span<char> out, const OwnResponse& response);

}  // namespace edge
