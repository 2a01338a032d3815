#include "edge/serve/client/handshake.h"

#include <utility>

#include "edge/serve/client/make_connection.h"
#include "shared/serve/os/log.h"

namespace edge {

Handshake::Handshake(WorkerContext& context, Clients& clients, const Newcomer& newcomer,
                     std::unique_ptr<StreamLayer> layer)
    : context_(context),
      clients_(clients),
      newcomer_(newcomer),
      stream_(context.loop, newcomer_.fd->release(), Stream::Begin::connected, std::move(layer)),
      waiter_(context.loop),
      deadline_(context.now() + context.snapshots.current().settings->timeouts.handshake) {
  stream_.bind(&waiter_);
}

void Handshake::start() {
  root_.emplace(run());
  root_->start();
}

void Handshake::close() {
  closed_ = true;
  stream_.break_off();
  waiter_.wake();
}

Task<> Handshake::run() {
  Progress made = stream_.is_open() ? stream_.progress() : Progress::failed;
  while (made == Progress::waiting) {
    const Wake wake = co_await waiter_.until(deadline_);
    made = woken(wake);
  }
  if (made == Progress::ready && !closed_) {
    hand_over();
  } else {
    count_failure();
    stream_.close();
    clients_.remove(*this);
  }
}

Progress Handshake::woken(Wake wake) {
  if (closed_) return Progress::failed;
  timed_out_ = wake == Wake::deadline && context_.now() >= deadline_;
  return timed_out_ ? Progress::failed : stream_.progress();
}

void Handshake::count_failure() {
  const shared::TlsSession* const tls = stream_.tls();
  if (tls == nullptr) return;
  shared::TlsFailure failure = timed_out_ ? shared::TlsFailure::timeout : tls->failure();
  if (failure == shared::TlsFailure::none) failure = shared::TlsFailure::closed;
  context_.counters.handshakes_failed[static_cast<std::size_t>(failure)].add();
  if (failure == shared::TlsFailure::closed) return;
  shared::log_event(shared::Level::debug, "handshake_failed",
                    {{"client", newcomer_.peer.address.to_string()},
                     {"kind", to_string(failure)},
                     {"server_name", tls->facts().server_name},
                     {"reason", timed_out_ ? std::string_view("it took too long") : tls->failure_text()}});
}

void Handshake::hand_over() {
  if (const shared::TlsSession* const tls = stream_.tls()) context_.counters.count_handshake(tls->facts());
  Stream::Parts parts = stream_.release();
  *newcomer_.fd = std::move(parts.fd);
  clients_.hand_over(*this, make_spoken(context_, clients_, newcomer_, std::move(parts.layer)));
}

}  // namespace edge
