#include "edge/serve/client/h2_connection.h"

#include <algorithm>
#include <span>
#include <utility>

#include "edge/serve/io/pump.h"

namespace edge {
namespace {

constexpr std::size_t kOutShare = 64 * 1024;  // gathered for one send
constexpr std::size_t kLeastQueue = 4 * 1024;
constexpr shared::Duration kLastWords = shared::seconds(2);
constexpr shared::Duration kRoundTrip = shared::seconds(1);  // between the two steps of a shutdown, at most
constexpr shared::Duration kLeastWindow = shared::seconds(1);
constexpr shared::Duration kWindow = shared::seconds(5);

}  // namespace

H2Connection::H2Connection(WorkerContext& context, Clients& clients, Begun begun)
    : context_(context),
      clients_(clients),
      stream_(context.loop, begun.fd.release(), Stream::Begin::connected, std::move(begun.layer)),
      peer_(begun.peer),
      introduction_(std::move(begun.introduction)),
      waiter_(context.loop),
      early_(std::move(begun.early)),
      https_port_(begun.https_port) {
  stream_.bind(&waiter_);
  idle_since_ = out_progress_ = context.now();
  context_.counters.h2_connections.add();
  context_.counters.h2_connections_open.add();
}

H2Connection::~H2Connection() {
  root_.reset();
  streams_.clear();
  give_back();
  context_.counters.h2_connections_open.subtract();
}

void H2Connection::start() {
  root_.emplace(run());
  root_->start();
}

void H2Connection::close() {
  closed_ = true;
  stream_.break_off();
  waiter_.wake_soon();
}

void H2Connection::drain() {
  if (stop_ != Stop::no || session_ == nullptr) return;
  begin_shutdown();
  for (const auto& stream : streams_) {
    if (stream->tunnels()) ready(*stream);  // it sees that it is leaving()
  }
  waiter_.wake_soon();
}

std::optional<double> H2Connection::waiting_rate() {
  if (streams_.empty()) return std::nullopt;
  const bool waits = stalled() || std::ranges::all_of(streams_, [](const auto& s) { return s->waits_for_client(); });
  if (!waits) return std::nullopt;
  const shared::Duration span = context_.now() - window_began_;
  if (span < kLeastWindow) return std::nullopt;
  const double rate = static_cast<double>(moved_ - window_octets_) / std::chrono::duration<double>(span).count();
  if (span >= kWindow) {
    window_began_ = context_.now();
    window_octets_ = moved_;
  }
  return rate;
}

Task<> H2Connection::run() {
  Progress progress = stream_.progress();
  while (progress == Progress::waiting && !closed_) {
    const shared::TimePoint due = idle_since_ + settings().timeouts.head;
    const Wake wake = co_await waiter_.until(due);
    if (wake == Wake::deadline && due <= context_.now()) closed_ = true;
    progress = stream_.progress();
  }
  if (progress == Progress::ready && !closed_ && stream_.is_open()) session_ = make_h2_session(*this, settings());
  bool going = session_ != nullptr && turn(Wake::event);
  while (going) {
    const shared::TimePoint due = deadline();
    const Wake wake = co_await waiter_.until(due);
    going = turn(wake);
  }
  end_streams();
  while (!streams_.empty()) {
    co_await waiter_.until(shared::TimePoint::max());
    end_streams();
  }
  if (session_ != nullptr && !closed_ && stop_ != Stop::now) co_await say_goodbye();
  stream_.close();
  clients_.remove(*this);
}

// False: nothing more is read, and what is to be said has been.
bool H2Connection::turn(Wake wake) {
  in_turn_ = true;
  if (wake == Wake::deadline) expire();
  bool going = !closed_ && read_input();
  if (going || stop_ == Stop::told) going = write_output() && going;
  in_turn_ = false;
  if (stop_ == Stop::now || closed_) return false;
  if (!going || stop_ == Stop::told) return false;
  if (nghttp2_session_want_read(session_.get()) == 0 && nghttp2_session_want_write(session_.get()) == 0) return false;
  if (buffers_ != nullptr && buffers_->out.empty()) give_back();
  return true;
}

bool H2Connection::feed(std::string_view octets) {
  // Of DATA on a stream that is over the library tells nobody (RFC 9113 5.1).
  const auto fits = [this](std::uint8_t type, std::int32_t id) {
    return type != NGHTTP2_DATA || past_.past(id) != PastStreams::Past::closed;
  };
  if (!heads_.follow(octets, fits)) {
    stop(Stop::told, NGHTTP2_STREAM_CLOSED);
    return false;
  }
  const ssize_t taken =
      nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
  if (stop_ != Stop::no) return false;
  if (taken >= 0) return true;
  const bool flooded = taken == NGHTTP2_ERR_FLOODED;
  stop(Stop::told, flooded ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
  return false;
}

bool H2Connection::read_input() {
  if (early_.size() > 0) {
    const Octets early = std::exchange(early_, Octets());
    if (!feed({early.data(), early.size()})) return false;
  }
  for (std::uint64_t taken = 0; taken < kPumpShare;) {
    if (!stream_.readable()) break;
    if (buffers_ == nullptr) buffers_ = context_.client_buffers.take();
    buffers_->in.clear();
    const std::span<char> space = buffers_->in.space();
    const IoResult received = stream_.receive(space);
    if (received.status == IoStatus::again) break;
    if (received.status != IoStatus::ok) {
      closed_ = true;
      return false;
    }
    taken += received.bytes;
    moved_ += received.bytes;
    if (!feed({space.data(), received.bytes})) return false;
    if (received.bytes == space.size()) buffers_->in.grow(ReadBuffer::kSize);
    if (taken >= kPumpShare) waiter_.wake_soon();
  }
  static_cast<void>(run_ready());
  if (head_began_ != shared::TimePoint{}) stand();
  return true;
}

// Frames of all streams that have something to say, in the order of their priorities, as far as one send goes.
bool H2Connection::fill(H2Output& out) {
  output_ = &out;
  while (out.size() < kOutShare) {
    const std::uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &frame);
    if (size < 0) return false;
    if (size == 0) return true;
    const std::string_view octets(reinterpret_cast<const char*>(frame), static_cast<std::size_t>(size));
    if (std::exchange(announced_, true)) {
      out.append(octets);
    } else {
      out.append(announcement(octets, settings()));
    }
  }
  return true;
}

Sent H2Connection::send(H2Output& out) {
  const std::span<const iovec> parts = out.parts();
  const IoResult result = stream_.send(parts);
  out.sent(result.status == IoStatus::ok ? result.bytes : 0);
  if (result.status == IoStatus::failed) closed_ = true;
  if (result.status != IoStatus::ok) return closed_ ? Sent::failed : Sent::blocked;
  moved_ += result.bytes;
  out_progress_ = context_.now();
  return Sent::all;
}

bool H2Connection::write_output() {
  if (buffers_ == nullptr && nghttp2_session_want_write(session_.get()) == 0) return true;
  if (buffers_ == nullptr) buffers_ = context_.client_buffers.take();
  H2Output out(buffers_->out);
  for (std::uint64_t before = moved_; moved_ - before < kPumpShare;) {
    if (!fill(out)) {
      closed_ = true;
      return false;
    }
    if (out.empty()) {
      wake_blocked();
      if (run_ready()) continue;
      return true;
    }
    if (const Sent sent = send(out); sent != Sent::all) return sent == Sent::blocked;
    static_cast<void>(run_ready());
  }
  waiter_.wake_soon();
  return true;
}

void H2Connection::tell(RequestFacts& facts) const {
  const bool before_us = introduction_ != nullptr && introduction_->tls;
  facts.peer = peer_.address;
  facts.scheme = stream_.layered() || before_us ? "https" : "http";
  facts.introduction = introduction_.get();
  facts.first = first_;
  facts.https_port = https_port_;
  if (const shared::TlsSession* const tls = stream_.tls()) facts.tls = &tls->facts();
}

void H2Connection::ready(H2Stream& stream) {
  if (stream.list()) ready_.push_back(&stream);
}

// Streams are destroyed at the end of a turn only, and so are all of these still there.
bool H2Connection::run_ready() {
  if (ready_.empty()) return false;
  std::vector<H2Stream*> now;
  now.swap(ready_);
  for (H2Stream* stream : now) {
    stream->unlist();
    if (stream->started()) {
      stream->wake();
    } else {
      stream->run();
    }
  }
  return true;
}

// Their queues had no room, and have now.
void H2Connection::wake_blocked() {
  for (const auto& stream : streams_) {
    if (stream->wants_room()) ready(*stream);
  }
}

void H2Connection::give_back() { context_.client_buffers.give_back(std::move(buffers_)); }

std::size_t H2Connection::queue_share() const {
  const std::size_t budget = h2_window(settings().http2);
  if (queued_ >= budget) return kLeastQueue;
  return std::max(kLeastQueue, budget / std::max<std::size_t>(streams_.size(), 1));
}

void H2Connection::want_write() {
  if (!in_turn_) waiter_.wake_soon();
}

void H2Connection::consumed(H2Stream& stream, std::size_t n) {
  if (stream.gone()) {
    static_cast<void>(nghttp2_session_consume_connection(session_.get(), n));
  } else {
    static_cast<void>(nghttp2_session_consume(session_.get(), stream.id(), n));
  }
  want_write();
}

// A response whose request still comes says so: the rest is not wanted (RFC 9113 8.1).
void H2Connection::finished(H2Stream& stream) {
  if (!stream.gone()) {
    const bool whole = stream.response_ended();
    if (!stream.was_cut() && !(whole && stream.request_ended())) {
      const std::uint32_t code = whole ? std::uint32_t{NGHTTP2_NO_ERROR} : stream.reset_code();
      static_cast<void>(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id(), code));
    }
    static_cast<void>(nghttp2_session_set_stream_user_data(session_.get(), stream.id(), nullptr));
  }
  checker_ = stream.asked_health();
  if (clients_.winding_down()) begin_shutdown();
  want_write();
  context_.loop.defer([this, id = stream.id()] { destroy(id); });
}

