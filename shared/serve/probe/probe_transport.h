#pragma once
// ProbeTransport: the seam between a probe and its bytes, plain TCP or TLS. Callbacks run on the control loop, never
// from inside the call. The owner must keep the transport alive until every callback has come: after close() they come
// soon, with an error.

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/ssl/context.hpp>

#include "shared/core/ip.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/probe/prober.h"

namespace shared {

class ProbeTransport {
 public:
  using Done = std::function<void(error_code)>;
  using ReadDone = std::function<void(error_code, std::size_t)>;

  virtual ~ProbeTransport() = default;
  ProbeTransport() = default;
  ProbeTransport(const ProbeTransport&) = delete;
  ProbeTransport& operator=(const ProbeTransport&) = delete;

  virtual void connect(const Endpoint& endpoint, Done done) = 0;  // TLS: with its handshake
  virtual void write(std::string_view bytes, Done done) = 0;      // all of them; they must live until `done`
  virtual void read_some(std::span<char> buffer, ReadDone done) = 0;
  virtual void close() = 0;
};

[[nodiscard]] std::unique_ptr<ProbeTransport> make_plain_transport(Loop& loop);
// `host` is the SNI and, if the context verifies, the name or address that the certificate must have.
[[nodiscard]] std::unique_ptr<ProbeTransport> make_tls_transport(Loop& loop, asio::ssl::context& context,
                                                                 const std::string& host);

// The client contexts of https probes: one that trusts every server, and one for each set of authorities.
class ProbeTlsContexts {
 public:
  // Authorities that cannot be read are none: every certificate is refused. Valid as long as this object.
  [[nodiscard]] asio::ssl::context& of(const ProbeTls& tls);

 private:
  std::unique_ptr<asio::ssl::context> trusting_;
  std::unique_ptr<asio::ssl::context> verifying_system_;
  std::map<std::string, std::unique_ptr<asio::ssl::context>> verifying_;  // by the PEM of their authorities
};

}  // namespace shared
