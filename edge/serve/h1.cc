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
  drop_work();
}

void H1Connection::start() {
  root_.emplace(run());
  root_->start();
}

void H1Connection::close_idle() {
  closing_ = true;
  waiter_.wake();
}

Task<> H1Connection::run() {
  while (socket_.is_open()) {
    const Read read = co_await read_head();
    if (read != Read::request) break;
    co_await serve_one(*this, worker_);
    if (!finish_exchange()) break;
  }
  co_await close_gently();
  worker_.retire(*this);
}

Task<H1Connection::Read> H1Connection::read_head() {
  Read read = try_read_head();
  while (read == Read::wait) {
    const Wake wake = co_await waiter_.until(deadline_);
    read = wake == Wake::deadline ? head_expired() : try_read_head();
  }
  co_return read;
}

H1Connection::Read H1Connection::try_read_head() {
  if (closing_) return Read::closed;
  if (work_ == nullptr) {
    if (!socket_.readable()) return Read::wait;
    work_ = worker_.work_pool().take();
    // The client may close without a request, or after its last one: what then ends the connection flushes this buffer,
    // not the one that went back to the pool and may be another connection's by now.
    writer_.begin(socket_, work_->client_out);
  }
  ReadBuffer& buffer = work_->client_in;
  while (true) {
    if (!buffer.empty()) {
      const Read parsed = parse_head();
      if (parsed != Read::wait) return parsed;
    }
    const IoResult received = socket_.receive(buffer.space());
    if (received.status == IoStatus::ok) {
      if (buffer.empty()) began_ = worker_.loop().now();
      // The first head of a connection has had its deadline since the accept.
      if (buffer.empty() && !first_) deadline_ = began_ + worker_.snapshots().current().settings->timeouts.head;
      buffer.commit(received.bytes);
      continue;
    }
    if (received.status != IoStatus::again) return Read::closed;
    if (buffer.empty()) drop_work();
    return Read::wait;
  }
}

H1Connection::Read H1Connection::parse_head() {
  ReadBuffer& buffer = work_->client_in;
  const HeadLimits& limits = worker_.snapshots().current().settings->head_limits;
  ParseState state = parser_.parse_request(buffer.view(), limits, work_->request);
  const bool tight = state == ParseState::complete && buffer.capacity() - work_->request.size < kBodyRoom / 2;
  if (tight || (state == ParseState::incomplete && buffer.space().empty())) {
    buffer.grow(limits.max_head + kBodyRoom);
    parser_.reset();
    state = parser_.parse_request(buffer.view(), limits, work_->request);
  }
  if (state == ParseState::incomplete) return Read::wait;
  if (state == ParseState::error) return refuse(parser_.refusal());
  return take_head();
}

H1Connection::Read H1Connection::take_head() {
  const Settings& settings = *worker_.snapshots().current().settings;
  const auto framing = frame_request(work_->request, settings.max_body);
  if (!framing) return refuse(framing.error());
  framing_ = *framing;
  head_read_ = worker_.loop().now();
  work_->client_in.pin(work_->request.size);
  reader_.begin(socket_, work_->client_in, framing_.body, settings.max_body);
  writer_.begin(socket_, work_->client_out);
  invited_ = false;
  takes_trailers_ = framing_.te_trailers;
  return Read::request;
}

H1Connection::Read H1Connection::refuse(const Refusal& refusal) {
  keep_ = false;
  refused_ = true;
  framing_ = {};
  framing_.persistence = Persistence::close;
  work_->request.method = Method::get;
  work_->request.version = Version::http_1_1;
  writer_.begin(socket_, work_->client_out);
  respond(own_error(refusal.status));
  account_refusal(worker_, *this, refusal);
  return Read::refused;
}

H1Connection::Read H1Connection::head_expired() {
  if (deadline_ > worker_.loop().now()) return Read::wait;
  if (work_ == nullptr) return Read::closed;
  return refuse({.status = 408, .reason = "request head came too slowly"});
}

