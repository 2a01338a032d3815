#include "edge/serve/client/h1.h"

#include <algorithm>
#include <utility>

#include "edge/core/decide/decide.h"
#include "edge/serve/client/client_header.h"
#include "edge/serve/client/h2_connection.h"
#include "edge/serve/io/pump.h"
#include "edge/serve/request/account.h"
#include "edge/serve/request/serve_one.h"
#include "shared/http/status.h"

namespace edge {
namespace {

constexpr std::size_t kRoomBehind = 1024;  // behind the largest head
constexpr std::uint8_t kInTurn = 8;        // requests that have come together; others want their turn
constexpr shared::Duration kLastWords = shared::seconds(2);
constexpr shared::Duration kLeastWindow = shared::seconds(1);  // shorter ones say nothing of a rate
constexpr shared::Duration kWindow = shared::seconds(5);

const HeaderRules kNoRules;

// As HeadParser does, it forgives an empty line.
bool asks_for_head(std::string_view input) {
  if (input.starts_with("\r\n")) input.remove_prefix(2);
  return input.starts_with("HEAD ");
}

}  // namespace

H1Connection::H1Connection(WorkerContext& context, Clients& clients, shared::UniqueFd fd, const shared::Endpoint& peer,
                           std::unique_ptr<StreamLayer> layer, const Introduction* introduction,
                           std::uint16_t https_port)
    : context_(context),
      clients_(clients),
      stream_(context.loop, fd.release(), Stream::Begin::connected, std::move(layer)),
      peer_(peer),
      introduction_(introduction != nullptr ? std::make_unique<const Introduction>(*introduction) : nullptr),
      waiter_(context.loop),
      https_port_(https_port) {
  stream_.bind(&waiter_);
  deadline_ = context.now() + context.snapshots.current().settings->timeouts.head;
}

H1Connection::~H1Connection() {
  root_.reset();
  end_turn();
}

void H1Connection::start() {
  root_.emplace(run());
  root_->start();
}

// A busy one asks Clients when its answer is out; behind a 101 that may be never.
void H1Connection::drain() {
  if (turn_ != nullptr && turn_->tunnel) return waiter_.wake();  // it sees that it is leaving()
  if (!idle()) return;
  closing_ = true;
  waiter_.wake();
}

void H1Connection::close() {
  closed_ = true;
  stream_.break_off();
  waiter_.wake();
}

void H1Connection::begin_window(std::uint64_t octets) {
  turn_->window_began = context_.now();
  turn_->window_octets = octets;
}

std::optional<double> H1Connection::waiting_rate() {
  if (turn_ == nullptr) return std::nullopt;
  // Of a tunnel that is silent nobody waits for the client: only for one that does not take what there is.
  const bool sends = !turn_->tunnel && !turn_->reader.finished() && !stream_.readable();
  if (!sends && stream_.writable()) return std::nullopt;
  const shared::Duration span = context_.now() - turn_->window_began;
  if (span < kLeastWindow) return std::nullopt;
  const std::uint64_t octets = turn_->reader.consumed() + turn_->writer.octets_sent();
  if (turn_->tunnel && span >= 2 * kWindow) {  // it was quiet for long, and is looked at again
    begin_window(octets);
    return std::nullopt;
  }
  const double rate = static_cast<double>(octets - turn_->window_octets) / std::chrono::duration<double>(span).count();
  if (span >= kWindow) begin_window(octets);
  return rate;
}

// A coroutine of its own for reading heads would cost every idle connection its frame.
Task<> H1Connection::run() {
  while (stream_.is_open()) {
    Read read = try_read_head();
    while (read == Read::wait) {
      const Wake wake = co_await waiter_.until(deadline_);
      served_ = 0;
      read = wake == Wake::deadline ? head_expired() : try_read_head();
    }
    if (read == Read::http2) co_return become_http2();
    if (read != Read::request) break;
    co_await serve();
    if (!finish_exchange()) break;
  }
  co_await close_gently();
  clients_.remove(*this);
}

// No coroutine: what it names would be in the frame of every idle connection.
Task<> H1Connection::serve() {
  const Exchange exchange{*this, *this, waiter_, *turn_->work};
  return serve_one(exchange, context_);
}

void H1Connection::begin_turn() {
  turn_ = std::make_unique<Turn>();
  unpark();
}

// A part of a head costs its own octets while it waits for the rest.
void H1Connection::park() {
  turn_->parked = turn_->buffers->in.park();
  give_back();
}

void H1Connection::give_back() {
  context_.client_buffers.give_back(std::move(turn_->buffers));
  context_.works.give_back(std::move(turn_->work));
}

void H1Connection::unpark() {
  turn_->buffers = context_.client_buffers.take();
  turn_->work = context_.works.take();
  if (turn_->parked.size() > 0) turn_->buffers->in.unpark(turn_->parked);
  turn_->parked = Octets();
  // The client may close without a request, or after its last one: what then ends the connection flushes this buffer,
  // not the one that went back to the pool and may be another connection's by now.
  turn_->writer.begin(stream_, turn_->buffers->out);
}

void H1Connection::end_turn() {
  if (turn_ == nullptr) return;
  give_back();
  turn_.reset();
}

H1Connection::Read H1Connection::try_read_head() {
  if (closed_) return Read::closed;
  if (const Progress progress = stream_.progress(); progress != Progress::ready) {
    return progress == Progress::waiting && !closing_ ? Read::wait : Read::closed;
  }
  if (served_ == kInTurn) {
    waiter_.wake_soon();
    return Read::wait;
  }
  if (turn_ == nullptr) {
    // Its request may have come in this very turn, or with the connection.
    if (closing_) stream_.assume_readable();
    if (!stream_.readable()) return Read::wait;
    begin_turn();
  } else if (turn_->work == nullptr) {
    if (!stream_.readable()) return Read::wait;
    unpark();
  }
  ReadBuffer& buffer = turn_->buffers->in;
  while (true) {
    if (!buffer.empty()) {
      const Read parsed = parse_head();
      if (parsed != Read::wait) return parsed;
    }
    const IoResult received = stream_.receive(buffer.space());
    if (received.status == IoStatus::ok) {
      if (buffer.empty()) turn_->facts.began = context_.now();
      // The first head of a connection has had its deadline since the accept.
      if (buffer.empty() && !first_)
        deadline_ = turn_->facts.began + context_.snapshots.current().settings->timeouts.head;
      buffer.commit(received.bytes);
      continue;
    }
    const bool nothing = buffer.empty();
    if (nothing) end_turn();
    if (received.status != IoStatus::again || (nothing && closing_)) return Read::closed;
    if (nothing) return Read::wait;
    park();
    clients_.stand(*this, ClientState::head);
    return Read::wait;
  }
}

// What a client begins with that knows beforehand that HTTP/2 is spoken here (RFC 9113 3.4). No HTTP/1 head is like it.
H1Connection::Read H1Connection::look_for_http2() const {
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const std::string_view begun = turn_->buffers->in.view().substr(0, kPreface.size());
  const bool spoken = context_.snapshots.current().settings->http2.prior_knowledge && !stream_.layered();
  if (!spoken || !kPreface.starts_with(begun)) return Read::request;
  return begun.size() < kPreface.size() ? Read::wait : Read::http2;
}

// Another object goes on with this connection.
void H1Connection::become_http2() {
  Octets early = turn_->buffers->in.park();
  Stream::Parts parts = stream_.release();
  H2Connection::Begun begun{.fd = std::move(parts.fd),
                            .peer = peer_,
                            .layer = std::move(parts.layer),
                            .introduction = std::move(introduction_),
                            .early = std::move(early),
                            .https_port = https_port_};
  clients_.hand_over(*this, std::make_unique<H2Connection>(context_, clients_, std::move(begun)));
}

H1Connection::Read H1Connection::parse_head() {
  ReadBuffer& buffer = turn_->buffers->in;
  if (first_) [[unlikely]] {
    const Read found = look_for_http2();
    if (found != Read::request) return found;
  }
  const http::HeadLimits& limits = context_.snapshots.current().settings->head_limits;
  http::ParseState state = turn_->parser.parse_request(buffer.view(), limits, turn_->work->request);
  if (state == http::ParseState::incomplete && buffer.space().empty()) {
    buffer.grow(limits.max_head + kRoomBehind);
    turn_->parser.reset();
    state = turn_->parser.parse_request(buffer.view(), limits, turn_->work->request);
  }
  if (state == http::ParseState::incomplete) return Read::wait;
  if (state == http::ParseState::error) return refuse(turn_->parser.refusal());
  return take_head();
}

H1Connection::Read H1Connection::take_head() {
  const Settings& settings = *context_.snapshots.current().settings;
  const auto framing = http::frame_request(turn_->work->request, settings.max_body);
  if (!framing) return refuse(framing.error());
  if (clients_.out_of_memory()) return refuse({.status = 503, .reason = "client.max_memory is in use"});
  turn_->facts.framing = *framing;
  turn_->facts.head = &turn_->work->request;
  turn_->facts.peer = peer_.address;
  const bool before_us = introduction_ != nullptr && introduction_->tls;
  turn_->facts.scheme = stream_.layered() || before_us ? "https" : "http";
  turn_->facts.introduction = introduction_.get();
  turn_->facts.first = first_;
  turn_->facts.protocol = turn_->work->request.version == http::Version::http_1_0 ? "HTTP/1.0" : "HTTP/1.1";
  turn_->facts.https_port = https_port_;
  if (const shared::TlsSession* const tls = stream_.tls()) turn_->facts.tls = &tls->facts();
  turn_->facts.head_read = turn_->window_began = context_.now();
  turn_->window_octets = 0;
  turn_->buffers->in.pin(turn_->work->request.size);
  turn_->reader.begin(stream_, turn_->buffers->in, turn_->facts.framing.body, settings.max_body);
  turn_->writer.begin(stream_, turn_->buffers->out);
  turn_->invited = false;
  turn_->takes_trailers = turn_->facts.framing.te_trailers;
  turn_->via = settings.via_responses;
  turn_->leaves_by_fin = settings.half_close == HalfClose::abort;
  clients_.stand(*this, ClientState::busy);
  return Read::request;
}

// What was refused may never have been parsed: the method decides whether the answer has a body (RFC 9110 9.3.2).
H1Connection::Read H1Connection::refuse(const http::Refusal& refusal) {
  keep_ = false;
  refused_ = true;
  turn_->facts.framing = {};
  turn_->facts.framing.persistence = http::Persistence::close;
  turn_->work->request.method = asks_for_head(turn_->buffers->in.view()) ? http::Method::head : http::Method::get;
  turn_->work->request.version = http::Version::http_1_1;
  turn_->writer.begin(stream_, turn_->buffers->out);
  const std::string_view page = http::reason_phrase(refusal.status);
  start({.status = refusal.status, .length = page.size()});
  if (turn_->work->request.method != http::Method::head) static_cast<void>(write(page));  // so small it is queued
  end({});
  const shared::TlsSession* const tls = stream_.tls();
  account_refusal(context_, peer_.address, refusal, tls != nullptr ? &tls->facts() : nullptr);
  return Read::refused;
}

H1Connection::Read H1Connection::head_expired() {
  if (deadline_ > context_.now()) return Read::wait;
  if (turn_ == nullptr) return Read::closed;
  if (turn_->work == nullptr) unpark();
  return refuse({.status = 408, .reason = "request head came too slowly"});
}

shared::ProxyHeader H1Connection::introduction() const { return client_header(introduction_.get(), stream_, peer_); }

void H1Connection::invite() {
  if (turn_->invited || turn_->facts.framing.expectation != http::Expectation::continue_100) return;
  turn_->invited = true;
  // A client that did not wait needs no word.
  if (!turn_->buffers->in.empty() || turn_->reader.finished()) return;
  turn_->buffers->out.append(kContinue);
  static_cast<void>(turn_->writer.flush());  // a failure shows at the next flush
}

void H1Connection::interim(const http::ResponseHead& head) {
  if (turn_->work->request.version != http::Version::http_1_1) return;
  const ClientResponse bound{.head = head,
                             .framing = {},
                             .body = {},
                             .persistence = http::Persistence::keep,
                             .client_version = http::Version::http_1_1,
                             .rules = kNoRules,
                             .date = {},
                             .via = {}};
  const auto size = write_interim_response(turn_->buffers->out.room(client_response_bound(bound)), head);
  if (size) turn_->buffers->out.commit(*size);
}

http::Persistence H1Connection::persistence() const {
  const bool keep = turn_->facts.framing.persistence == http::Persistence::keep && turn_->reader.finished() &&
                    !clients_.winding_down();
  return keep ? http::Persistence::keep : http::Persistence::close;
}

void H1Connection::start(const http::ResponseHead& head, const http::ResponseFraming& framing,
                         const HeaderRules& rules) {
  turn_->response_body = http::client_body(framing.body, turn_->work->request.version);
  keep_ = persistence() == http::Persistence::keep && turn_->response_body.kind != http::BodyKind::until_close;
  const ClientResponse response{.head = head,
                                .framing = framing,
                                .body = turn_->response_body,
                                .persistence = keep_ ? http::Persistence::keep : http::Persistence::close,
                                .client_version = turn_->work->request.version,
                                .rules = rules,
                                .date = context_.http_date.at(context_.now()),
                                .via = turn_->via ? kViaName : std::string_view()};
  const auto size = write_client_response(turn_->buffers->out.room(client_response_bound(response)), response);
  if (size) turn_->buffers->out.commit(*size);
  turn_->writer.begin_body(turn_->response_body);
  if (framing.switched) begin_tunnel();
}

// Both directions are octets from now on, until one side closes.
void H1Connection::begin_tunnel() {
  keep_ = false;
  turn_->tunnel = true;
  turn_->leaves_by_fin = false;
  turn_->response_body = {.kind = http::BodyKind::until_close, .length = 0};
  turn_->reader.begin(stream_, turn_->buffers->in, turn_->response_body);
  turn_->writer.begin_body(turn_->response_body);
  begin_window(turn_->writer.octets_sent());
}

void H1Connection::start(const OwnHead& head) {
  turn_->response_body = {.kind = http::BodyKind::length, .length = head.length};
  keep_ = persistence() == http::Persistence::keep && !head.distrust;
  const HeaderRules& rules = context_.snapshots.current().settings->response_rules;
  const OwnResponse response{.head = head,
                             .date = context_.http_date.at(context_.now()),
                             .persistence = keep_ ? http::Persistence::keep : http::Persistence::close,
                             .client_version = turn_->work->request.version,
                             .rules = head.rules != nullptr ? head.rules : &rules};
  const auto size = write_own_response(turn_->buffers->out.room(own_response_bound(response)), response);
  if (size) turn_->buffers->out.commit(*size);
  turn_->writer.begin_body(turn_->response_body);
}

bool H1Connection::finish_exchange() {
  if (closed_ || cut_ || !keep_ || failed() || !turn_->reader.finished()) return false;
  first_ = false;
  ++served_;
  const bool checker = turn_->work->request.target == kHealthPath;
  turn_->buffers->in.unpin();
  turn_->parser.reset();
  const ClientTimeouts& timeouts = context_.snapshots.current().settings->timeouts;
  const shared::TimePoint now = context_.now();
  const bool pipelined = !turn_->buffers->in.empty();
  // Its head went out before the drain began and promised another one; nobody waits for that now.
  if (!pipelined && clients_.hastening()) return false;
  if (pipelined) {
    turn_->facts.began = now;
  } else {
    end_turn();
    clients_.stand(*this, checker ? ClientState::checker : ClientState::idle);
  }
  deadline_ = now + (pipelined ? timeouts.head : timeouts.keep_alive);
  return true;
}

// False: there will be nothing more.
bool H1Connection::discard_input() {
  for (std::uint64_t taken = 0; taken < kPumpShare;) {
    const IoResult received = stream_.discard(kPumpShare);
    if (received.status == IoStatus::again) return true;
    if (received.status != IoStatus::ok) return false;
    taken += received.bytes;
    turn_->linger.read(received.bytes, context_.now());
  }
  waiter_.wake_soon();
  return true;
}

// A close while input is unread would send a reset, which may destroy our answer on its way (RFC 9112 section 9.6).
Task<> H1Connection::close_gently() {
  if (turn_ == nullptr || turn_->work == nullptr || closed_) co_return stream_.close();
  clients_.stand(*this, ClientState::head);  // it may go first, as one that has asked for nothing
  const bool unread = refused_ || !turn_->reader.finished() || !turn_->buffers->in.empty() || stream_.readable();
  if (cut_ && turn_->response_body.kind == http::BodyKind::until_close) co_return stream_.abort();
  deadline_ = context_.now() + kLastWords;
  bool waiting = last_words();
  while (waiting) {
    const Wake wake = co_await waiter_.until(deadline_);
    waiting = wake == Wake::event && last_words();
  }
  if (unread && !stream_.broken()) co_await linger();
  stream_.close();
}

// What is queued, and behind it what says under TLS that nothing more comes. True: not all of it is out.
bool H1Connection::last_words() {
  const Sent sent = turn_->writer.flush();
  if (sent != Sent::all) return sent == Sent::blocked;
  return stream_.layered() && stream_.shutdown() == IoStatus::again;
}

// Whatever still comes is thrown away, so that a client which writes everything before it reads finds its answer; it
// costs neither buffers nor copies.
Task<> H1Connection::linger() {
  give_back();
  static_cast<void>(stream_.shutdown());  // under TLS it has been said, or nobody takes it
  turn_->linger.begin(context_.now(), context_.snapshots.current().settings->timeouts.linger);
  bool reading = discard_input();
  while (reading) {
    const shared::TimePoint end = turn_->linger.deadline();
    const Wake wake = co_await waiter_.until(end);
    const bool over = wake == Wake::deadline && turn_->linger.deadline() <= context_.now();
    reading = !closed_ && !over && discard_input();
  }
}

}  // namespace edge