void H2Connection::destroy(std::int32_t id) {
  const auto found = std::ranges::find_if(streams_, [&](const auto& stream) { return stream->id() == id; });
  if (found == streams_.end()) return;
  H2Stream& stream = **found;
  const bool begun = stream.head_read();
  queued_ -= stream.queued_out();
  held_ -= stream.held();
  if (stream.queued_in() > 0) static_cast<void>(nghttp2_session_consume_connection(session_.get(), stream.queued_in()));
  std::erase(ready_, &stream);
  std::swap(*found, streams_.back());
  streams_.pop_back();
  context_.counters.h2_streams_open.subtract();
  if (begun) --running_;
  if (streams_.empty()) idle_since_ = context_.now();
  stand();
  waiter_.wake_soon();
}

void H2Connection::stand() {
  if (running_ > 0) return clients_.stand(*this, ClientState::busy);
  if (first_ || head_began_ != shared::TimePoint{}) return clients_.stand(*this, ClientState::head);
  clients_.stand(*this, checker_ ? ClientState::checker : ClientState::idle);
}

H2Stream* H2Connection::find(std::int32_t id) {
  return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
}

// The connection is over: whoever is served on it finds that out.
void H2Connection::end_streams() {
  for (const auto& stream : streams_) stream->closed();
  ready_.clear();
  in_turn_ = true;  // nothing is written any more
  const std::size_t count = streams_.size();
  for (std::size_t i = 0; i < count && i < streams_.size(); ++i) {
    if (streams_[i]->started()) {
      streams_[i]->wake();
    } else {
      finished(*streams_[i]);
    }
  }
}

