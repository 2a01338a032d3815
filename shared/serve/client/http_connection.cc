#include "shared/serve/client/http_connection.h"

#include <utility>

#include <boost/asio/error.hpp>

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

void HttpConnection::ask_health(std::string_view host, std::string_view service, std::string_view scheme) {
  if (grpc_ == nullptr) grpc_ = std::make_unique<GrpcHealthSession>();
  heard_ = false;
  round_trip_ = {};
  asked_at_ = Clock::now();
  asked_ = true;
  grpc_->ask(host, service, scheme);
  write_frames();
}

// One write at a time; what comes up meanwhile goes with the next.
void HttpConnection::write_frames() {
  if (writing_) return;
  out_ = grpc_->take_output();
  if (out_.empty()) return;
  writing_ = true;
  transport_->write(out_, [self = shared_from_this()](error_code error) {
    self->writing_ = false;
    if (self->closed_) return;
    if (error) return self->fail_with(error);
    self->write_frames();
  });
}

void HttpConnection::take_frames(std::string_view bytes) {
  if (!heard_) round_trip_ = Clock::now() - asked_at_;
  heard_ = true;
  const bool good = grpc_->feed(bytes);
  if (good) write_frames();
  if (good && !grpc_->done() && !grpc_->leaving()) return;
  if (good && !asked_) {
    if (grpc_->leaving()) fail_with(asio::error::eof);
    return;
  }
  if (good && !grpc_->done()) return;
  asked_ = false;
  const std::string verdict = good ? grpc_->verdict() : "this is not HTTP/2";
  const auto judged = events_.judged;
  judged(verdict);
  // Whoever keeps it hears at once that it is of no further use.
  if (!closed_ && (!good || grpc_->leaving())) fail_with(asio::error::eof);
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
  if (grpc_ != nullptr) return take_frames(bytes);
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
  const bool reading = asked_ && grpc_ == nullptr;
  if (reading) reader_.feed_end();
  if (reading && reader_.done()) return events.answered(reader_);
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
