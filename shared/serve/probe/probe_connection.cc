#include "shared/serve/probe/probe_connection.h"

#include <utility>

namespace shared {

// Every event is called through a copy: the callee may close this connection, which drops the events.

void ProbeConnection::open(const Endpoint& endpoint, Events events) {
  events_ = std::move(events);
  gate_->opened();
  transport_->connect(endpoint, [self = shared_from_this()](error_code error) {
    if (self->closed_) return;
    if (error) return self->fail_with(error);
    self->read();
    const auto connected = self->events_.connected;
    connected();
  });
}

void ProbeConnection::write(std::string bytes) {
  out_ = std::move(bytes);
  transport_->write(out_, [self = shared_from_this()](error_code error) {
    if (!self->closed_ && error) self->fail_with(error);
  });
}

void ProbeConnection::read() {
  transport_->read_some(in_, [self = shared_from_this()](error_code error, std::size_t n) {
    if (self->closed_) return;
    if (error) return self->fail_with(error);
    const auto bytes = self->events_.bytes;
    bytes(std::string_view(self->in_.data(), n));
    if (!self->closed_) self->read();
  });
}

void ProbeConnection::fail_with(error_code error) {
  const auto failed = std::move(events_.failed);
  close();
  failed(error);
}

void ProbeConnection::close() {
  if (!closed_) gate_->closed();
  closed_ = true;
  transport_->close();
  events_ = {};
}

}  // namespace shared
