#pragma once
// ProxyHeader: the header of the PROXY protocol, versions 1 and 2 (proxy-protocol.txt of haproxy.org): who the client
// of a connection is that somebody passes on. Read from octets and written to them; whom to believe is the receiver's
// affair. Pure functions, value types, any thread.
//
//   version 1   PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n
//   version 2   [signature 12 | command | family | length 2 | addresses | type, length 2, value | ...]

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/core/ip.h"

namespace shared {

enum class ProxyVersion : std::uint8_t { v1 = 1, v2 = 2 };

inline constexpr std::size_t kMaxProxyHeader = 4096;  // octets of a header that is read: what is longer is refused
inline constexpr std::size_t kMaxProxyHeaderV1 = 107;
inline constexpr std::size_t kMaxUniqueId = 128;

// Views are into the octets that it was read from.
struct ProxyHeader {
  // False: LOCAL, UNKNOWN, or ends that are no TCP over IP; the ends of the connection itself count, and nothing of the
  // rest is set.
  bool tells = false;
  Endpoint source;
  Endpoint destination;
  // Of version 2; empty: not said.
  std::string_view authority;  // the host that the client asked for: SNI
  std::string_view alpn;
  std::string_view unique_id;  // of the connection; octets
  bool tls = false;            // the client spoke TLS to the sender
  std::string_view tls_version;
  std::string_view tls_client;  // the common name of the client's certificate
  bool tls_verified = false;    // and it was verified
};

struct ProxyRead {
  enum class State : std::uint8_t { incomplete, complete, bad };
  State state = State::incomplete;
  std::size_t size = 0;  // of the header, once complete; what follows belongs to whom it introduces
  ProxyHeader header;
  std::string_view why;  // it is bad: a literal
};

// `octets` are the first ones of a connection, as many as have come. It is complete or bad with kMaxProxyHeader of
// them.
[[nodiscard]] ProxyRead read_proxy_header(std::string_view octets);

// Addresses of two families go as IPv6, the other one mapped. What does not fit into version 1 is left out.
[[nodiscard]] std::string write_proxy_header(ProxyVersion version, const ProxyHeader& header);

}  // namespace shared
