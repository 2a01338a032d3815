#include "edge/serve/client/h2_connection.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "edge/serve/io/pool_memory.h"
#include "edge/serve/io/pump.h"

namespace edge {
namespace {

constexpr std::size_t kOutShare = 64 * 1024;  // gathered for one send
constexpr std::size_t kLeastQueue = 4 * 1024;
constexpr shared::Duration kLastWords = shared::seconds(2);
constexpr shared::Duration kRoundTrip = shared::seconds(1);  // between the two steps of a shutdown, at most
constexpr shared::Duration kLeastWindow = shared::seconds(1);
constexpr shared::Duration kWindow = shared::seconds(5);

// Octets of bodies that may wait in a connection, each way; a stream may use a half of that.
std::uint32_t window_of(const Http2Settings& settings) { return settings.max_buffer / 2; }

}  // namespace

H2Connection::H2Connection(WorkerContext& context, Clients& clients, Begun begun)
    : context_(context),
      clients_(clients),
      stream_(context.loop, begun.fd.release(), Stream::Begin::connected, std::move(begun.layer)),
      peer_(begun.peer),
      introduction_(std::move(begun.introduction)),
      waiter_(context.loop),
      early_(std::move(begun.early)),
      session_(PoolMemory::get(), window_of(settings().http2)),
      https_port_(begun.https_port) {
  stream_.bind(&waiter_);
  idle_since_ = out_progress_ = context.now();
  context_.counters.h2_connections.add();
  context_.counters.h2_connections_open.add();
}

H2Connection::~H2Connection() {
  root_.reset();
  while (streams_ != nullptr) delete std::exchange(streams_, streams_->after);
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
  if (stop_ != Stop::no || !announced_) return;
  begin_shutdown();
  for (H2Stream* stream = streams_; stream != nullptr; stream = stream->after) {
    if (stream->tunnels()) ready(*stream);  // it sees that it is leaving()
  }
  waiter_.wake_soon();
}

std::optional<double> H2Connection::waiting_rate() {
  if (streams_ == nullptr) return std::nullopt;
  const H2Stream* served = stalled() ? nullptr : streams_;
  while (served != nullptr && served->waits_for_client()) served = served->after;
  if (served != nullptr) return std::nullopt;
  const shared::Duration span = context_.now() - window_began_;
  if (span < kLeastWindow) return std::nullopt;
  const double rate = static_cast<double>(moved_ - window_octets_) / std::chrono::duration<double>(span).count();
  if (span >= kWindow) {
    window_began_ = context_.now();
    window_octets_ = moved_;
  }
  return rate;
}

// One place where it waits, and little that it remembers while it does: its frame is memory of each idle connection.
Task<> H2Connection::run() {
  bool going = go_on(Wake::event);
  while (going) {
    const shared::TimePoint due = deadline();
    const Wake wake = co_await waiter_.until(due);
    going = go_on(wake);
  }
  if (announced_ && !closed_ && stop_ != Stop::now) co_await say_goodbye();
  stream_.close();
  clients_.remove(*this);
}

// False: nobody is served, nor is anything left of who was.
bool H2Connection::go_on(Wake wake) {
  if (!ending_ && serve(wake)) return true;
  ending_ = true;
  end_streams();
  return streams_ != nullptr;
}

bool H2Connection::serve(Wake wake) {
  if (announced_) return turn(wake);
  if (wake == Wake::deadline && deadline() <= context_.now()) closed_ = true;
  const Progress progress = stream_.progress();
  if (progress == Progress::waiting && !closed_) return true;
  if (progress != Progress::ready || closed_ || !stream_.is_open()) return false;
  announce();
  return turn(Wake::event);
}

// False: nothing more is read, and what is to be said has been.
bool H2Connection::turn(Wake wake) {
  in_turn_ = true;
  if (wake == Wake::deadline) expire();
  bool going = !closed_ && read_input();
  if (going || stop_ == Stop::told) going = write_output() && going;
  in_turn_ = false;
  if (std::exchange(held_back_, false) && !crowded()) waiter_.wake_soon();
  if (stop_ == Stop::now || closed_) return false;
  if (!going || stop_ == Stop::told) return false;
  if (session_.over()) return false;
  if (buffers_ != nullptr && buffers_->out.empty()) give_back();
  return true;
}

// With our SETTINGS, and with the window that the connection has.
void H2Connection::announce() {
  announced_ = true;
  const Settings& now = settings();
  told_streams_ = now.http2.max_streams;
  told_at_ = context_.now();
  const std::uint32_t window = window_of(now.http2);
  const std::array ours{
      h2::SettingValue{h2::Setting::max_concurrent_streams, now.http2.max_streams},
      h2::SettingValue{h2::Setting::initial_window_size, window / 2},
      h2::SettingValue{h2::Setting::max_header_list_size, now.head_limits.max_head},
      h2::SettingValue{h2::Setting::enable_connect_protocol, 1},
      h2::SettingValue{h2::Setting::no_rfc7540_priorities, 1},
  };
  say(h2::octets_of(h2::settings(ours)));
  constexpr auto kFirst = static_cast<std::uint32_t>(h2::kFirstWindow);
  if (window > kFirst) say(h2::octets_of(h2::window_update(0, window - kFirst)));
}

bool H2Connection::feed(std::string_view octets) {
  while (stop_ == Stop::no) {
    const h2::Event event = session_.next(octets);
    if (event.what == h2::What::more) break;
    take(event);
  }
  if (stop_ != Stop::no) return false;
  if (!session_.in_block()) {
    head_began_ = {};
  } else if (head_began_ == shared::TimePoint{}) {
    head_began_ = context_.now();
  }
  tell_window();
  return true;
}

// A head that ends its stream is over for the stream as soon as it is queued: who asks and takes nothing is not heard
// any further.
bool H2Connection::crowded() const {
  return buffers_ != nullptr && buffers_->out.size() > kOutShare + window_of(settings().http2);
}

bool H2Connection::read_input() {
  if (early_.size() > 0) {
    const Octets early = std::exchange(early_, Octets());
    if (!feed({early.data(), early.size()})) return false;
  }
  for (std::uint64_t taken = 0; taken < kPumpShare;) {
    if (!stream_.readable()) break;
    held_back_ = crowded();
    if (held_back_) break;
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

// DATA of all streams that have some, in the order of their priorities, as far as one send goes.
void H2Connection::fill(H2Output& out) {
  while (out.size() < kOutShare) {
    h2::Stream* const next = session_.next_to_send();
    if (next == nullptr || !put_data(out, static_cast<H2Stream&>(*next))) return;
  }
}

// False: the connection's window has no room.
bool H2Connection::put_data(H2Output& out, H2Stream& stream) {
  const H2Stream::Offer offer = stream.offer(session_.room(stream));
  if (offer.size == 0 && !offer.last) {
    if (stream.queued_out() > 0) return session_.starve(stream);
    session_.pause(stream);
    return true;
  }
  const bool trailers = offer.last && stream.has_trailers();
  const bool ends = offer.last && !trailers;
  if (offer.size > 0 || ends) {
    std::array<char, h2::kFrameHead> head{};
    h2::put_frame_head(head.data(), offer.size, h2::FrameType::data, ends ? h2::kEndStream : 0, stream.id());
    if (offer.size > 0) {
      const H2Body::Frame taken = stream.take_frame(h2::octets_of(head), offer.size);
      out.append(taken.head);
      out.lend(taken.octets);
      queued_ -= offer.size;
      abuse_.moved();
    } else {
      out.append(h2::octets_of(head));
    }
    stream.sent(head.size() + offer.size, ends);
    session_.sent_data(stream, offer.size, ends);
  }
  if (trailers) stream.send_trailers();
  if (offer.last || stream.wants_room()) ready(stream);
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
  if (buffers_ == nullptr && session_.next_to_send() == nullptr) return true;
  H2Output out(this->out());
  for (std::uint64_t before = moved_; moved_ - before < kPumpShare;) {
    if (stop_ == Stop::no) fill(out);
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
  if (!stream.list()) return;
  (ready_ == nullptr ? ready_ : last_ready_->next_ready) = &stream;
  last_ready_ = &stream;
  stream.next_ready = nullptr;
}

// Streams are destroyed at the end of a turn only, and so are all of these still there.
bool H2Connection::run_ready() {
  H2Stream* stream = std::exchange(ready_, nullptr);
  if (stream == nullptr) return false;
  while (stream != nullptr) {
    H2Stream* const next = stream->next_ready;
    stream->unlist();
    if (stream->started()) {
      stream->wake();
    } else {
      stream->run();
    }
    stream = next;
  }
  return true;
}

// Their queues had no room, and have now.
void H2Connection::wake_blocked() {
  for (H2Stream* stream = streams_; stream != nullptr; stream = stream->after) {
    if (stream->wants_room()) ready(*stream);
  }
}

OutBuffer& H2Connection::out() {
  if (buffers_ == nullptr) buffers_ = context_.client_buffers.take();
  return buffers_->out;
}

// An idle connection holds none of what streams have needed.
void H2Connection::give_back() { context_.client_buffers.give_back(std::move(buffers_)); }

std::size_t H2Connection::queue_share() const {
  const std::size_t budget = window_of(settings().http2);
  if (queued_ >= budget) return kLeastQueue;
  return std::max(kLeastQueue, budget / std::max<std::size_t>(count_, 1));
}

void H2Connection::want_write() {
  if (!in_turn_) waiter_.wake_soon();
}

void H2Connection::wants_to_send(H2Stream& stream) {
  session_.wants_to_send(stream);
  want_write();
}

void H2Connection::consumed(H2Stream& stream, std::size_t n) {
  const std::uint32_t increment = session_.consumed(stream, n);
  if (increment > 0) say(h2::octets_of(h2::window_update(stream.id(), increment)));
  tell_window();
}

void H2Connection::tell_window() {
  const std::uint32_t increment = session_.take_increment();
  if (increment > 0) say(h2::octets_of(h2::window_update(0, increment)));
}

// A response whose request still comes says so: the rest is not wanted (RFC 9113 8.1).
void H2Connection::finished(H2Stream& stream) {
  if (std::exchange(stream.done, true)) return;
  if (!stream.gone()) {
    const bool whole = stream.response_ended();
    if (!stream.was_cut()) say_reset(stream.id(), whole ? h2::Error::none : stream.reset_code());
    session_.close(stream);
  }
  checker_ = stream.asked_health();
  if (clients_.winding_down()) begin_shutdown();
  want_write();
  // Each by itself: it may have asked for a turn before it came to its end in this one, and is woken before it goes.
  context_.loop.defer([this, &stream] { bury(stream); });
}

void H2Connection::bury(H2Stream& stream) {
  destroy(stream);
  tell_window();
  idle_since_ = context_.now();  // if none is left: the last of them says so last
  stand();
  waiter_.wake_soon();
}

void H2Connection::destroy(H2Stream& stream) {
  if (stream.head_read()) --running_;
  queued_ -= stream.queued_out();
  held_ -= stream.held();
  session_.consumed(stream.queued_in());
  if (stream.listed()) unlist(stream);
  (stream.before == nullptr ? streams_ : stream.before->after) = stream.after;
  if (stream.after != nullptr) stream.after->before = stream.before;
  --count_;
  delete &stream;
  context_.counters.h2_streams_open.subtract();
}

void H2Connection::unlist(H2Stream& stream) {
  H2Stream* before = nullptr;
  for (H2Stream* at = ready_; at != &stream; at = at->next_ready) before = at;
  (before == nullptr ? ready_ : before->next_ready) = stream.next_ready;
  if (last_ready_ == &stream) last_ready_ = before;
}

void H2Connection::stand() {
  if (running_ > 0) return clients_.stand(*this, ClientState::busy);
  if (first_ || head_began_ != shared::TimePoint{}) return clients_.stand(*this, ClientState::head);
  clients_.stand(*this, checker_ ? ClientState::checker : ClientState::idle);
}

// The connection is over: whoever is served on it finds that out.
void H2Connection::end_streams() {
  for (H2Stream* stream = streams_; stream != nullptr; stream = stream->after) {
    session_.close(*stream);
    stream->unlist();
  }
  ready_ = nullptr;
  in_turn_ = true;  // nothing is written any more
  silent_ = true;
  for (H2Stream* stream = streams_; stream != nullptr; stream = stream->after) {
    if (stream->started()) {
      stream->wake();
    } else {
      finished(*stream);
    }
  }
}

// What is queued goes out, if the client takes it soon; then it is read for a while, since a close while input is
// unread would send a reset that may destroy the GOAWAY on its way. If all has been served the end of an answer may be
// on its way, too: its client has the time to take that as long as it still says something, a WINDOW_UPDATE for one.
Task<> H2Connection::say_goodbye() {
  const bool served = stop_ == Stop::no;
  const shared::Duration patience = served ? shared::Duration(settings().timeouts.send) : kLastWords;
  const shared::TimePoint end = context_.now() + patience;
  clients_.stand(*this, ClientState::head);  // it may go first
  bool waiting = send_rest();
  while (waiting) {
    const Wake wake = co_await waiter_.until(end);
    waiting = wake == Wake::event && send_rest();
  }
  if (closed_ || stream_.broken()) co_return;
  static_cast<void>(stream_.shutdown());
  bool reading = discard_input();
  while (reading) {
    const shared::TimePoint due = std::min<shared::TimePoint>(end, context_.now() + kLastWords);
    const Wake wake = co_await waiter_.until(due);
    reading = wake == Wake::event && !closed_ && discard_input();
  }
}

// True: not all of it is out.
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
  if (ending_) return shared::TimePoint::max();
  const ClientTimeouts& timeouts = settings().timeouts;
  shared::TimePoint due = shutdown_due_;
  if (head_began_ != shared::TimePoint{}) due = std::min<shared::TimePoint>(due, head_began_ + timeouts.head);
  if (streams_ == nullptr) {
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
    stop(Stop::told, h2::Error::enhance_your_calm);
  } else if (streams_ == nullptr && idle_since_ + (first_ ? timeouts.head : timeouts.keep_alive) <= now) {
    stop(Stop::told, h2::Error::none);
  }
}

// The first step: no request that is on its way is refused (RFC 9113 6.8). The answer to the PING, or a second, tells
// that the client has heard.
void H2Connection::begin_shutdown() {
  if (std::exchange(shutting_down_, true)) return;
  say(h2::octets_of(h2::goaway(h2::kMaxStream, h2::Error::none)));
  say(h2::octets_of(h2::ping({"\0\0\0\0\0\0\0\0", 8}, 0)));
  shutdown_due_ = context_.now() + kRoundTrip;
  want_write();
}

// The second: which stream is the last. The connection ends with it.
void H2Connection::finish_shutdown() {
  shutdown_due_ = shared::TimePoint::max();
  if (std::exchange(told_last_, true)) return;
  session_.refuse_more();
  say_goaway(session_.last_accepted(), h2::Error::none);
}

void H2Connection::stop(Stop how, h2::Error error) {
  if (stop_ == Stop::no && how == Stop::told) say_goaway(session_.last_accepted(), error);
  stop_ = std::max(stop_, how);
}

}  // namespace edge
