#include "edge/serve/client/h2_stream.h"

#include <algorithm>
#include <span>
#include <utility>

#include "edge/core/decide/decide.h"
#include "edge/core/message/grpc.h"
#include "edge/core/message/h2_response.h"
#include "edge/serve/client/h2_connection.h"
#include "edge/serve/request/account.h"
#include "edge/serve/request/serve_one.h"
#include "shared/http/chunked.h"
#include "shared/http/status.h"

namespace edge {
namespace {

const HeaderRules kNoRules;

ssize_t read_data(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t most, std::uint32_t* flags,
                  nghttp2_data_source* source, void*) {
  return static_cast<H2Stream*>(source->ptr)->offer(most, *flags);
}

}  // namespace

H2Stream::H2Stream(H2Connection& connection, WorkerContext& context, std::int32_t id)
    : connection_(connection), context_(context), id_(id), waiter_(context.loop) {
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
  if (!gone_) return {.state = BodyState::wait, .data = {}};
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
  if (trailers_in_.size() + name.size() + value.size() > http::ChunkDecoder::kMaxTrailers) return false;
  if (http::trailer_allowed(name)) trailers_in_.append(name).append(": ").append(value).append("\r\n");
  return true;
}

bool H2Stream::leaving() const { return connection_.hastening(); }

// RFC 9113 8.5: what went wrong behind a tunnel.
std::uint32_t H2Stream::reset_code() const {
  return tunnel_ == Tunnel::open ? NGHTTP2_CONNECT_ERROR : NGHTTP2_INTERNAL_ERROR;
}

shared::ProxyHeader H2Stream::introduction() const { return connection_.introduction(); }

void H2Stream::invite() {
  if (invited_ || facts_.framing.expectation != http::Expectation::continue_100) return;
  invited_ = true;
  if (received_ > 0 || request_ended_ || gone_ || started_) return;
  const nghttp2_nv status = h2_field(":status", "100");
  static_cast<void>(
      nghttp2_submit_headers(connection_.session(), NGHTTP2_FLAG_NONE, id_, nullptr, &status, 1, nullptr));
  connection_.want_write();
}

void H2Stream::interim(const http::ResponseHead& head) {
  if (gone_ || cut_) return;
  const ClientResponse bound{.head = head,
                             .framing = {},
                             .body = {},
                             .persistence = http::Persistence::keep,
                             .client_version = http::Version::http_1_1,
                             .rules = kNoRules,
                             .date = {},
                             .via = {}};
  OutBuffer lines;
  const std::span<char> room = lines.room(client_response_bound(bound));
  const auto size = write_interim_response(room, head);
  if (!size) return;
  const H2ResponseHead split = split_response(room.first(*size));
  H2Fields fields;
  fields.push(":status", split.status);
  for_each_h2_field(split.lines, [&](std::string_view name, std::string_view value) { fields.push(name, value); });
  static_cast<void>(nghttp2_submit_headers(connection_.session(), NGHTTP2_FLAG_NONE, id_, nullptr, fields.all.data(),
                                           fields.count, nullptr));
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
  OutBuffer lines;
  const std::span<char> room = lines.room(client_response_bound(response));
  const auto size = write_client_response(room, response);
  const bool empty = body.kind == http::BodyKind::none || (body.kind == http::BodyKind::length && body.length == 0);
  if (framing.switched && tunnel_ == Tunnel::asked) {
    tunnel_ = Tunnel::open;
    max_body_ = http::kNoBodyLimit;
  }
  if (size) submit_head(room.first(*size), !empty || framing.switched);
}

void H2Stream::start(const OwnHead& head) {
  const HeaderRules& rules = context_.snapshots.current().settings->response_rules;
  const OwnResponse response{.head = head,
                             .date = context_.http_date.at(context_.now()),
                             .persistence = http::Persistence::keep,
                             .client_version = http::Version::http_1_1,
                             .rules = head.rules != nullptr ? head.rules : &rules};
  OutBuffer lines;
  const std::span<char> room = lines.room(own_response_bound(response));
  const auto size = write_own_response(room, response);
  const bool empty = head.length == 0 || is_bodyless(head.status) || work_->request.method == http::Method::head;
  if (size) submit_head(room.first(*size), !empty);
}

void H2Stream::submit_head(std::span<char> head, bool with_body) {
  if (gone_ || cut_) return;
  const H2ResponseHead split = split_response(head);
  // A 101 is a 200 to who asked by CONNECT, and its key is none of the client's (RFC 8441 5).
  const bool opened = tunnel_ == Tunnel::open;
  H2Fields fields;
  fields.push(":status", opened ? "200" : split.status);
  for_each_h2_field(split.lines, [&](std::string_view name, std::string_view value) {
    if (!opened || name != "sec-websocket-accept") fields.push(name, value);
  });
  nghttp2_data_provider body{.source = {.ptr = this}, .read_callback = read_data};
  started_ = true;
  ending_ = !with_body;
  if (nghttp2_submit_response(connection_.session(), id_, fields.all.data(), fields.count,
                              with_body ? &body : nullptr) != 0) {
    return cut();
  }
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
  if (std::exchange(deferred_, false)) static_cast<void>(nghttp2_session_resume_data(connection_.session(), id_));
  connection_.want_write();
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
  if (std::exchange(deferred_, false)) static_cast<void>(nghttp2_session_resume_data(connection_.session(), id_));
  connection_.want_write();
}

Sent H2Stream::flush() {
  if (failed()) return Sent::failed;
  if (ending_) return ended_ ? Sent::all : Sent::blocked;
  if (!connection_.stalled()) return Sent::all;
  wish_ = true;
  return Sent::blocked;
}

void H2Stream::cut() {
  if (gone_ || cut_ || ended_) return;
  cut_ = true;
  static_cast<void>(nghttp2_submit_rst_stream(connection_.session(), NGHTTP2_FLAG_NONE, id_, reset_code()));
  connection_.want_write();
}

void H2Stream::sent(std::size_t octets, bool ended) {
  octets_sent_ += octets;
  ended_ = ended_ || ended;
}

ssize_t H2Stream::offer(std::size_t most, std::uint32_t& flags) {
  const std::size_t n = out_.next(most);
  if (n == 0 && !ending_) {
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (n < out_.size() || !ending_) return static_cast<ssize_t>(n);
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!trailers_out_.empty()) {
    flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    submit_trailers();
  }
  return static_cast<ssize_t>(n);
}

void H2Stream::submit_trailers() {
  H2Fields fields;
  for_each_h2_field(std::span(trailers_out_),
                    [&](std::string_view name, std::string_view value) { fields.push(name, value); });
  static_cast<void>(nghttp2_submit_trailer(connection_.session(), id_, fields.all.data(), fields.count));
}

}  // namespace edge
