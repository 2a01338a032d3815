#include "edge/serve/request/cache_fetch.h"

#include <algorithm>
#include <utility>

#include "edge/core/cache/cache_key.h"
#include "edge/serve/request/context.h"
#include "edge/serve/request/request.h"
#include "edge/serve/request/serve_one.h"

namespace edge {
namespace {

// Fields that are about this client's copy of the response, or its connection.
bool is_about_the_client(http::FieldId id) {
  switch (id) {
    case http::FieldId::content_length:
    case http::FieldId::expect:
    case http::FieldId::if_match:
    case http::FieldId::if_modified_since:
    case http::FieldId::if_none_match:
    case http::FieldId::if_range:
    case http::FieldId::if_unmodified_since:
    case http::FieldId::range:
    case http::FieldId::trailer:
      return true;
    default:
      return http::is_hop_by_hop(id);
  }
}

}  // namespace

CacheFetch::CacheFetch(WorkerContext& context, const RequestFacts& cause, Of of)
    : context_(context), fill_(of.fill), waiter_(context.loop), work_(context.works.take()) {
  write_head(*cause.head, of);
  http::HeadParser parser;
  constexpr http::HeadLimits kAny{
      .max_head = 1U << 20U, .max_target = 1U << 20U, .max_fields = http::FieldList::kCapacity};
  const http::ParseState state = parser.parse_request(head_, kAny, work_->request);
  if (state == http::ParseState::complete) facts_.head = &work_->request;
  facts_.peer = cause.peer;
  facts_.scheme = cause.scheme;
  facts_.first = false;
  facts_.began = facts_.head_read = context.now();
  facts_.drawn = drawn_for(cause);
  facts_.fetch = this;
  traceparent_ = std::move(of.traceparent);
  facts_.traceparent = traceparent_;
  if (const auto framing = http::frame_request(work_->request, 0)) facts_.framing = *framing;
  sink_.emplace(FillSink::Of{.store = of.store,
                             .rule = std::move(of.rule),
                             .fill = std::move(of.fill),
                             .url = fill_->url(),
                             .selector = std::move(of.selector),
                             .request = work_->request.fields,
                             .loop = context.loop,
                             .conditional = conditional_});
  context_.desk.write(*fill_, waiter_);
}

CacheFetch::~CacheFetch() {
  task_.reset();
  sink_.reset();
  context_.desk.cease(*fill_);
  context_.works.give_back(std::move(work_));
}

void CacheFetch::write_head(const http::RequestHead& cause, const Of& of) {
  const http::ConnectionOptions connection = http::connection_options(cause.fields);
  const bool all = !leaves_parameters_out(*of.rule);
  head_.append("GET ").append(all ? std::string(cause.target) : keyed_target(*of.rule, cause.target));
  head_.append(" ").append(http::version_text(cause.version)).append("\r\n");
  std::size_t fields = 0;
  const auto add = [&](std::string_view name, std::string_view value) {
    ++fields;
    head_.append(name).append(": ").append(value).append("\r\n");
  };
  for (const http::Field& field : cause.fields) {
    const bool named = connection.named_count > 0 && !http::is_protected(field.id) && connection.names(field.name);
    const bool replaced = of.codings && field.id == http::FieldId::accept_encoding;
    if (!named && !replaced && !is_about_the_client(field.id)) add(field.name, field.value);
  }
  if (of.codings && !of.codings->empty()) add("Accept-Encoding", *of.codings);
  if (fill_->old() != nullptr) {
    const std::string_view etag = fill_->old()->head.find(http::FieldId::etag);
    const std::string_view modified = fill_->old()->head.find(http::FieldId::last_modified);
    if (!etag.empty()) add("If-None-Match", etag);
    if (!modified.empty()) add("If-Modified-Since", modified);
    conditional_ = !etag.empty() || !modified.empty();
  }
  head_.append("\r\n");
}

// A part of a head may lead to another route, whose answer would be stored for this one. Who waits asks a server
// himself.
void CacheFetch::start() {
  if (facts_.head == nullptr) {
    sink_->finish({.kind = ErrorKind::internal, .detail = "the head of a fetch is too large"}, true);
    return context_.fetches->finished(*this);
  }
  task_.emplace(run());
  task_->start();
}

Task<> CacheFetch::run() {
  const Exchange exchange{*this, *sink_, waiter_, *work_};
  co_await serve_one(exchange, context_);
  context_.fetches->finished(*this);
}

void CacheFetch::account(const Request& request) {
  report_->over = true;
  report_->generation = request.snapshot->generation;
  report_->server = request.server;
  report_->request_id = request.request_id;
  report_->attempts = request.attempts;
  report_->hedged = request.hedged;
  report_->permit = request.permit;
  report_->picked = request.picked;
  report_->connected = request.connected;
  report_->first_byte = request.first_byte;
  report_->status = sink_->status();
  report_->refused = request.decision.kind == Decision::Kind::refused;
  report_->refusal = request.decision.refusal;
  report_->limit = request.decision.limit;
  const bool refused = request.decision.kind != Decision::Kind::pool;
  const bool told = !fill_->background() || !request.failed || request.error.side == Side::client;
  if (!told) {
    const bool known = request.server != nullptr;
    context_.failures.report(known ? std::string_view(request.server->name) : std::string_view("cache"), request.status,
                             request.reason, request.now());
  }
  sink_->finish(request.error, refused);
}

CacheFetches::~CacheFetches() { clear(); }

std::shared_ptr<FetchReport> CacheFetches::begin(const RequestFacts& cause, CacheFetch::Of of) {
  CacheFetch& fetch = *running_.emplace_back(std::make_unique<CacheFetch>(context_, cause, std::move(of)));
  const std::shared_ptr<FetchReport> report = fetch.report();
  fetch.start();
  return report;
}

void CacheFetches::finished(CacheFetch& fetch) {
  context_.loop.defer(
      [this, &fetch] { std::erase_if(running_, [&](const auto& one) { return one.get() == &fetch; }); });
}

void CacheFetches::clear() { running_.clear(); }

}  // namespace edge
