#pragma once
// WebSocketKey: the handshake of RFC 6455 towards a server of HTTP/1.1, for a client that needs none because it speaks
// HTTP/2 (RFC 8441 5): the key that the request shows, and what the 101 has to say of it. A value; any thread.

#include <array>
#include <string_view>

#include "shared/http/fields.h"

namespace edge {

class WebSocketKey {
 public:
  // From 32 hex digits that nobody can foretell, as RequestIds has them.
  explicit WebSocketKey(std::string_view fresh);

  // Sec-WebSocket-Key (RFC 6455 4.1) and the Sec-WebSocket-Accept for it (4.2.2).
  [[nodiscard]] std::string_view key() const { return {key_.data(), kKey}; }
  [[nodiscard]] std::string_view accept() const { return {accept_.data(), kAccept}; }

 private:
  static constexpr std::size_t kKey = 24;     // 16 octets in base64
  static constexpr std::size_t kAccept = 28;  // 20 of them
  std::array<char, kKey + 1> key_{};
  std::array<char, kAccept + 1> accept_{};
};

// The Sec-WebSocket-Key of a request: 16 octets in base64 (RFC 6455 4.1). Empty: none, several, or what is no key.
[[nodiscard]] std::string_view websocket_key_of(const http::FieldList& fields);

// The Sec-WebSocket-Accept for any key.
[[nodiscard]] std::array<char, 29> websocket_accept(std::string_view key);

}  // namespace edge
