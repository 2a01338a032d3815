#include "edge/serve/client/h2_stream.h"

#include <algorithm>
#include <span>
#include <utility>

#include "edge/core/decide/decide.h"
#include "edge/core/h2/head_writer.h"
#include "edge/core/message/grpc.h"
#include "edge/core/message/h2_field.h"
#include "edge/core/message/h2_response.h"
#include "edge/core/message/response_fields.h"
#include "edge/serve/client/h2_connection.h"
#include "edge/serve/request/account.h"
#include "edge/serve/request/serve_one.h"
#include "shared/http/chunked.h"
#include "shared/http/status.h"

namespace edge {
H2Stream::H2Stream(H2Connection& connection, WorkerContext& context, std::int32_t id)
    : h2::Stream(id), connection_(connection), context_(context), waiter_(context.loop) {
  facts_.began = context.now();
  facts_.protocol = "HTTP/2.0";
}

H2Stream::~H2Stream() {
  task_.reset();
  context_.works.give_back(std::move(work_));
}

void H2Stream::take_head(bool ended) {
  const Settings& settings = *context_.snapshots.current().settings;
  head_read_ = true;
  request_ended_ = ended;
  work_ = context_.works.take();
  max_body_ = settings.max_body;
  facts_.head = &work_->request;
  connection_.tell(facts_);
  facts_.head_read = context_.now();
  if (request_.extended_connect()) key_.emplace(context_.request_ids.fresh());
  const auto framing = request_.finish(settings.head_limits, settings.max_body, ended,
                                       key_ ? key_->key() : std::string_view(), work_->request);
  if (framing) {
    facts_.framing = *framing;
    if (key_) facts_.accept = key_->accept();
    if (key_) tunnel_ = Tunnel::asked;
  } else {
    refusal_ = framing.error();
  }
  if (!refusal_ && connection_.out_of_memory()) refusal_ = {.status = 503, .reason = "client.max_memory is in use"};
  asked_health_ = !refusal_ && work_->request.target == kHealthPath;
}

void H2Stream::run() {
  task_.emplace(refusal_ ? serve_refusal() : serve());
  task_->start();
}

Task<> H2Stream::serve() {
  const Exchange exchange{*this, *this, waiter_, *work_};
  co_await serve_one(exchange, context_);
  connection_.finished(*this);
}

// As HTTP/1 refuses a head.
Task<> H2Stream::serve_refusal() {
  const shared::TimePoint due = context_.now() + context_.snapshots.current().settings->timeouts.send;
  const std::string_view page = http::reason_phrase(refusal_->status);
  const OwnHead head{.status = refusal_->status, .length = page.size()};
  const bool call = is_grpc(work_->request.fields);
  start(call ? grpc_end(head, grpc_status_for(head.status), refusal_->reason) : head);
  if (!call && work_->request.method != http::Method::head) static_cast<void>(write(page));  // so small it is queued
  end({});
  account_refusal(context_, facts_.peer, *refusal_, facts_.tls);
  bool waiting = flush() == Sent::blocked;
  while (waiting) {
    const Wake wake = co_await waiter_.until(due);
    waiting = wake == Wake::event && flush() == Sent::blocked;
  }
  connection_.finished(*this);
}

BodyPiece H2Stream::peek() {
  if (failure_ != BodyFailure::none) return {.state = BodyState::failed, .data = {}};
  if (tunnel_ == Tunnel::asked) return {.state = BodyState::end, .data = {}};
  if (!in_.empty()) return {.state = BodyState::data, .data = in_.view()};
  if (request_ended_) return {.state = BodyState::end, .data = {}};
  if (!gone()) return {.state = BodyState::wait, .data = {}};
  failure_ = BodyFailure::truncated;
  return {.state = BodyState::failed, .data = {}};
}

void H2Stream::consume(std::size_t n) {
  if (n == 0) return;
  in_.consume(n);
  if (in_.empty()) in_.clear();
  connection_.consumed(*this, n);
}

void H2Stream::take_data(std::string_view data) {
  received_ += data.size();
  if (received_ > max_body_) failure_ = BodyFailure::too_large;
  if (failure_ != BodyFailure::none || cut_) {
    connection_.consumed(*this, data.size());
  } else {
    in_.append(data);
  }
}

bool H2Stream::take_trailer(std::string_view name, std::string_view value) {
  trailers_size_ += name.size() + value.size();
  if (trailers_size_ > http::ChunkDecoder::kMaxTrailers) return false;
  if (!is_h2_name(name) || !is_h2_value(value) || has_blank_end(value) || is_h1_only(name)) return false;
  if (http::trailer_allowed(name)) trailers_in_.append(name).append(": ").append(value).append("\r\n");
  return true;
}

bool H2Stream::leaving() const { return connection_.hastening(); }

// RFC 9113 8.5: what went wrong behind a tunnel.
h2::Error H2Stream::reset_code() const { return tunnel_ == Tunnel::open ? h2::Error::connect : h2::Error::internal; }

shared::ProxyHeader H2Stream::introduction() const { return connection_.introduction(); }

void H2Stream::invite() {
  if (invited_ || facts_.framing.expectation != http::Expectation::continue_100) return;
  invited_ = true;
  if (received_ > 0 || request_ended_ || gone() || started_) return;
  OutBuffer& out = connection_.out();
  h2::HeadWriter writer(connection_.session().encoder(), out.room(h2::HeadWriter::bound(0)).data());
  writer.status(100);
  out.commit(writer.finish(id(), 0));
  connection_.want_write();
}

void H2Stream::interim(const http::ResponseHead& head) {
  if (gone() || cut_) return;
  OutBuffer& out = connection_.out();
  const std::size_t bound = h2::HeadWriter::bound(interim_response_bound(head));
  h2::HeadWriter writer(connection_.session().encoder(), out.room(bound).data());
  writer.status(head.status);
  for_each_field(head, [&](const http::Field& field) { writer.add(field); });
  out.commit(writer.finish(id(), 0));
  connection_.want_write();
}

void H2Stream::start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) {
  const bool via = context_.snapshots.current().settings->via_responses;
  const http::Body body = http::client_body(framing.body, http::Version::http_1_1);
  const ClientResponse response{.head = head,
                                .framing = framing,
                                .body = body,
                                .persistence = http::Persistence::keep,
                                .client_version = http::Version::http_1_1,
                                .rules = rules,
                                .date = context_.http_date.at(context_.now()),
                                .via = via ? kViaName : std::string_view()};
  const bool empty = body.kind == http::BodyKind::none || (body.kind == http::BodyKind::length && body.length == 0);
  if (framing.switched && tunnel_ == Tunnel::asked) {
    tunnel_ = Tunnel::open;
    max_body_ = http::kNoBodyLimit;
  }
  send_head(head.status, client_response_bound(response), response, !empty || framing.switched);
}

