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

}  // namespace

Connector::Connector(Upstreams& upstreams, Waiter& waiter, ServerId server, std::span<const shared::Endpoint> addresses,
                     BalanceState& balance)
    : upstreams_(upstreams), waiter_(waiter), addresses_(addresses), server_(server) {
  if (addresses_.size() <= 1) return;
  first_ = static_cast<std::uint32_t>(shared::hash_to_index(balance.draw(), addresses_.size()));
  for (std::size_t i = 1; i < addresses_.size() && upstreams_.shunned(address()); ++i) ++first_;
}

std::unique_ptr<UpstreamConnection> Connector::take_idle(std::string_view about) {
  std::unique_ptr<UpstreamConnection> kept = upstreams_.take_idle(server_, address(), about);
  if (kept != nullptr) kept->stream().bind(&waiter_);
  return kept;
}

void Connector::connect(shared::milliseconds patience) {
  patience_ = patience;
  begin();
}

void Connector::begin() {
  while (state_ == State::connecting) {
    auto [connection, error] = upstreams_.connect(server_, address());
    connection_ = std::move(connection);
    if (connection_ != nullptr) {
      deadline_ = now() + patience_;
      connection_->stream().bind(&waiter_);
      return;
    }
    unreachable(connect_failure(error));
  }
}

// The next address is tried, if there is one: a dead one of several costs its visitors a moment and no answer.
void Connector::unreachable(const Error& error) {
  if (error_.kind == ErrorKind::internal || error_.kind == ErrorKind::exhausted) error_ = error;
  connection_.reset();
  if (addresses_.size() > 1) upstreams_.shun(address());
  if (++passed_ >= addresses_.size()) state_ = State::failed;
}

void Connector::step(Wake wake) {
  const Progress progress = connection_->stream().progress();
  if (progress == Progress::ready) {
    state_ = State::connected;
  } else if (progress == Progress::failed) {
    unreachable(connect_failure(connection_->stream().connect_error()));
    begin();
  } else if (wake == Wake::deadline && deadline_ <= now()) {
    unreachable({.kind = ErrorKind::connect_timeout, .side = Side::upstream, .detail = "connect took too long"});
    begin();
  }
}

}  // namespace edge
