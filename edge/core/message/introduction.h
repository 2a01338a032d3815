#pragma once
// Introduction: what a proxy in front has said of a client's connection by the PROXY protocol, and whom that is
// believed of. A connection's is kept as long as the connection, immutable; the rules are a listener's. Any thread.

#include <cstdint>
#include <memory>
#include <string>

#include "shared/core/ip.h"
#include "shared/core/prefix_set.h"
#include "shared/core/proxy_header.h"
#include "shared/core/time.h"

namespace edge {

struct Introduction {
  shared::Endpoint source;       // the client
  shared::Endpoint destination;  // that it connected to
  std::string authority;
  std::string alpn;
  std::string unique_id;
  std::string tls_version;
  std::string tls_client;
  bool tls = false;
  bool tls_verified = false;
};

// Null: the header tells nothing, and the connection's own ends count. IPv4-mapped addresses are those that they carry.
[[nodiscard]] std::shared_ptr<const Introduction> introduce(const shared::ProxyHeader& header);
// The header that says the same to a server; its views are into `introduction`.
[[nodiscard]] shared::ProxyHeader header_of(const Introduction& introduction);

struct IntroductionRules {
  enum class Others : std::uint8_t { plain, refuse };

  PrefixSet from;                 // whose connections begin with a header, and who is believed
  Others others = Others::plain;  // what becomes of connections from elsewhere
  shared::milliseconds timeout{3000};

  bool operator==(const IntroductionRules&) const = default;
};

}  // namespace edge
