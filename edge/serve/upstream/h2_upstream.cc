#include "edge/serve/upstream/h2_upstream.h"

#include <algorithm>
#include <array>
#include <utility>

#include "edge/serve/io/pump.h"
#include "edge/serve/upstream/h2_client_session.h"
#include "edge/serve/upstream/h2_upstreams.h"

namespace edge {
namespace {

constexpr std::size_t kOutShare = 64 * 1024;  // gathered for one send

constexpr Error kNotAgreed{
    .kind = ErrorKind::tls_failed, .side = Side::upstream, .detail = "TLS: upstream does not agree on HTTP/2"};

Error lost(std::string_view detail) {
  return {.kind = ErrorKind::upstream_reset, .side = Side::upstream, .detail = detail};
}

}  // namespace

H2Upstream::H2Upstream(H2Upstreams& owner, H2UpstreamPlan plan)
    : owner_(owner), plan_(std::move(plan)), waiter_(owner.loop()) {
  idle_since_ = now();
  owner_.counters().h2_upstreams.add();
  owner_.counters().h2_upstreams_open.add();
}

H2Upstream::~H2Upstream() {
  root_.reset();
  end_streams();
  owner_.counters().h2_upstreams_open.subtract();
}

shared::TimePoint H2Upstream::now() const { return owner_.loop().now(); }

void H2Upstream::start() {
  root_.emplace(run());
  root_->start();
}

std::uint32_t H2Upstream::allowed() const {
  return nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

std::size_t H2Upstream::capacity() const { return std::min(plan_.http2.max_streams, allowed()); }

bool H2Upstream::takes(const UpstreamWay& way) const {
  const std::span<const shared::Endpoint> addresses = way.addresses;
  const shared::ClientTls* const tls = way.tls != nullptr ? way.tls->client.get() : nullptr;
  if (plan_.tls.client.get() != tls || plan_.name != way.name) return false;
  if (doubted_ || state_ == State::leaving || state_ == State::over) return false;
  if (state_ == State::open) {
    // After 2^30 streams there are no numbers left (RFC 9113 5.1.1).
    if (nghttp2_session_check_request_allowed(session_.get()) == 0) return false;
    return streams_.size() < capacity() && std::ranges::find(addresses, upstream_->endpoint()) != addresses.end();
  }
  const std::size_t wide = std::min(plan_.http2.max_streams, owner_.known_streams(plan_.server));
  return streams_.size() < wide && std::ranges::equal(addresses, plan_.addresses);
}

// One that was told to end takes no request any more, and is there until it has said so.
bool H2Upstream::kept() const {
  return stands() && streams_.empty() && nghttp2_session_check_request_allowed(session_.get()) != 0;
}

bool H2Upstream::takes_tunnels() const {
  return nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool H2Upstream::admits() { return state_ == State::open && begun_ < capacity(); }

void H2Upstream::attach(H2UpstreamStream& stream) { streams_.push_back(&stream); }

void H2Upstream::detach(H2UpstreamStream& stream) {
  std::erase(streams_, &stream);
  std::ranges::replace(ready_, &stream, nullptr);
  std::ranges::replace(waking_, &stream, nullptr);
  if (streams_.empty()) idle_since_ = now();
  if (stream.begun()) {
    --begun_;
    if (!stream.closed()) let_go(stream);
  }
  want_write();  // at least it is to be seen whether it is idle now
}

// A shut window would keep an end from going out.
void H2Upstream::let_go(const H2UpstreamStream& stream) {
  const std::int32_t id = stream.id();
  static_cast<void>(nghttp2_session_set_stream_user_data(session_.get(), id, nullptr));
  if (stream.ends_well() && nghttp2_session_get_stream_remote_window_size(session_.get(), id) > 0) {
    ending_.push_back(id);
    static_cast<void>(nghttp2_session_resume_data(session_.get(), id));
    return;
  }
  static_cast<void>(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL));
}

void H2Upstream::want_write() {
  if (!in_turn_ && state_ != State::over) waiter_.wake_soon();
}

void H2Upstream::doubt() {
  if (state_ != State::open && state_ != State::leaving) return;
  doubted_ = true;
  ask();
  want_write();
}

void H2Upstream::ask() {
  if (asked_at_ != shared::TimePoint{}) return;
  asked_at_ = now();
  static_cast<void>(nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr));
}

Task<> H2Upstream::run() {
  const UpstreamWay way{.server = plan_.server,
                        .addresses = plan_.addresses,
                        .tls = &plan_.tls,
                        .name = plan_.name,
                        .alpn = shared::kAlpnHttp2};
  connector_.emplace(owner_.upstreams(), waiter_, owner_.balance(), way);
  connector_->connect(plan_.patience);
  while (connector_->state() == Connector::State::connecting) {
    const shared::TimePoint due = connector_->deadline();
    const Wake wake = co_await waiter_.until(due);
    connector_->step(wake);
  }
  if (connector_->state() == Connector::State::failed) end(connector_->error());
  if (state_ != State::over) {
    upstream_ = connector_->take();
    layered_ = upstream_->stream().layered();
    if (layered_ && upstream_->alpn() != "h2") end(kNotAgreed);
  }
  if (state_ != State::over) {
    state_ = State::opening;
    heard_at_ = now();
    opened_by_ = heard_at_ + plan_.patience;
    session_ = make_h2_client_session(*this, plan_.http2, plan_.limits);
    if (session_ == nullptr) end({.kind = ErrorKind::exhausted, .detail = "no memory for a connection"});
  }
  bool going = state_ != State::over && turn(Wake::event);
  while (going) {
    const shared::TimePoint due = deadline();
    const Wake wake = co_await waiter_.until(due);
    going = turn(wake);
  }
  if (upstream_ != nullptr) say_goodbye();
  end_streams();
  owner_.remove(*this, plan_.server);
}

// False: it is over.
bool H2Upstream::turn(Wake wake) {
  in_turn_ = true;
  if (wake == Wake::deadline) expire();
  const bool opening = state_ == State::opening;
  if (state_ != State::over && !read_input()) {
    end(lost(opening ? "upstream does not speak HTTP/2, or closed at once" : "upstream closed the connection"));
  }
  run_ready();
  if (state_ != State::over && !write_output()) end(lost("upstream closed the connection"));
  in_turn_ = false;
  const bool leaving = state_ == State::leaving;
  if (leaving && streams_.empty()) end(lost("upstream closed the connection"));
  if (state_ != State::over && finished()) end(leaving ? lost("upstream closed the connection") : broken_rules());
  if (streams_.empty() && out_.empty()) out_.clear();  // what a frame has begun with goes on with it
  return state_ != State::over;
}

bool H2Upstream::feed(std::string_view octets) {
  const ssize_t taken =
      nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
  if (taken >= 0) return state_ != State::over;
  static_cast<void>(nghttp2_session_terminate_session(session_.get(), NGHTTP2_PROTOCOL_ERROR));
  end(broken_rules());
  return false;
}

Error H2Upstream::broken_rules() const {
  const std::string_view why =
      state_ == State::opening ? "upstream does not speak HTTP/2" : "upstream broke the protocol of HTTP/2";
  return {.kind = ErrorKind::bad_response, .side = Side::upstream, .detail = why};
}

// Of what breaks its rules the library tells nobody but the server, by a GOAWAY; then it has no more to do.
bool H2Upstream::finished() const {
  return nghttp2_session_want_read(session_.get()) == 0 && nghttp2_session_want_write(session_.get()) == 0;
}

bool H2Upstream::read_input() {
  Stream& stream = upstream_->stream();
  for (std::uint64_t taken = 0; taken < kPumpShare;) {
    if (!stream.readable()) return true;
    const std::span<char> space = owner_.scratch();
    const IoResult received = stream.receive(space);
    if (received.status == IoStatus::again) return true;
    if (received.status != IoStatus::ok) return false;
    taken += received.bytes;
    heard_at_ = now();
    if (!feed({space.data(), received.bytes})) return true;
  }
  waiter_.wake_soon();
  return true;
}

// Frames of all streams that have something to say, as far as one send goes.
bool H2Upstream::fill() {
  while (out_.size() < kOutShare) {
    const std::uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &frame);
    if (size < 0) return false;
    if (size == 0) return true;
    out_.append({reinterpret_cast<const char*>(frame), static_cast<std::size_t>(size)});
  }
  return true;
}

