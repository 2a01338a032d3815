#include "shared/serve/client/http_connection.h"

#include <utility>

namespace shared {

// Every event is called through a copy: the callee may close this connection, which drops the events.

void HttpConnection::open(const Endpoint& endpoint, Events events) {
  events_ = std::move(events);
  transport_->connect(endpoint, [self = shared_from_this()](error_code error) {
    if (self->closed_) return;
    if (error) return self->fail_with(error);
    self->connected_ = true;
    self->read();
    const auto connected = self->events_.connected;
    connected();
  });
}

void HttpConnection::ask(std::string request, const http::ResponseLimits& limits, http::Method method) {
  reader_ = http::ResponseReader(limits, method);
  round_trip_ = {};
  asked_at_ = Clock::now();
  asked_ = true;
  out_ = std::move(request);
  transport_->write(out_, [self = shared_from_this()](error_code error) {
    if (!self->closed_ && error) self->fail_with(error);
  });
}

void HttpConnection::read() {
  transport_->read_some(in_, [self = shared_from_this()](error_code error, std::size_t n) {
    if (self->closed_) return;
    if (error) return self->fail_with(error);
    self->take({self->in_.data(), n});
    if (!self->closed_) self->read();
  });
}

void HttpConnection::take(std::string_view bytes) {
  if (!asked_) {
    const auto unasked = events_.unasked;
    return unasked();
  }
  if (!reader_.started()) round_trip_ = Clock::now() - asked_at_;
  reader_.feed(bytes);
  if (reader_.done() || reader_.bad()) tell_answer();
}

void HttpConnection::tell_answer() {
  asked_ = false;
  const http::ResponseReader answer = std::exchange(reader_, http::ResponseReader());
  const auto answered = events_.answered;
  answered(answer);
}

// The end of a body without a length is an answer, too.
void HttpConnection::fail_with(error_code error) {
  const Events events = std::exchange(events_, {});
  close();
  if (asked_) reader_.feed_end();
  if (asked_ && reader_.done()) return events.answered(reader_);
  events.failed(error);
}

void HttpConnection::close() {
  transport_->close();
  events_ = {};
  if (std::exchange(closed_, true)) return;
  const auto on_closed = std::exchange(on_closed_, {});
  if (on_closed) on_closed();
}

}  // namespace shared