void H2Stream::start(const OwnHead& head) {
  const HeaderRules& rules = context_.snapshots.current().settings->response_rules;
  const OwnResponse response{.head = head,
                             .date = context_.http_date.at(context_.now()),
                             .persistence = http::Persistence::keep,
                             .client_version = http::Version::http_1_1,
                             .rules = head.rules != nullptr ? head.rules : &rules};
  const bool empty = head.length == 0 || is_bodyless(head.status) || work_->request.method == http::Method::head;
  send_head(head.status, own_response_bound(response), response, !empty);
}

template <class Response>
void H2Stream::send_head(std::uint16_t status, std::size_t lines, const Response& response, bool with_body) {
  if (gone() || cut_) return;
  // A 101 is a 200 to who asked by CONNECT, and its key is none of the client's (RFC 8441 5).
  const bool opened = tunnel_ == Tunnel::open;
  OutBuffer& out = connection_.out();
  h2::HeadWriter writer(connection_.session().encoder(), out.room(h2::HeadWriter::bound(lines)).data());
  writer.status(opened ? std::uint16_t{200} : status);
  for_each_field(response, [&](const http::Field& field) {
    if (!opened || !http::equals_ignoring_case(field.name, "sec-websocket-accept")) writer.add(field);
  });
  const std::size_t size = writer.finish(id(), with_body ? 0 : h2::kEndStream);
  out.commit(size);
  started_ = true;
  ending_ = !with_body;
  sent(size, !with_body);
  if (!with_body) connection_.session().sent_end(*this);
  connection_.want_write();
}

std::size_t H2Stream::room() const {
  const std::size_t most = std::min(kMostQueued, connection_.queue_share());
  return most > out_.size() ? most - out_.size() : 0;
}

std::size_t H2Stream::write(std::string_view data) {
  if (failed() || data.empty()) return 0;
  const std::size_t n = std::min(data.size(), room());
  wish_ = n < data.size();
  if (n == 0) return 0;
  out_.append(data.substr(0, n));
  queued(n);
  return n;
}

void H2Stream::queued(std::size_t n) {
  connection_.queued(n);
  connection_.wants_to_send(*this);
}

std::span<const iovec> H2Stream::space(std::uint64_t most, std::span<iovec, kParts> parts) {
  if (failed()) return {};
  const std::size_t n = std::min<std::uint64_t>(most, room());
  wish_ = n == 0;
  if (n == 0) return {};
  return out_.space(n, parts);
}

void H2Stream::filled(std::size_t n) {
  out_.commit(n);
  queued(n);
}

void H2Stream::end(std::string_view trailers) {
  if (ending_) return;
  ending_ = true;
  if (failed()) return;
  trailers_out_ = trailers;
  connection_.wants_to_send(*this);
}

Sent H2Stream::flush() {
  if (failed()) return Sent::failed;
  if (ending_) return ended_ ? Sent::all : Sent::blocked;
  if (!connection_.stalled()) return Sent::all;
  wish_ = true;
  return Sent::blocked;
}

void H2Stream::cut() {
  if (gone() || cut_ || ended_) return;
  cut_ = true;
  connection_.reset(*this, reset_code());
}

void H2Stream::sent(std::size_t octets, bool ended) {
  octets_sent_ += octets;
  ended_ = ended_ || ended;
}

H2Stream::Offer H2Stream::offer(std::size_t most) const {
  const std::size_t n = out_.next(most);
  return {.size = n, .last = ending_ && n == out_.size()};
}

void H2Stream::send_trailers() {
  OutBuffer& out = connection_.out();
  h2::HeadWriter writer(connection_.session().encoder(), out.room(h2::HeadWriter::bound(trailers_out_.size())).data());
  for_each_h2_field(std::span(trailers_out_),
                    [&](std::string_view name, std::string_view value) { writer.add(name, value); });
  const std::size_t size = writer.finish(id(), h2::kEndStream);
  out.commit(size);
  sent(size, true);
  connection_.session().sent_end(*this);
}

}  // namespace edge
