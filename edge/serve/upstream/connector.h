#pragma once
// Connector: the way to one server: of its several addresses the next one if one cannot be reached. Plain calls that
// never wait: after connect() and after every wake step(), while it is connecting. Part of who goes to the server (an
// attempt of a request, a TCP connection); its worker's thread.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "edge/core/message/errors.h"
#include "edge/core/pool/balance.h"
#include "edge/core/pool/pool.h"
#include "edge/serve/upstream/upstreams.h"

namespace edge {

class Connector {
 public:
  enum class State : std::uint8_t { connecting, connected, failed };

  // `addresses` are the server's, of a snapshot that the visitor has pinned; REQUIRES: not empty.
  Connector(Upstreams& upstreams, Waiter& waiter, ServerId server, std::span<const shared::Endpoint> addresses,
            BalanceState& balance);
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // One that was kept, and told this of its client; null: none. Its events wake the visitor, as those of every
  // connection from here.
  [[nodiscard]] std::unique_ptr<UpstreamConnection> take_idle(std::string_view about = {});
  // `patience` for each address.
  void connect(shared::milliseconds patience);
  void step(Wake wake);
  [[nodiscard]] State state() const { return state_; }
  // REQUIRES: connected. Once.
  [[nodiscard]] std::unique_ptr<UpstreamConnection> take() { return std::move(connection_); }
  // After `failed`. The server is to blame only if one of its addresses was reached for and not there.
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] shared::TimePoint deadline() const { return deadline_; }

 private:
  [[nodiscard]] const shared::Endpoint& address() const { return addresses_[(first_ + passed_) % addresses_.size()]; }
  [[nodiscard]] shared::TimePoint now() const { return waiter_.loop().now(); }
  void begin();
  void unreachable(const Error& error);

  Upstreams& upstreams_;
  Waiter& waiter_;
  std::span<const shared::Endpoint> addresses_;
  ServerId server_;
  std::uint32_t first_ = 0;   // of several addresses
  std::uint32_t passed_ = 0;  // addresses that could not be reached
  State state_ = State::connecting;
  shared::milliseconds patience_{0};
  shared::TimePoint deadline_ = shared::TimePoint::max();
  std::unique_ptr<UpstreamConnection> connection_;
  Error error_;
};

}  // namespace edge