// What is queued goes out, if the client takes it soon; then it is read for a while, since a close while input is
// unread would send a reset that may destroy the GOAWAY on its way.
Task<> H2Connection::say_goodbye() {
  const shared::TimePoint due = context_.now() + kLastWords;
  clients_.stand(*this, ClientState::head);  // it may go first
  bool waiting = send_rest();
  while (waiting) {
    const Wake wake = co_await waiter_.until(due);
    waiting = wake == Wake::event && send_rest();
  }
  if (closed_ || stream_.broken()) co_return;
  static_cast<void>(stream_.shutdown());
  bool reading = discard_input();
  while (reading) {
    const Wake wake = co_await waiter_.until(due);
    reading = wake == Wake::event && !closed_ && discard_input();
  }
}

// True: not all of it is out. The session is not asked for more: the streams that it knows are gone.
bool H2Connection::send_rest() {
  while (!closed_ && buffers_ != nullptr && !buffers_->out.empty()) {
    H2Output out(buffers_->out);
    if (send(out) == Sent::blocked) return true;
  }
  return false;
}

// False: there will be nothing more.
bool H2Connection::discard_input() {
  for (std::uint64_t taken = 0; taken < kPumpShare;) {
    const IoResult received = stream_.discard(kPumpShare);
    if (received.status == IoStatus::again) return true;
    if (received.status != IoStatus::ok) return false;
    taken += received.bytes;
  }
  waiter_.wake_soon();
  return true;
}

