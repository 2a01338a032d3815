#include "edge/serve/request/mirror.h"

#include <algorithm>
#include <utility>

#include "edge/serve/request/context.h"
#include "edge/serve/request/request.h"
#include "edge/serve/request/serve_one.h"
#include "edge/serve/request/spans.h"
#include "shared/core/hash.h"

namespace edge {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// What is about the way to us, or said anew.
bool stays_behind(http::FieldId id) {
  return id == http::FieldId::content_length || id == http::FieldId::expect || id == http::FieldId::trailer ||
         http::is_hop_by_hop(id);
}

// One more, if fewer than the rule allows are out.
bool take_room(const MirrorRule& rule) {
  std::atomic<std::uint32_t>& out = rule.live->in_flight;
  std::uint32_t now = out.load(kRelaxed);
  while (now < rule.max_in_flight) {
    if (out.compare_exchange_weak(now, now + 1, kRelaxed)) return true;
  }
  return false;
}

bool may_be_copied(const Request& r) {
  if (r.asked.mirrored != nullptr || r.asked.framing.upgrade) return false;
  if (r.asked.head->method == http::Method::connect) return false;
  const http::FieldList& fields = r.asked.head->fields;
  return std::ranges::none_of(fields, [](const http::Field& field) {
    return field.id == http::FieldId::other && http::equals_ignoring_case(field.name, kMirrorField);
  });
}

}  // namespace

MirroredRequest::MirroredRequest(const Request& request, std::shared_ptr<const MirrorRule> rule)
    : context_(request.context),
      shown_(request.found().identity),
      rule_(std::move(rule)),
      waiter_(context_.loop),
      work_(context_.works.take()),
      traceparent_(request.traceparent) {
  const RequestFacts& cause = request.asked;
  const http::RequestHead& head = *cause.head;
  const http::ConnectionOptions connection = http::connection_options(head.fields);
  head_.append(head.method_text).append(" ").append(head.target).append(" ");
  head_.append(http::version_text(head.version)).append("\r\n");
  for (const http::Field& field : head.fields) {
    const bool named = connection.named_count > 0 && !http::is_protected(field.id) && connection.names(field.name);
    if (named || stays_behind(field.id)) continue;
    head_.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  if (cause.framing.te_trailers) head_.append("TE: trailers\r\n");  // without it a server of gRPC refuses
  head_.append(kMirrorField).append(": 1\r\n");
  has_body_ = cause.framing.body.kind != http::BodyKind::none;
  facts_.peer = cause.peer;
  facts_.scheme = cause.scheme;
  facts_.first = false;
  facts_.mirrored = this;
  if (cause.tls != nullptr && !cause.tls->peer_subject.empty()) {
    tls_.peer_subject = cause.tls->peer_subject;
    facts_.tls = &tls_;
  }
  facts_.traceparent = traceparent_;
  facts_.drawn = drawn_for(cause);
}

MirroredRequest::~MirroredRequest() {
  task_.reset();
  rule_->live->in_flight.fetch_sub(1, kRelaxed);
  context_.works.give_back(std::move(work_));
}

bool MirroredRequest::keep(std::string_view data) {
  if (body_.size() + data.size() > rule_->max_body) return false;
  body_.append(data);
  return true;
}

BodyPiece MirroredRequest::peek() {
  if (at_ == body_.size()) return {.state = BodyState::end, .data = {}};
  return {.state = BodyState::data, .data = std::string_view(body_).substr(at_)};
}

void MirroredRequest::finish_head() {
  if (has_body_) head_.append("Content-Length: ").append(std::to_string(body_.size())).append("\r\n");
  head_.append("\r\n");
  http::HeadParser parser;
  constexpr http::HeadLimits kAny{
      .max_head = 1U << 20U, .max_target = 1U << 20U, .max_fields = http::FieldList::kCapacity};
  if (parser.parse_request(head_, kAny, work_->request) != http::ParseState::complete) return;
  const auto framing = http::frame_request(work_->request, http::kNoBodyLimit);
  if (!framing) return;
  facts_.head = &work_->request;
  facts_.framing = *framing;
  facts_.began = facts_.head_read = context_.now();
}

// Of a head without its end the length would be missing, and the body be the next request to its server.
void MirroredRequest::start() {
  finish_head();
  if (facts_.head == nullptr) {
    rule_->live->too_large.fetch_add(1, kRelaxed);
    return context_.mirrors->finished(*this);
  }
  rule_->live->sent.fetch_add(1, kRelaxed);
  task_.emplace(run());
  task_->start();
}

Task<> MirroredRequest::run() {
  const Exchange exchange{*this, *this, waiter_, *work_};
  co_await serve_one(exchange, context_);
  context_.mirrors->finished(*this);
}

void MirroredRequest::account(const Request& request) {
  const bool answered = request.done && request.status < 500;
  (answered ? rule_->live->answered : rule_->live->failed).fetch_add(1, kRelaxed);
}

MirrorTee::~MirrorTee() {
  if (copy_ != nullptr) copy_->rule().live->broken.fetch_add(1, kRelaxed);
}

BodyPiece MirrorTee::peek() {
  const BodyPiece piece = client_.peek();
  seen_ = piece.state == BodyState::data ? piece.data : std::string_view();
  if (piece.state == BodyState::end && copy_ != nullptr) context_.mirrors->send(std::move(copy_));
  return piece;
}

void MirrorTee::consume(std::size_t n) {
  if (copy_ != nullptr && !copy_->keep(seen_.substr(0, n))) {
    copy_->rule().live->too_large.fetch_add(1, kRelaxed);
    copy_.reset();
  }
  seen_.remove_prefix(std::min(n, seen_.size()));
  client_.consume(n);
}

Mirrors::~Mirrors() { clear(); }

bool Mirrors::drawn(double share) {
  if (share >= 1) return true;
  draws_ += 0x9E3779B97F4A7C15ULL;
  return static_cast<double>(shared::mix(draws_) >> 11U) * 0x1p-53 < share;
}

void Mirrors::consider(Request& request) {
  const std::shared_ptr<const MirrorRule>& rule = request.found().route->mirror;
  if (rule == nullptr || !may_be_copied(request) || !drawn(rule->share)) return;
  const http::Body& body = request.asked.framing.body;
  if (body.kind == http::BodyKind::length && body.length > rule->max_body) {
    rule->live->too_large.fetch_add(1, kRelaxed);
    return;
  }
  if (!take_room(*rule)) {
    rule->live->too_many.fetch_add(1, kRelaxed);
    return;
  }
  begin_trace(request);
  auto copy = std::make_unique<MirroredRequest>(request, rule);
  if (body.kind == http::BodyKind::none) return send(std::move(copy));
  request.tee = std::make_unique<MirrorTee>(context_, request.exchange.source, std::move(copy));
  request.interpose(*request.tee);
}

// What the request does in this turn is done first.
void Mirrors::send(std::unique_ptr<MirroredRequest> copy) {
  fresh_.push_back(std::move(copy));
  if (fresh_.size() == 1) context_.loop.defer([this] { start_fresh(); });
}

void Mirrors::start_fresh() {
  std::vector<std::unique_ptr<MirroredRequest>> fresh = std::exchange(fresh_, {});
  for (auto& copy : fresh) {
    MirroredRequest& started = *running_.emplace_back(std::move(copy));
    started.start();
  }
}

void Mirrors::finished(MirroredRequest& copy) {
  context_.loop.defer([this, &copy] { std::erase_if(running_, [&](const auto& one) { return one.get() == &copy; }); });
}

void Mirrors::clear() {
  fresh_.clear();
  running_.clear();
}

}  // namespace edge
