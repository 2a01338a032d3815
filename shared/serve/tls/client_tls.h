#pragma once
// What a client of the control loop wants of a server's certificate. Values; any thread.

#include <memory>
#include <string>

namespace shared {

// Nothing by default, as probes do: an expired certificate is the same on every server, and must not take all of them
// down at once.
struct ClientTls {
  bool verify = false;
  std::shared_ptr<const std::string> authorities;  // PEM, shared by many targets; null: the system's
  std::string server_name;  // SNI and, verified, the certificate's; empty: that of the Host, without its port

  bool operator==(const ClientTls& other) const;
};

}  // namespace shared