void H1Connection::invite_body() {
  if (invited_ || framing_.expectation != Expectation::continue_100) return;
  invited_ = true;
  // A client that did not wait needs no word.
  if (!work_->client_in.empty() || reader_.finished()) return;
  work_->client_out.append(kContinue);
  static_cast<void>(writer_.flush());  // a failure shows at the next flush
}

void H1Connection::queue_interim(const ResponseHead& head) {
  if (work_->request.version != Version::http_1_1) return;
  const ClientResponse bound{.head = head,
                             .framing = {},
                             .body = {},
                             .persistence = Persistence::keep,
                             .client_version = Version::http_1_1,
                             .rules = kNoRules,
                             .date = {}};
  const auto size = write_interim_response(work_->client_out.room(client_response_bound(bound)), head);
  if (size) work_->client_out.commit(*size);
}

Persistence H1Connection::persistence() const {
  const bool keep = framing_.persistence == Persistence::keep && reader_.finished() && !worker_.finishing();
  return keep ? Persistence::keep : Persistence::close;
}

void H1Connection::start_response(const ResponseHead& head, const ResponseFraming& framing, const HeaderRules& rules) {
  response_body_ = client_body(framing.body, work_->request.version);
  keep_ = persistence() == Persistence::keep && response_body_.kind != BodyKind::until_close;
  const ClientResponse response{.head = head,
                                .framing = framing,
                                .body = response_body_,
                                .persistence = keep_ ? Persistence::keep : Persistence::close,
                                .client_version = work_->request.version,
                                .rules = rules,
                                .date = worker_.http_date()};
  const auto size = write_client_response(work_->client_out.room(client_response_bound(response)), response);
  if (size) work_->client_out.commit(*size);
  writer_.begin_body(response_body_);
}

void H1Connection::begin_tunnel() {
  keep_ = false;
  response_body_ = {.kind = BodyKind::until_close, .length = 0};
  reader_.begin(socket_, work_->client_in, response_body_);
  writer_.begin_body(response_body_);
}

void H1Connection::respond(OwnResponse response) {
  response_body_ = {.kind = BodyKind::length, .length = response.body.size()};
  keep_ = persistence() == Persistence::keep && response.persistence == Persistence::keep;
  response.persistence = keep_ ? Persistence::keep : Persistence::close;
  response.method = work_->request.method;
  response.client_version = work_->request.version;
  response.date = worker_.http_date();
  if (response.rules == nullptr) response.rules = &worker_.snapshots().current().settings->response_rules;
  const auto size = write_own_response(work_->client_out.room(own_response_bound(response)), response);
  if (size) work_->client_out.commit(*size);
}

bool H1Connection::finish_exchange() {
  if (cut_ || !keep_ || failed() || !reader_.finished()) return false;
  first_ = false;
  work_->client_in.unpin();
  parser_.reset();
  if (work_->client_in.empty()) drop_work();
  began_ = worker_.loop().now();
  const ClientTimeouts& timeouts = worker_.snapshots().current().settings->timeouts;
  deadline_ = began_ + (work_ == nullptr ? timeouts.keep_alive : timeouts.head);
  return true;
}

void H1Connection::drop_work() {
  if (work_ != nullptr) worker_.work_pool().give_back(std::move(work_));
}

bool H1Connection::discard_input() {
  ReadBuffer& buffer = work_->client_in;
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
  if (work_ == nullptr) co_return socket_.close();
  const bool unread = refused_ || !reader_.finished() || !work_->client_in.empty() || socket_.readable();
  if (cut_ && response_body_.kind == BodyKind::until_close) co_return socket_.abort();
  deadline_ = worker_.loop().now() + kLinger;
  bool waiting = writer_.flush() == Sent::blocked;
  while (waiting) {
    const Wake wake = co_await waiter_.until(deadline_);
    waiting = wake == Wake::event && writer_.flush() == Sent::blocked;
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