Sent H2Upstream::send() {
  const std::string_view queued = out_.view();
  const std::array<iovec, 1> part{
      iovec{.iov_base = const_cast<char*>(queued.data()), .iov_len = queued.size()}};  // send only reads it
  const IoResult result = upstream_->stream().send(part);
  if (result.status == IoStatus::again) return Sent::blocked;
  if (result.status != IoStatus::ok) return Sent::failed;
  out_.consume(result.bytes);
  return Sent::all;
}

// A server that has said its last word and closed is read first: what it said counts.
bool H2Upstream::write_output() {
  for (int rounds = 0; rounds < 8; ++rounds) {
    if (!fill()) return false;
    if (out_.empty()) {
      wake_blocked();
      if (ready_.empty()) return true;
      run_ready();
      continue;
    }
    const Sent sent = send();
    if (sent == Sent::blocked) return true;
    if (sent == Sent::failed) return upstream_->stream().readable() && read_input();
    run_ready();
    if (state_ == State::over) return true;
  }
  waiter_.wake_soon();
  return true;
}

void H2Upstream::ready(H2UpstreamStream& stream) {
  if (stream.list()) ready_.push_back(&stream);
}

// A request that is woken may end, and take its stream away, or others'.
void H2Upstream::run_ready() {
  if (ready_.empty()) return;
  waking_.swap(ready_);
  for (std::size_t i = 0; i < waking_.size(); ++i) {
    H2UpstreamStream* const stream = waking_[i];
    if (stream == nullptr) continue;
    stream->unlist();
    stream->waiter().wake();
  }
  waking_.clear();
}

