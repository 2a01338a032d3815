#include "edge/serve/h1.h"

#include <algorithm>
#include <utility>

#include "edge/serve/serve_one.h"

namespace edge {
namespace {

constexpr std::size_t kBodyRoom = 16 * 1024;       // behind a head, for pieces of its body
constexpr std::size_t kMaxDiscarded = 256 * 1024;  // read and thrown away, so that our answer is not lost to a reset
constexpr shared::Duration kLinger = shared::seconds(2);

const HeaderRules kNoRules;

}  // namespace

H1Connection::H1Connection(Worker& worker, shared::UniqueFd fd, const shared::Endpoint& peer)
    : worker_(worker), socket_(worker.loop(), fd.release()), peer_(peer), waiter_(worker.loop()) {
  socket_.bind(&waiter_);
  deadline_ = worker.loop().now() + worker.snapshots().current().settings->timeouts.head;
}

H1Connection::~H1Connection() {
  root_.reset();
  end_turn();
}

void H1Connection::start() {
  root_.emplace(run());
  root_->start();
}

void H1Connection::close_idle() {
  closing_ = true;
  waiter_.wake();
}

// A coroutine of its own for reading heads would cost every idle connection its frame.
Task<> H1Connection::run() {
  while (socket_.is_open()) {
    Read read = try_read_head();
    while (read == Read::wait) {
      const Wake wake = co_await waiter_.until(deadline_);
      read = wake == Wake::deadline ? head_expired() : try_read_head();
    }
    if (read != Read::request) break;
    co_await serve_one(*this, worker_);
    if (!finish_exchange()) break;
  }
  co_await close_gently();
  worker_.retire(*this);
}

void H1Connection::begin_turn() {
  turn_ = std::make_unique<Turn>();
  turn_->work = worker_.work_pool().take();
  // The client may close without a request, or after its last one: what then ends the connection flushes this buffer,
  // not the one that went back to the pool and may be another connection's by now.
  turn_->writer.begin(socket_, turn_->work->client_out);
}

void H1Connection::end_turn() {
  if (turn_ == nullptr) return;
  worker_.work_pool().give_back(std::move(turn_->work));
  turn_.reset();
}

H1Connection::Read H1Connection::try_read_head() {
  if (closing_) return Read::closed;
  if (turn_ == nullptr) {
    if (!socket_.readable()) return Read::wait;
    begin_turn();
  }
  ReadBuffer& buffer = turn_->work->client_in;
  while (true) {
    if (!buffer.empty()) {
      const Read parsed = parse_head();
      if (parsed != Read::wait) return parsed;
    }
    const IoResult received = socket_.receive(buffer.space());
    if (received.status == IoStatus::ok) {
      if (buffer.empty()) turn_->began = worker_.loop().now();
      // The first head of a connection has had its deadline since the accept.
      if (buffer.empty() && !first_) deadline_ = turn_->began + worker_.snapshots().current().settings->timeouts.head;
      buffer.commit(received.bytes);
      continue;
    }
    if (received.status != IoStatus::again) return Read::closed;
    if (buffer.empty()) end_turn();
    return Read::wait;
  }
}

H1Connection::Read H1Connection::parse_head() {
  ReadBuffer& buffer = turn_->work->client_in;
  const HeadLimits& limits = worker_.snapshots().current().settings->head_limits;
  ParseState state = turn_->parser.parse_request(buffer.view(), limits, turn_->work->request);
  const bool tight = state == ParseState::complete && buffer.capacity() - turn_->work->request.size < kBodyRoom / 2;
  if (tight || (state == ParseState::incomplete && buffer.space().empty())) {
    buffer.grow(limits.max_head + kBodyRoom);
    turn_->parser.reset();
    state = turn_->parser.parse_request(buffer.view(), limits, turn_->work->request);
  }
  if (state == ParseState::incomplete) return Read::wait;
  if (state == ParseState::error) return refuse(turn_->parser.refusal());
  return take_head();
}

H1Connection::Read H1Connection::take_head() {
  const Settings& settings = *worker_.snapshots().current().settings;
  const auto framing = frame_request(turn_->work->request, settings.max_body);
  if (!framing) return refuse(framing.error());
  turn_->framing = *framing;
  turn_->head_read = worker_.loop().now();
  turn_->work->client_in.pin(turn_->work->request.size);
  turn_->reader.begin(socket_, turn_->work->client_in, turn_->framing.body, settings.max_body);
  turn_->writer.begin(socket_, turn_->work->client_out);
  turn_->invited = false;
  turn_->takes_trailers = turn_->framing.te_trailers;
  return Read::request;
}

H1Connection::Read H1Connection::refuse(const Refusal& refusal) {
  keep_ = false;
  refused_ = true;
  turn_->framing = {};
  turn_->framing.persistence = Persistence::close;
  turn_->work->request.method = Method::get;
  turn_->work->request.version = Version::http_1_1;
  turn_->writer.begin(socket_, turn_->work->client_out);
  respond(own_error(refusal.status));
  account_refusal(worker_, *this, refusal);
  return Read::refused;
}

H1Connection::Read H1Connection::head_expired() {
  if (deadline_ > worker_.loop().now()) return Read::wait;
  if (turn_ == nullptr) return Read::closed;
  return refuse({.status = 408, .reason = "request head came too slowly"});
}

void H1Connection::invite_body() {
  if (turn_->invited || turn_->framing.expectation != Expectation::continue_100) return;
  turn_->invited = true;
  // A client that did not wait needs no word.
  if (!turn_->work->client_in.empty() || turn_->reader.finished()) return;
  turn_->work->client_out.append(kContinue);
  static_cast<void>(turn_->writer.flush());  // a failure shows at the next flush
}

void H1Connection::queue_interim(const ResponseHead& head) {
  if (turn_->work->request.version != Version::http_1_1) return;
  const ClientResponse bound{.head = head,
                             .framing = {},
                             .body = {},
                             .persistence = Persistence::keep,
                             .client_version = Version::http_1_1,
                             .rules = kNoRules,
                             .date = {}};
  const auto size = write_interim_response(turn_->work->client_out.room(client_response_bound(bound)), head);
  if (size) turn_->work->client_out.commit(*size);
}

Persistence H1Connection::persistence() const {
  const bool keep = turn_->framing.persistence == Persistence::keep && turn_->reader.finished() && !worker_.finishing();
  return keep ? Persistence::keep : Persistence::close;
}

void H1Connection::start_response(const ResponseHead& head, const ResponseFraming& framing, const HeaderRules& rules) {
  turn_->response_body = client_body(framing.body, turn_->work->request.version);
  keep_ = persistence() == Persistence::keep && turn_->response_body.kind != BodyKind::until_close;
  const ClientResponse response{.head = head,
                                .framing = framing,
                                .body = turn_->response_body,
                                .persistence = keep_ ? Persistence::keep : Persistence::close,
                                .client_version = turn_->work->request.version,
                                .rules = rules,
                                .date = worker_.http_date()};
  const auto size = write_client_response(turn_->work->client_out.room(client_response_bound(response)), response);
  if (size) turn_->work->client_out.commit(*size);
  turn_->writer.begin_body(turn_->response_body);
}

void H1Connection::begin_tunnel() {
  keep_ = false;
  turn_->response_body = {.kind = BodyKind::until_close, .length = 0};
  turn_->reader.begin(socket_, turn_->work->client_in, turn_->response_body);
  turn_->writer.begin_body(turn_->response_body);
}

void H1Connection::respond(OwnResponse response) {
  turn_->response_body = {.kind = BodyKind::length, .length = response.body.size()};
  keep_ = persistence() == Persistence::keep && response.persistence == Persistence::keep;
  response.persistence = keep_ ? Persistence::keep : Persistence::close;
  response.method = turn_->work->request.method;
  response.client_version = turn_->work->request.version;
  response.date = worker_.http_date();
  if (response.rules == nullptr) response.rules = &worker_.snapshots().current().settings->response_rules;
  const auto size = write_own_response(turn_->work->client_out.room(own_response_bound(response)), response);
  if (size) turn_->work->client_out.commit(*size);
}

bool H1Connection::finish_exchange() {
  if (cut_ || !keep_ || failed() || !turn_->reader.finished()) return false;
  first_ = false;
  turn_->work->client_in.unpin();
  turn_->parser.reset();
  const ClientTimeouts& timeouts = worker_.snapshots().current().settings->timeouts;
  const shared::TimePoint now = worker_.loop().now();
  const bool pipelined = !turn_->work->client_in.empty();
  if (pipelined) {
    turn_->began = now;
  } else {
    end_turn();
  }
  deadline_ = now + (pipelined ? timeouts.head : timeouts.keep_alive);
  return true;
}

bool H1Connection::discard_input() {
  ReadBuffer& buffer = turn_->work->client_in;
  while (discarded_ < kMaxDiscarded) {
    buffer.clear();
    const IoResult received = socket_.receive(buffer.space());
    if (received.status == IoStatus::again) return true;
    if (received.status != IoStatus::ok) return false;
    discarded_ += received.bytes;
  }
  return false;
}

// A close while input is unread would send a reset, which may destroy our answer on its way (RFC 9112 section 9.6).
Task<> H1Connection::close_gently() {
  if (turn_ == nullptr) co_return socket_.close();
  const bool unread = refused_ || !turn_->reader.finished() || !turn_->work->client_in.empty() || socket_.readable();
  if (cut_ && turn_->response_body.kind == BodyKind::until_close) co_return socket_.abort();
  deadline_ = worker_.loop().now() + kLinger;
  bool waiting = turn_->writer.flush() == Sent::blocked;
  while (waiting) {
    const Wake wake = co_await waiter_.until(deadline_);
    waiting = wake == Wake::event && turn_->writer.flush() == Sent::blocked;
  }
  if (unread && !socket_.broken()) {
    socket_.shutdown_send();
    waiting = discard_input();
    while (waiting) {
      const Wake wake = co_await waiter_.until(deadline_);
      waiting = wake == Wake::event && discard_input();
    }
  }
  socket_.close();
}

}  // namespace edge
