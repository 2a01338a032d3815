#include "edge/core/message/client_hello.h"

#include <algorithm>
#include <optional>
#include <set>

namespace edge {
namespace {

constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMaxRecord = 16 * 1024;  // of plaintext, RFC 8446 5.1
constexpr std::size_t kMaxRecords = 64;        // one octet in each is nobody's way to write
constexpr std::size_t kHandshakeHeader = 4;
constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kClientHello = 1;
constexpr std::size_t kServerName = 0;  // extension
constexpr std::uint8_t kHostName = 0;
constexpr std::size_t kLongestName = 253;

// A cursor that never reads past its end; once it should have, all that follows is nothing.
class Reader {
 public:
  explicit Reader(std::string_view octets) : left_(octets) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool empty() const { return left_.empty(); }
  std::string_view take(std::size_t n) {
    failed_ = failed_ || n > left_.size();
    if (failed_) return {};
    const std::string_view taken = left_.substr(0, n);
    left_.remove_prefix(n);
    return taken;
  }
  std::size_t number(std::size_t octets) {
    std::size_t value = 0;
    for (const char c : take(octets)) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  }
  // A vector with its length before it, in so many octets.
  std::string_view vector(std::size_t octets) { return take(number(octets)); }

 private:
  std::string_view left_;
  bool failed_ = false;
};

ClientHello bad(std::string_view why) {
  ClientHello hello;
  hello.state = ClientHello::State::bad;
  hello.reason = why;
  return hello;
}

ClientHello wait_for(std::size_t octets) {
  if (octets > kMaxClientHello) return bad("ClientHello too long");
  ClientHello hello;
  hello.needed = octets;
  return hello;
}

bool is_host_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
}

// The ServerNameList: at most one name of each type, and no type but host_name was ever defined.
std::optional<std::string> host_name(std::string_view extension) {
  Reader outer(extension);
  Reader list(outer.vector(2));
  if (outer.failed() || !outer.empty() || list.empty()) return std::nullopt;
  std::string found;
  while (!list.empty()) {
    const std::size_t type = list.number(1);
    const std::string_view name = list.vector(2);
    if (list.failed()) return std::nullopt;
    if (type != kHostName) continue;
    if (!found.empty() || !is_host_name(name)) return std::nullopt;
    found = name;
  }
  std::ranges::transform(found, found.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (found.size() > 1 && found.back() == '.') found.pop_back();
  return found;
}

ClientHello read_extensions(std::string_view text) {
  ClientHello hello;
  hello.state = ClientHello::State::complete;
  Reader extensions(text);
  std::set<std::size_t> seen;
  while (!extensions.empty()) {
    const std::size_t type = extensions.number(2);
    const std::string_view body = extensions.vector(2);
    if (extensions.failed()) return bad("broken extensions in the ClientHello");
    if (!seen.insert(type).second) return bad("an extension stands twice in the ClientHello");
    if (type != kServerName) continue;
    auto name = host_name(body);
    if (!name) return bad("broken server name in the ClientHello");
    hello.name = std::move(*name);
  }
  return hello;
}

ClientHello read_body(std::string_view body) {
  Reader hello(body);
  const std::size_t version = hello.number(2);
  hello.take(32);                                 // random
  const std::size_t id = hello.vector(1).size();  // legacy_session_id
  const std::size_t ciphers = hello.vector(2).size();
  const std::size_t compression = hello.vector(1).size();
  if (hello.failed() || version >> 8 != 3 || id > 32 || ciphers == 0 || ciphers % 2 != 0 || compression == 0) {
    return bad("broken ClientHello");
  }
  if (hello.empty()) return read_extensions({});  // of old: it has none
  const std::string_view extensions = hello.vector(2);
  if (hello.failed() || !hello.empty()) return bad("broken extensions in the ClientHello");
  return read_extensions(extensions);
}

// Whether octets of a record's beginning can still be that of a handshake in SSL 3 or TLS (RFC 8446 5.1).
bool may_be_record(std::string_view octets) {
  if (!octets.empty() && static_cast<std::uint8_t>(octets[0]) != kHandshake) return false;
  return octets.size() < 2 || octets[1] == 3;
}

}  // namespace

ClientHello read_client_hello(std::string_view octets) {
  std::string message;
  std::size_t at = 0;
  for (std::size_t records = 0; records < kMaxRecords; ++records) {
    const std::string_view left = octets.substr(at);
    if (!may_be_record(left)) return bad("not TLS");
    if (left.size() < kRecordHeader) return wait_for(at + kRecordHeader);
    const std::size_t length = Reader(left.substr(3, 2)).number(2);
    if (length == 0 || length > kMaxRecord) return bad("a TLS record of an absurd length");
    const std::string_view body = left.substr(kRecordHeader, length);
    if (message.empty() && !body.empty() && static_cast<std::uint8_t>(body[0]) != kClientHello) {
      return bad("TLS that does not begin with a ClientHello");
    }
    if (message.empty() && body.size() == length && body.size() >= kHandshakeHeader) message.reserve(length);
    message.append(body);
    std::size_t whole = kHandshakeHeader;
    if (message.size() >= kHandshakeHeader) whole += Reader(std::string_view(message).substr(1, 3)).number(3);
    if (whole > kMaxClientHello) return bad("ClientHello too long");
    if (message.size() >= whole && message.size() >= kHandshakeHeader) {
      return read_body(std::string_view(message).substr(kHandshakeHeader, whole - kHandshakeHeader));
    }
    if (body.size() < length) return wait_for(at + kRecordHeader + length);
    at += kRecordHeader + length;
  }
  return bad("ClientHello in too many records");
}

}  // namespace edge
