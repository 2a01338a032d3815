#include "shared/serve/client/http_client.h"

#include <algorithm>
#include <deque>
#include <utility>

#include <boost/asio/post.hpp>

#include "shared/serve/client/error_words.h"
#include "shared/serve/client/http_connection.h"

namespace shared {

namespace {

// With 2xx it means nothing.
std::string retry_after(const http::ResponseReader& reader) {
  if (reader.status() < 300) return {};
  return std::string(reader.field("Retry-After").value_or(std::string_view()));
}

}  // namespace

class HttpClient::Impl : public std::enable_shared_from_this<HttpClient::Impl> {
 public:
  Impl(Loop& loop, ClientTlsContexts& tls, HttpServer server)
      : loop_(loop), tls_(tls), server_(std::move(server)), deadline_(loop) {}

  void call(HttpCall call, Done done) {
    if (calls_.size() == kMostWaiting) return tell_later(std::move(done), fail("too many calls wait for this server"));
    const TimePoint until = Clock::now() + call.timeout;
    calls_.push_back({std::move(call), std::move(done), until, false});
    if (calls_.size() == 1) return begin();
    wait_for_deadline();
  }

  void stop() {
    calls_.clear();
    deadline_.cancel();
    drop_connection();
  }

 private:
  struct Waiting {
    HttpCall call;
    Done done;
    TimePoint until;
    bool again = false;  // it was sent before, on a connection that had ended
  };

  // The first of those that wait.
  void begin() {
    wait_for_deadline();
    reused_ = connection_ && connection_->connected();
    if (reused_) return ask();
    connect();
  }

  // The earliest of all: who waits behind a slow call is not told later than he asked for.
  void wait_for_deadline() {
    deadline_.expires_at(std::ranges::min_element(calls_, {}, &Waiting::until)->until);
    deadline_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (!error && self && !self->calls_.empty()) self->on_deadline(Clock::now());
    });
  }

  void on_deadline(TimePoint now) {
    const bool asked = calls_.front().until <= now;
    for (auto late = calls_.begin(); late != calls_.end();) {
      if (now < late->until) {
        ++late;
        continue;
      }
      tell_later(std::move(late->done), fail(no_answer_in(late->call.timeout)));
      late = calls_.erase(late);
    }
    if (asked) drop_connection();
    if (calls_.empty()) return;
    if (asked) return begin();
    wait_for_deadline();
  }

  void connect() {
    connection_ = std::make_shared<HttpConnection>(
        make_transport(loop_, tls_, {.tls = server_.tls, .host = calls_.front().call.request.host}));
    const std::weak_ptr<Impl> weak = weak_from_this();
    const HttpConnection* const made = connection_.get();
    // Only of the connection that is used now.
    const auto live = [weak, made] {
      auto self = weak.lock();
      return self && self->connection_.get() == made ? self : nullptr;
    };
    HttpConnection::Events events;
    events.connected = [live] {
      if (const auto self = live()) self->ask();
    };
    events.answered = [live](const http::ResponseReader& reader) {
      if (const auto self = live()) self->on_answer(reader);
    };
    events.unasked = [live] {
      if (const auto self = live()) self->drop_connection();
    };
    events.failed = [live](error_code error) {
      if (const auto self = live()) self->on_failed(error);
    };
    connection_->open(server_.endpoint, std::move(events));
  }

  void ask() {
    const HttpCall& call = calls_.front().call;
    connection_->ask(http::write(call.request), call.limits, call.request.method);
  }

  void on_answer(const http::ResponseReader& reader) {
    if (reader.bad() || !reader.keep_alive()) drop_connection();
    if (reader.bad()) return finish(fail("bad answer: " + std::string(reader.error())));
    finish(HttpAnswer{reader.status(), std::string(reader.body()), reader.body_complete(), retry_after(reader)});
  }

  void on_failed(error_code error) {
    const bool begun = connection_->answer_begun();
    connection_.reset();
    if (calls_.empty()) return;
    Waiting& first = calls_.front();
    const bool harmless = !begun && http::is_idempotent(first.call.request.method);
    if (reused_ && harmless && !std::exchange(first.again, true)) {
      reused_ = false;
      return connect();
    }
    finish(fail(words_of(error)));
  }

  // On a turn of its own: whoever is told may ask again, or let go of this client.
  template <class Outcome>
  void finish(Outcome outcome) {
    deadline_.cancel();
    Done done = std::move(calls_.front().done);
    calls_.pop_front();
    tell_later(std::move(done), std::move(outcome));
    if (!calls_.empty()) begin();
  }

  void tell_later(Done done, Result<HttpAnswer> outcome) {
    asio::post(loop_, [weak = weak_from_this(), done = std::move(done), outcome = std::move(outcome)] {
      const auto self = weak.lock();
      if (self) done(outcome);
    });
  }

  void drop_connection() {
    if (connection_) std::exchange(connection_, nullptr)->close();
  }

  Loop& loop_;
  ClientTlsContexts& tls_;
  HttpServer server_;
  Timer deadline_;
  std::deque<Waiting> calls_;                   // the first one is being asked
  std::shared_ptr<HttpConnection> connection_;  // kept between calls
  bool reused_ = false;                         // the call's connection has answered others
};

HttpClient::HttpClient(Loop& loop, ClientTlsContexts& tls, HttpServer server)
    : impl_(std::make_shared<Impl>(loop, tls, std::move(server))) {}

HttpClient::~HttpClient() { impl_->stop(); }

void HttpClient::call(HttpCall call, Done done) { impl_->call(std::move(call), std::move(done)); }

}  // namespace shared
