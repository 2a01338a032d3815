#include "edge/serve/request/own_fetch.h"

#include <utility>

#include "edge/serve/request/cached_exchange.h"
#include "edge/serve/request/request.h"

namespace edge {

OwnFetch::OwnFetch(CachedExchange& cached, Request& request, FillSink::Of&& of)
    : cached_(cached),
      r_(request),
      source_(request.exchange.source),
      sink_(request.exchange.sink),
      fill_(of.fill),
      filling_(std::move(of)) {
  r_.context.desk.write(*fill_, r_.exchange.waiter);
}

// Of one that was ended in the middle those who wait look again.
OwnFetch::~OwnFetch() {
  filling_.finish({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed"}, false);
  r_.context.desk.cease(*fill_);
}

bool OwnFetch::abandoned() const {
  if (!source_.abandoned()) return false;
  if (over_ || (fill_->unwanted() && filling_.gives_up())) return true;
  lose_client();
  r_.client_left();
  return false;
}

// What it has not taken is not kept for it: of what only passes through that would leave no room for who reads on.
void OwnFetch::lose_client() const {
  client_gone_ = true;
  cached_.leave_own();
}

void OwnFetch::interpose() {
  r_.interpose(static_cast<RequestSource&>(*this));
  r_.interpose(static_cast<ResponseSink&>(*this));
}

void OwnFetch::finish(bool refused) {
  if (std::exchange(over_, true)) return;
  filling_.finish(r_.error, refused);
  if (!started_ || !client_gone_ || r_.failed) return;
  r_.fail({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed inside the response"});
  r_.cut = true;
  sink_.cut();  // it has a part, and whatever came next would be taken for the rest
}

void OwnFetch::start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) {
  filling_.start(head, framing, rules);
  started_ = true;
  at_once_ = !client_gone_ && filling_.has_room_for_all();
  if (at_once_) return cached_.begin_at_once();
  cached_.take_own_head();
  if (client_gone_) cached_.leave_own();
}

void OwnFetch::start(const OwnHead& head) {
  own_page_ = true;
  sink_.start(head);
}

// What it does not take now it reads from the fill.
void OwnFetch::give(std::string_view data) {
  const std::size_t n = sink_.write(data);
  given_ += n;
  if (n == data.size()) return;
  at_once_ = false;
  cached_.read_on(given_);
}

std::size_t OwnFetch::write(std::string_view data) {
  if (own_page_) return sink_.write(data);
  std::size_t taken = filling_.write(data);
  if (at_once_ && !client_gone_) {
    give(data.substr(0, taken));
    return taken;
  }
  if (taken < data.size()) {  // what is not stored waits for the client
    static_cast<void>(send());
    taken += filling_.write(data.substr(taken));
  }
  return taken;
}

void OwnFetch::end(std::string_view trailers) {
  if (own_page_) return sink_.end(trailers);
  filling_.end(trailers);
  if (!at_once_ || client_gone_) return;
  sink_.end({});
  at_once_ = false;
  sent_ = true;
}

// What the server says is taken however slowly the client does, unless it only passes through.
Sent OwnFetch::flush() {
  if (own_page_) return sink_.flush();
  static_cast<void>(filling_.flush());
  const Sent sent = send();
  if (over_) return sent;
  if (sent == Sent::failed) return failed() ? Sent::failed : Sent::all;
  return filling_.stores() ? Sent::all : sent;
}

Sent OwnFetch::send() {
  if (client_gone_) return Sent::failed;
  if (!started_ || sent_) return sink_.flush();
  if (at_once_) {
    const Sent sent = sink_.flush();
    if (sent == Sent::failed) lose_client();
    return sent;
  }
  switch (cached_.send_own()) {
    case Pumped::done:
      sent_ = true;
      return Sent::all;
    case Pumped::source_waits:
      return sink_.flush();
    case Pumped::turn_over:
      r_.exchange.waiter.wake_soon();
      return Sent::blocked;
    case Pumped::sink_blocked:
      return Sent::blocked;
    case Pumped::source_failed:
    case Pumped::sink_failed:
      break;
  }
  lose_client();
  return Sent::failed;
}

void OwnFetch::cut() {
  if (own_page_) return sink_.cut();
  filling_.cut();
  sink_.cut();
}

}  // namespace edge
