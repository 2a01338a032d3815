#pragma once
// Transport: the seam between a client of the control loop and its bytes, plain TCP or TLS. Callbacks run there, never
// from inside the call. The owner must keep the transport alive until every callback has come: after close() they come
// soon, with an error.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ssl/context.hpp>

#include "shared/core/ip.h"
#include "shared/load/client_tls.h"
#include "shared/serve/loop/loop.h"

namespace shared {

class Transport {
 public:
  using Done = std::function<void(error_code)>;
  using ReadDone = std::function<void(error_code, std::size_t)>;

  virtual ~Transport() = default;
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  virtual void connect(const Endpoint& endpoint, Done done) = 0;  // TLS: with its handshake
  virtual void write(std::string_view bytes, Done done) = 0;      // all of them; they must live until `done`
  virtual void read_some(std::span<char> buffer, ReadDone done) = 0;
  virtual void close() = 0;
};

// The contexts of all that a loop asks over TLS: one for each kind of server.
class ClientTlsContexts {
 public:
  // Authorities that cannot be read are none: every certificate is refused. Valid until the next call.
  [[nodiscard]] asio::ssl::context& of(const ClientTls& tls);

 private:
  static constexpr std::size_t kMost = 64;
  struct Known {
    ClientTls tls;  // but for the name
    std::unique_ptr<asio::ssl::context> context;
  };
  std::vector<Known> known_;  // the oldest in front
};

struct TransportWay {
  std::optional<ClientTls> tls{};  // none: plain
  std::string_view host;           // as in the Host field, with its port or without
  std::string_view alpn{};         // what is offered (RFC 7301), as kAlpnHttp2 is written; empty: nothing
  std::string greeting{};          // sent first, before TLS
};

[[nodiscard]] std::unique_ptr<Transport> make_transport(Loop& loop, ClientTlsContexts& contexts, TransportWay way);

}  // namespace shared
