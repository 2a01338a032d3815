#include "edge/serve/upstream/connector.h"

#include <cerrno>
#include <utility>

#include "shared/core/hash.h"
#include "shared/serve/loop/local_errors.h"

namespace edge {
namespace {

// A port may be left for another server, a descriptor is not.
Error connect_failure(int error) {
  if (!shared::is_local_error(error)) {
    return {.kind = ErrorKind::connect_refused, .side = Side::upstream, .detail = "connect refused or unreachable"};
  }
  const bool ports = error == EADDRNOTAVAIL || error == EADDRINUSE || error == EAGAIN;
  return {.kind = ErrorKind::exhausted,
          .side = ports ? Side::upstream : Side::internal,
          .detail = ports ? "no local port left to connect from" : "no descriptor or memory left to connect"};
}

constexpr Error kNoContext{.kind = ErrorKind::internal, .detail = "the certificate for servers cannot be used"};

}  // namespace

UpstreamWay way_to(const Pool& pool, const Server& server, const Addresses& addresses, std::string_view host,
                   std::string_view alpn) {
  UpstreamWay way{.server = server.id, .addresses = addresses.of(server.id)};
  if (!pool.tls.enabled()) return way;
  way.tls = &pool.tls;
  way.name = tls_name(pool.tls, server, host);
  way.alpn = alpn;
  return way;
}

Connector::Connector(Upstreams& upstreams, Waiter& waiter, BalanceState& balance, const UpstreamWay& way)
    : upstreams_(upstreams), waiter_(waiter), way_(way) {
  if (way_.addresses.size() <= 1) return;
  first_ = static_cast<std::uint32_t>(shared::hash_to_index(balance.draw(), way_.addresses.size()));
  for (std::size_t i = 1; i < way_.addresses.size() && upstreams_.shunned(address()); ++i) ++first_;
}

std::unique_ptr<UpstreamConnection> Connector::take_idle(std::string_view about) {
  const UpstreamTerms terms{.about = about, .tls = over_tls() ? way_.tls->client.get() : nullptr, .name = way_.name};
  std::unique_ptr<UpstreamConnection> kept = upstreams_.take_idle(way_.server, address(), terms);
  if (kept != nullptr) kept->stream().bind(&waiter_);
  return kept;
}

void Connector::connect(shared::milliseconds patience, std::string_view greeting) {
  patience_ = patience;
  greeting_ = greeting;
  begin();
}

Upstreams::Connecting Connector::start() {
  if (!over_tls()) return upstreams_.connect(way_.server, address());
  std::unique_ptr<StreamLayer> layer = upstreams_.tls_clients().layer(
      {.tls = way_.tls->client, .endpoint = address(), .name = way_.name, .alpn = way_.alpn, .prologue = greeting_});
  if (layer == nullptr) return {.connection = nullptr, .error = 0};
  Upstreams::Connecting begun = upstreams_.connect(way_.server, address(), std::move(layer));
  if (begun.connection != nullptr) begun.connection->speaks(way_.tls->client, way_.name);
  return begun;
}

void Connector::begin() {
  while (state_ == State::connecting) {
    auto [connection, error] = start();
    connection_ = std::move(connection);
    if (connection_ != nullptr) {
      deadline_ = now() + patience_;
      connection_->stream().bind(&waiter_);
      return;
    }
    unreachable(error == 0 ? kNoContext : connect_failure(error));
  }
}

// The next address is tried, if there is one: a dead one of several costs its visitors a moment and no answer.
void Connector::unreachable(const Error& error) {
  if (error_.kind == ErrorKind::internal || error_.kind == ErrorKind::exhausted) error_ = error;
  connection_.reset();
  if (way_.addresses.size() > 1) upstreams_.shun(address());
  if (++passed_ >= way_.addresses.size()) state_ = State::failed;
}

// OpenSSL's words are literals, too.
Error Connector::handshake_failure() {
  const shared::TlsSession* const tls = connection_->stream().tls();
  if (tls == nullptr || tls->failure() == shared::TlsFailure::none) {
    return {.kind = ErrorKind::tls_failed, .side = Side::upstream, .detail = "TLS: the connection ended"};
  }
  using shared::TlsFailure;
  const TlsFailure why = tls->failure();
  upstreams_.counters().upstream_handshakes_failed[static_cast<std::size_t>(why)].add();
  // Who chooses the name can choose one that no server is ready for: that must not take servers out for all others.
  const bool by_name = why == TlsFailure::certificate || why == TlsFailure::alert;
  const bool by_client = way_.tls->asks_for_requests_host && by_name;
  return {
      .kind = ErrorKind::tls_failed, .side = by_client ? Side::client : Side::upstream, .detail = tls->failure_text()};
}

void Connector::step(Wake wake) {
  Stream& stream = connection_->stream();
  const Progress progress = stream.progress();
  if (progress == Progress::ready) {
    state_ = State::connected;
    if (stream.tls() != nullptr) upstreams_.counters().count_upstream_handshake(stream.tls()->facts());
  } else if (progress == Progress::failed) {
    unreachable(stream.connect_error() != 0 ? connect_failure(stream.connect_error()) : handshake_failure());
    begin();
  } else if (wake == Wake::deadline && deadline_ <= now()) {
    const bool reached = stream.stage() == Stream::Stage::handshake;
    if (reached) {
      upstreams_.counters().upstream_handshakes_failed[static_cast<std::size_t>(shared::TlsFailure::timeout)].add();
    }
    unreachable({.kind = ErrorKind::connect_timeout,
                 .side = Side::upstream,
                 .detail = reached ? "TLS handshake took too long" : "connect took too long"});
    begin();
  }
}

}  // namespace edge
