#pragma once
// read_client_hello(): the name that a TLS client asks for (RFC 6066 section 3), read from the first octets of its
// connection, which are passed on unchanged. The message may come in any number of segments and records (RFC 8446
// 5.1). What is not understood inside it (GREASE, RFC 8701; an encrypted ClientHello, of which this is the outer one)
// is skipped by its length. Pure, any thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace edge {

inline constexpr std::size_t kMaxClientHello = 16 * 1024;  // octets with the records' headers

struct ClientHello {
  enum class State : std::uint8_t {
    incomplete,  // call again when there are `needed` octets
    complete,    // `name` is in lower case; empty: it names nobody
    bad,         // no ClientHello, or a broken one; `reason` says why
  };

  State state = State::incomplete;
  std::string name;
  std::string_view reason;  // a literal
  std::size_t needed = 0;   // in all; at most kMaxClientHello
};

// `octets`: all that have come since the connection began, perhaps with more behind the message.
[[nodiscard]] ClientHello read_client_hello(std::string_view octets);

// What a client gets that is turned away: a fatal alert in the clear (RFC 8446 6.2).
inline constexpr std::string_view kAlertUnrecognizedName{"\x15\x03\x03\x00\x02\x02\x70", 7};
inline constexpr std::string_view kAlertInternalError{"\x15\x03\x03\x00\x02\x02\x50", 7};
inline constexpr std::string_view kAlertAccessDenied{"\x15\x03\x03\x00\x02\x02\x31", 7};

}  // namespace edge
