#include "edge/serve/request/websocket_key.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include <openssl/evp.h>

namespace edge {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr std::size_t kNonce = 16;

std::uint8_t nibble(char c) {
  return static_cast<std::uint8_t>(c >= '0' && c <= '9' ? c - '0' : ((c | 0x20) - 'a' + 10) & 0xF);
}

// `out` has room for a zero behind it, which the library writes.
template <std::size_t size>
void write_base64(std::array<char, size>& out, const std::uint8_t* octets, std::size_t count) {
  static_cast<void>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), octets, static_cast<int>(count)));
}

}  // namespace

std::string_view websocket_key_of(const http::FieldList& fields) {
  constexpr std::size_t kDigits = 22;  // before "=="
  const auto is_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
  };
  std::string_view key;
  for (const http::Field& field : fields) {
    if (!http::equals_ignoring_case(field.name, "Sec-WebSocket-Key")) continue;
    if (!key.empty()) return {};
    key = field.value;
    const bool whole = key.size() == kDigits + 2 && key.ends_with("==");
    if (!whole || !std::ranges::all_of(key.substr(0, kDigits), is_digit)) return {};
  }
  return key;
}

std::array<char, 29> websocket_accept(std::string_view key) {
  const std::string text = std::string(key).append(kGuid);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  std::array<char, 29> accept{};
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1) {
    write_base64(accept, digest.data(), size);
  }
  return accept;
}

WebSocketKey::WebSocketKey(std::string_view fresh) {
  std::array<std::uint8_t, kNonce> nonce{};
  for (std::size_t i = 0; i < kNonce && 2 * i + 1 < fresh.size(); ++i) {
    nonce[i] = static_cast<std::uint8_t>(nibble(fresh[2 * i]) << 4 | nibble(fresh[2 * i + 1]));
  }
  write_base64(key_, nonce.data(), nonce.size());
  accept_ = websocket_accept(key());
}

}  // namespace edge