shared::TimePoint H2Connection::deadline() const {
  const ClientTimeouts& timeouts = settings().timeouts;
  shared::TimePoint due = shutdown_due_;
  if (head_began_ != shared::TimePoint{}) due = std::min<shared::TimePoint>(due, head_began_ + timeouts.head);
  if (streams_.empty()) {
    due = std::min<shared::TimePoint>(due, idle_since_ + (first_ ? timeouts.head : timeouts.keep_alive));
  }
  if (buffers_ != nullptr && !buffers_->out.empty()) {
    due = std::min<shared::TimePoint>(due, out_progress_ + timeouts.send);
  }
  return due;
}

void H2Connection::expire() {
  const shared::TimePoint now = context_.now();
  const ClientTimeouts& timeouts = settings().timeouts;
  if (shutdown_due_ <= now) finish_shutdown();
  if (buffers_ != nullptr && !buffers_->out.empty() && out_progress_ + timeouts.send <= now) {
    closed_ = true;
  } else if (head_began_ != shared::TimePoint{} && head_began_ + timeouts.head <= now) {
    stop(Stop::told, NGHTTP2_ENHANCE_YOUR_CALM);
  } else if (streams_.empty() && idle_since_ + (first_ ? timeouts.head : timeouts.keep_alive) <= now) {
    stop(Stop::told, NGHTTP2_NO_ERROR);
  }
}

// The first step: no request that is on its way is refused (RFC 9113 6.8). The answer to the PING, or a second, tells
// that the client has heard.
void H2Connection::begin_shutdown() {
  if (std::exchange(shutting_down_, true)) return;
  static_cast<void>(nghttp2_submit_shutdown_notice(session_.get()));
  static_cast<void>(nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr));
  shutdown_due_ = context_.now() + kRoundTrip;
  want_write();
}

// The second: which stream is the last. The connection ends with it.
void H2Connection::finish_shutdown() {
  shutdown_due_ = shared::TimePoint::max();
  if (std::exchange(told_last_, true)) return;
  static_cast<void>(nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                                          nghttp2_session_get_last_proc_stream_id(session_.get()), NGHTTP2_NO_ERROR,
                                          nullptr, 0));
}

void H2Connection::stop(Stop how, std::uint32_t code) {
  if (stop_ == Stop::no) static_cast<void>(nghttp2_session_terminate_session(session_.get(), code));
  stop_ = std::max(stop_, how);
}

// At the soft limit no stream more is taken; those that run are served. At the hard one it is over.
int H2Connection::judge(Oddity oddity) {
  const AbuseScore::Level level = abuse_.add(oddity, context_.now());
  if (level == AbuseScore::Level::fine) return 0;
  if (level == AbuseScore::Level::hard) {
    context_.counters.h2_abusers.add();
    stop(Stop::now, NGHTTP2_ENHANCE_YOUR_CALM);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  if (std::exchange(told_last_, true)) return 0;
  shutting_down_ = true;
  shutdown_due_ = shared::TimePoint::max();
  static_cast<void>(nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                                          nghttp2_session_get_last_proc_stream_id(session_.get()),
                                          NGHTTP2_ENHANCE_YOUR_CALM, nullptr, 0));
  return 0;
}

}  // namespace edge
