#pragma once
// Connector: the way to one server, to where octets of a protocol can pass: connect, a PROXY header before TLS, the
// handshake; of its several addresses the next one if one cannot be reached. Plain calls that never wait: after
// connect() and after every wake step(), while it is connecting. What TLS has agreed on is the connection's alpn().
// Part of who goes to the server (an attempt of a request, a TCP connection); its worker's thread.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "edge/core/message/errors.h"
#include "edge/core/pool/balance.h"
#include "edge/core/pool/pool.h"
#include "edge/serve/upstream/upstreams.h"

namespace edge {

// Where it goes, and what is spoken there below the protocol. All of it is of a snapshot that the visitor has pinned,
// or the visitor's own.
struct UpstreamWay {
  ServerId server{};
  std::span<const shared::Endpoint> addresses;  // REQUIRES: not empty
  const PoolTls* tls = nullptr;                 // null, or not enabled: plain
  std::string_view name{};                      // in TLS, see tls_name()
  std::string_view alpn{};                      // offered in TLS, as kAlpnHttp1; empty: nothing
};
// `host` is the request's, for TLS; empty: there is none.
[[nodiscard]] UpstreamWay way_to(const Pool& pool, const Server& server, const Addresses& addresses,
                                 std::string_view host, std::string_view alpn);

class Connector {
 public:
  enum class State : std::uint8_t { connecting, connected, failed };

  Connector(Upstreams& upstreams, Waiter& waiter, BalanceState& balance, const UpstreamWay& way);
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // One that was kept, and told this of its client; null: none. Its events wake the visitor, as those of every
  // connection from here.
  [[nodiscard]] std::unique_ptr<UpstreamConnection> take_idle(std::string_view about = {});
  // `patience` for each address, to the end of the handshake. `greeting`, which stays until then, goes out before TLS;
  // without TLS it is the visitor's to send, before its first octets.
  void connect(shared::milliseconds patience, std::string_view greeting = {});
  void step(Wake wake);
  [[nodiscard]] State state() const { return state_; }
  // REQUIRES: connected. Once.
  [[nodiscard]] std::unique_ptr<UpstreamConnection> take() { return std::move(connection_); }
  // After `failed`. The server is to blame only if one of its addresses was reached for and not there, or not whom we
  // trust.
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] shared::TimePoint deadline() const { return deadline_; }
  [[nodiscard]] bool over_tls() const { return way_.tls != nullptr && way_.tls->enabled(); }

 private:
  [[nodiscard]] const shared::Endpoint& address() const {
    return way_.addresses[(first_ + passed_) % way_.addresses.size()];
  }
  [[nodiscard]] shared::TimePoint now() const { return waiter_.loop().now(); }
  void begin();
  [[nodiscard]] Upstreams::Connecting start();
  void unreachable(const Error& error);
  [[nodiscard]] Error handshake_failure();

  Upstreams& upstreams_;
  Waiter& waiter_;
  UpstreamWay way_;
  std::string_view greeting_;
  std::uint32_t first_ = 0;   // of several addresses
  std::uint32_t passed_ = 0;  // addresses that could not be reached
  State state_ = State::connecting;
  shared::milliseconds patience_{0};
  shared::TimePoint deadline_ = shared::TimePoint::max();
  std::unique_ptr<UpstreamConnection> connection_;
  Error error_;
};

}  // namespace edge