// Their queues had no room, and have now.
void H2Upstream::wake_blocked() {
  for (H2UpstreamStream* stream : streams_) {
    if (stream->wants_room()) ready(*stream);
  }
}

shared::TimePoint H2Upstream::deadline() const {
  if (state_ == State::opening) return opened_by_;
  auto due = shared::TimePoint::max();
  if (streams_.empty()) due = idle_since_ + plan_.idle.timeout;
  if (asked_at_ != shared::TimePoint{}) return std::min(due, asked_at_ + plan_.patience);
  if (plan_.http2.ping.count() > 0 && !streams_.empty()) due = std::min(due, heard_at_ + plan_.http2.ping);
  return due;
}

void H2Upstream::expire() {
  if (deadline() > now()) return;
  if (state_ == State::opening) {
    return end({.kind = ErrorKind::connect_timeout,
                .side = Side::upstream,
                .detail = "no SETTINGS from the upstream in time"});
  }
  if (asked_at_ != shared::TimePoint{} && asked_at_ + plan_.patience <= now()) {
    return end(
        {.kind = ErrorKind::upstream_timeout, .side = Side::upstream, .detail = "upstream left a PING unanswered"});
  }
  if (!streams_.empty()) return ask();
  static_cast<void>(nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR));
  end(lost("idle"));
}

// The first word counts.
void H2Upstream::end(const Error& error) {
  if (std::exchange(state_, State::over) != State::over) error_ = error;
}

// If the kernel takes it at once.
void H2Upstream::say_goodbye() {
  if (session_ != nullptr && !upstream_->stream().broken() && fill() && !out_.empty()) static_cast<void>(send());
  upstream_->stream().bind(nullptr);
  upstream_->stream().close();
}

void H2Upstream::end_streams() {
  ready_.clear();
  waking_ = std::exchange(streams_, {});
  for (H2UpstreamStream* stream : waking_) stream->lose(error_);
  // Each is on its own from here: what one does when it is woken is nothing to this connection.
  std::vector<Waiter*> waiters;
  for (H2UpstreamStream* stream : waking_) waiters.push_back(&stream->waiter());
  waking_.clear();
  for (Waiter* waiter : waiters) waiter->wake_soon();
}

}  // namespace edge
