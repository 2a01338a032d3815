#include "edge/serve/request/cached_exchange.h"

#include <charconv>
#include <ctime>
#include <utility>

#include "edge/core/cache/cache_key.h"
#include "edge/core/cache/storing.h"
#include "edge/core/cache/vary.h"
#include "edge/core/content/preconditions.h"
#include "edge/core/protect/limit_standing.h"
#include "edge/serve/cache/stores.h"
#include "edge/serve/io/pump.h"
#include "edge/serve/request/request.h"
#include "edge/serve/request/send_file.h"
#include "edge/serve/request/spans.h"

namespace edge {
namespace {

constexpr shared::Duration kDiskPatience = shared::seconds(1);  // behind it a server is asked
constexpr unsigned kMostRounds = 4;  // of looking again; who is still not served asks a server

CacheAsker asker_of(const Request& r) {
  return {.head = *r.asked.head,
          .framing = r.asked.framing,
          .scheme = r.asked.scheme,
          .tiers = *r.snapshot->tiers,
          .certified = r.asked.tls != nullptr && !r.asked.tls->peer_subject.empty()};
}

// A 304 has no field about the octets that it does not carry (RFC 9110 15.4.5).
bool is_about_the_body(const http::Field& field) {
  return field.name.size() > 8 && shared::equals_ignoring_case(field.name.substr(0, 8), "Content-") &&
         !shared::equals_ignoring_case(field.name, "Content-Location");
}

// Of a 304, 416 or 206. First which part it is: without that, or beside what its server says of another one, the octets
// would be taken for others.
http::FieldList fields_without_all(const http::FieldList& stored, std::uint16_t status, std::string_view part) {
  http::FieldList kept;
  if (!part.empty()) static_cast<void>(kept.push({.name = "Content-Range", .value = part}));
  for (const http::Field& field : stored) {
    const bool of_all =
        status == 206 ? shared::equals_ignoring_case(field.name, "Content-Range") : is_about_the_body(field);
    if (!of_all) static_cast<void>(kept.push(field));
  }
  return kept;
}

// Whatever is stored, this client's: it is told even where it has used nothing, as by a hit.
void announce_limit(const Request& r, http::ResponseHead& head, std::string& left) {
  const Match& found = r.found();
  if (found.route->limits.empty()) return;
  const LimitRuling limit = standing(found.route->limits, limit_subject(found, r.asked.head->fields), r.now());
  if (limit.by == nullptr) return;
  left = ratelimit_field(limit);
  static_cast<void>(head.fields.push({.name = "RateLimit-Policy", .value = limit.by->policy()}));
  static_cast<void>(head.fields.push({.name = "RateLimit", .value = left}));
}

}  // namespace

CachedExchange::CachedExchange(Request& request)
    : r_(request),
      rule_(request.found().route->cache),
      store_(request.context.caches == nullptr ? nullptr : request.context.caches->at(rule_->store)),
      question_(ask_cache(request.decision, asker_of(request))) {
  if (r_.found().route->compression != nullptr) settle_coding();
}

// Clients that would get the same coding share what is stored, and the server is asked for that coding or none.
void CachedExchange::settle_coding() {
  const http::FieldList& asked = r_.asked.head->fields;
  codings_ = coding_name(AcceptedCodings(asked).choose(r_.found().route->compression->codings));
  fields_ = std::make_unique<http::FieldList>(fields_with_coding(asked, *codings_));
}

const http::FieldList& CachedExchange::fields() const { return fields_ != nullptr ? *fields_ : r_.asked.head->fields; }

bool CachedExchange::is_head() const { return r_.asked.head->method == http::Method::head; }

CacheKey CachedExchange::key(std::uint64_t hash) const {
  return {.url = question_.url, .selector = question_.selector, .request = fields(), .hash = hash};
}

CacheFetch::Of CachedExchange::fetch(std::shared_ptr<CacheFill> fill) const {
  return {
      .store = *store_, .rule = rule_, .fill = std::move(fill), .selector = question_.selector, .codings = codings_};
}

shared::TimePoint CachedExchange::deadline() const {
  if (phase_ == Phase::opening) return progress_ + kDiskPatience;
  if (waits_for_disk_ && file_ == nullptr && !store_->disk()->slow(r_.now())) return progress_ + kDiskPatience;
  const bool waits = waits_for_client_ || waits_for_disk_;
  return waits ? progress_ + r_.snapshot->settings->timeouts.send : shared::TimePoint::max();
}

bool CachedExchange::pass(std::string_view forward, std::string_view detail) {
  reader_.reset();
  outcome_.verdict =
      forward == "uri-miss" || forward == "vary-miss" || forward == "stale" ? CacheVerdict::miss : CacheVerdict::bypass;
  outcome_.forward = forward;
  outcome_.detail = detail;
  return false;
}

bool CachedExchange::begin() {
  if (store_ == nullptr) return pass("bypass", "no store");
  if (!question_.forward.empty()) return pass(question_.forward, question_.why_forward);
  return look();
}

bool CachedExchange::look() {
  bool again = true;
  while (again) {
    again = false;
    if (++rounds_ > kMostRounds) return pass("uri-miss", "others were faster");
    CacheStore::Asked asked = joins_at_once() ? store_->find_or_join(key(), r_.now())
                                              : CacheStore::Asked{.found = store_->find(key()), .joined = {}};
    const CacheStore::Found& found = asked.found;
    if (found.entry != nullptr) {
      const bool purged = found.entry->purged.load(std::memory_order_relaxed);
      const ReuseRuling ruling = rule_reuse(found.entry->freshness, question_.directives, purged, r_.now());
      if (ruling.reuse == Reuse::fresh) return answer(found.entry, CacheVerdict::hit, nullptr);
      if (ruling.reuse == Reuse::stale) refresh(found);
      if (ruling.reuse != Reuse::revalidate) return answer(found.entry, CacheVerdict::stale, nullptr);
      old_ = found.entry;
      outcome_.forward = question_.directives.no_cache || question_.directives.max_age.given ? "request" : "stale";
    } else {
      outcome_.forward = found.url_known ? "vary-miss" : "uri-miss";
    }
    if (question_.directives.only_if_cached) {
      outcome_.verdict = CacheVerdict::miss;
      return stop({.kind = ErrorKind::not_cached, .side = Side::client, .detail = "only-if-cached, and it is not"},
                  false);
    }
    // What they would bring is not what is stored.
    if (is_head()) return pass("method", "HEAD");
    if (r_.asked.head->fields.has(http::FieldId::range)) return pass("partial", "a range of what is not stored");
    if (!asked.joined) asked.joined = store_->join(key(found.hash), found.version, old_, false, r_.now());
    if (!join(std::move(*asked.joined), again)) return pass(outcome_.forward, "not stored the last time");
  }
  if (own_ != nullptr) return false;
  return read_fill();
}

// Whatever is not stored is fetched.
bool CachedExchange::joins_at_once() const {
  return old_ == nullptr && !question_.directives.only_if_cached && !is_head() &&
         !r_.asked.head->fields.has(http::FieldId::range);
}

bool CachedExchange::join(CacheStore::Joined joined, bool& again) {
  again = joined.kind == CacheStore::Joined::Kind::again;
  if (again) return true;
  if (joined.kind == CacheStore::Joined::Kind::alone) return false;
  if (joined.kind == CacheStore::Joined::Kind::lead && may_fetch_itself()) {
    begin_own(std::move(joined.fill));
    return true;
  }
  outcome_.collapsed = joined.kind == CacheStore::Joined::Kind::wait;
  reader_.emplace(r_.context.desk, joined.fill, r_.exchange.waiter, outcome_.collapsed);
  if (joined.kind == CacheStore::Joined::Kind::lead) {
    report_ = begin_fetch(std::move(joined.fill));
  }
  return true;
}

// What is done for it is a part of the request's trace.
std::shared_ptr<FetchReport> CachedExchange::begin_fetch(std::shared_ptr<CacheFill> fill) {
  begin_trace(r_);
  CacheFetch::Of of = fetch(std::move(fill));
  of.traceparent = r_.traceparent;
  return r_.context.fetches->begin(r_.asked, std::move(of));
}

// A server that is asked for what this client asks for is asked for what the cache wants, and nothing in its answer
// would be this client's. A stream of HTTP/2 may end before those do who wait for what it fetches.
bool CachedExchange::may_fetch_itself() const {
  const http::RequestFraming& framing = r_.asked.framing;
  const http::FieldList& fields = r_.asked.head->fields;
  const Route& route = *r_.found().route;
  for (const http::FieldId id :
       {http::FieldId::content_length, http::FieldId::expect, http::FieldId::if_modified_since,
        http::FieldId::if_none_match, http::FieldId::if_range, http::FieldId::range, http::FieldId::trailer}) {
    if (fields.has(id)) return false;
  }
  return r_.asked.protocol == "HTTP/1.1" && old_ == nullptr && fields_ == nullptr && route.compression == nullptr &&
         route.mirror == nullptr && !framing.te_trailers && !r_.grpc && r_.explained == nullptr &&
         !r_.pool().sticky.enabled() && store_->disk() == nullptr && !leaves_parameters_out(*rule_);
}

void CachedExchange::begin_own(std::shared_ptr<CacheFill> fill) {
  outcome_.verdict = CacheVerdict::miss;
  own_ = std::make_unique<OwnFetch>(*this, r_,
                                    FillSink::Of{.store = *store_,
                                                 .rule = rule_,
                                                 .fill = std::move(fill),
                                                 .url = std::move(question_.url),
                                                 .selector = std::move(question_.selector),
                                                 .request = r_.asked.head->fields,
                                                 .loop = r_.context.loop});
}

ResponseSink& CachedExchange::client() const { return own_ != nullptr ? own_->client() : r_.exchange.sink; }

void CachedExchange::take_own_head() { static_cast<void>(take_head(own_->fill().opened())); }

void CachedExchange::begin_at_once() {
  const CacheFill::Seen& seen = own_->fill().opened();
  outcome_.stored = true;
  outcome_.ttl = seen.entry->freshness.ttl(r_.now());
  own_head_ = seen.own_head;
  entry_ = seen.entry;
  fill_ = &own_->fill();
  phase_ = Phase::sending;
  start(*entry_, {.status = entry_->head.status(), .framing = entry_->framing, .content_range = {}});
}

void CachedExchange::read_on(std::uint64_t from) {
  source_.emplace(CacheBody::Cursor(entry_->body), from, entry_->framing.length - from, fill_,
                  EntrySource::Disk{.thread = r_.context.stored_files, .waiter = r_.exchange.waiter});
}

Pumped CachedExchange::send_own() {
  std::uint64_t moved = 0;
  return source_ ? pump(*source_, client(), moved) : Pumped::source_failed;
}

// Nobody waits for it (RFC 5861 3).
void CachedExchange::refresh(const CacheStore::Found& found) {
  CacheStore::Joined joined = store_->join(key(found.hash), found.version, found.entry, true, r_.now());
  if (joined.kind != CacheStore::Joined::Kind::lead) return;
  static_cast<void>(begin_fetch(std::move(joined.fill)));
}

bool CachedExchange::read_fill() {
  const CacheFill::Seen seen = reader_->fill().look();
  switch (seen.phase) {
    case CacheFill::Phase::asking:
      if (!r_.exchange.source.abandoned()) return true;
      return stop({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed"}, false);
    case CacheFill::Phase::stored:
    case CacheFill::Phase::private_:
      return take_head(seen);
    case CacheFill::Phase::failed:
    case CacheFill::Phase::refused:
      break;
  }
  return take_failure(seen);
}

bool CachedExchange::take_head(const CacheFill::Seen& seen) {
  const bool ours = report_ != nullptr || own_ != nullptr;
  const bool is_private = seen.phase == CacheFill::Phase::private_;
  const bool purged = old_ != nullptr && old_->purged.load(std::memory_order_relaxed);
  const std::uint16_t status = seen.entry->head.status();
  const bool fails = is_private && !seen.validated && is_stale_error(status);
  if (fails && old_ != nullptr && allowed_at_error(old_->freshness, purged, r_.now())) {
    outcome_.forward_status = status;
    reader_.reset();
    return answer(old_, CacheVerdict::stale, nullptr);
  }
  if (is_private && seen.validated && !ours) {  // what is stored is still good, and asked about by one for all
    reader_.reset();
    return look();
  }
  if (is_private && !ours) return pass(outcome_.forward, seen.why);
  if (!ours) {
    std::string values;
    append_vary_values(seen.entry->vary_names, fields(), values);
    if (values != seen.entry->vary_values) {  // it waited for another variant
      reader_.reset();
      return look();
    }
  }
  outcome_.forward_status = seen.validated ? 304 : 0;
  outcome_.stored = !is_private;
  outcome_.detail = seen.why;
  if (ours) own_head_ = seen.own_head;
  CacheFill& fill = own_ != nullptr ? own_->fill() : reader_->fill();
  return answer(seen.entry, seen.validated ? CacheVerdict::revalidated : CacheVerdict::miss, &fill);
}

bool CachedExchange::take_failure(const CacheFill::Seen& seen) {
  const bool purged = old_ != nullptr && old_->purged.load(std::memory_order_relaxed);
  const bool refused = seen.phase == CacheFill::Phase::refused;
  const bool given_up = seen.error.kind == ErrorKind::client_closed;
  if (!refused && !given_up && old_ != nullptr && allowed_at_error(old_->freshness, purged, r_.now())) {
    reader_.reset();
    return answer(old_, CacheVerdict::stale, nullptr);
  }
  outcome_.verdict = CacheVerdict::miss;
  const bool told = report_ != nullptr && report_->refused && report_->generation == r_.snapshot->generation;
  if (refused && told) {
    refused_ = true;
    r_.decision.kind = Decision::Kind::refused;
    r_.decision.refusal = report_->refusal;
    r_.decision.limit = report_->limit;
    return false;
  }
  if (refused) return pass(outcome_.forward, "the fetch was not let through");
  if (given_up) {
    reader_.reset();
    report_.reset();
    return look();
  }
  return stop(seen.error, false);
}

bool CachedExchange::not_modified(const CacheEntry& entry) const {
  const http::FieldList& fields = r_.asked.head->fields;
  if (!fields.has(http::FieldId::if_none_match) && !fields.has(http::FieldId::if_modified_since)) return false;
  const std::uint16_t status = entry.head.status();
  if (status < 200 || status > 299) return false;
  const http::UnixSeconds now = std::time(nullptr);
  std::string_view modified = entry.head.find(http::FieldId::last_modified);
  if (modified.empty()) modified = entry.head.find(http::FieldId::date);  // RFC 9111 4.3.2
  const Validators present{.etag = entry.head.find(http::FieldId::etag),
                           .last_modified = http::parse_date(modified, now)};
  return check_preconditions(r_.asked.head->method, fields, present, now) == Precondition::not_modified;
}

RangeRuling CachedExchange::range_of(const CacheEntry& entry, std::uint64_t size) const {
  const http::FieldList& fields = r_.asked.head->fields;
  if (!fields.has(http::FieldId::range) || entry.head.status() != 200) return {};
  // Octets of our own coding are another's tomorrow: no client puts them together.
  const bool coded = codings_ && !entry.head.find(http::FieldId::content_encoding).empty();
  if (coded && !entry.head.find(http::FieldId::etag).starts_with('"')) return {};
  const http::UnixSeconds now = std::time(nullptr);
  const Validators present{.etag = entry.head.find(http::FieldId::etag),
                           .last_modified = http::parse_date(entry.head.find(http::FieldId::last_modified), now)};
  if (!range_condition_holds(fields, present, now)) return {};
  return rule_ranges(r_.asked.head->method, fields, size);
}

bool CachedExchange::answer(const std::shared_ptr<CacheEntry>& entry, CacheVerdict verdict, CacheFill* fill) {
  outcome_.verdict = verdict;
  if (verdict == CacheVerdict::hit || verdict == CacheVerdict::stale) outcome_.forward = {};
  outcome_.ttl = entry->freshness.ttl(r_.now());
  entry_ = entry;
  fill_ = fill;
  if (entry->body == nullptr) {
    plan_ = plan(*entry);
    return plan_.size > 0 ? open_file() : begin_sending({});
  }
  CacheBody::Cursor cursor(entry->body);
  if (!cursor.good()) return pass("uri-miss", "it has passed by");
  if (cursor.behind() && store_->disk()->slow(r_.now())) return pass("bypass", "the disk does not answer");
  plan_ = plan(*entry);
  return begin_sending(std::move(cursor));
}

CachedExchange::Plan CachedExchange::plan(const CacheEntry& entry) const {
  const bool whole = entry.whole();
  const bool bodiless = entry.framing.kind == http::BodyKind::none;
  const std::uint64_t size = whole ? entry.body_size() : EntrySource::kAll;
  if (not_modified(entry)) return {.status = 304, .framing = {}, .content_range = {}};
  const RangeRuling range = whole ? range_of(entry, size) : RangeRuling{};
  if (range.kind == RangeRuling::Kind::unsatisfiable) {
    return {.status = 416, .framing = {http::BodyKind::length, 0}, .content_range = unsatisfied_range(size)};
  }
  if (range.kind == RangeRuling::Kind::partial && range.count == 1) {
    const ByteRange& one = range.ranges[0];
    return {.status = 206,
            .framing = {http::BodyKind::length, one.size()},
            .content_range = content_range(one, size),
            .from = one.begin,
            .size = one.size()};
  }
  http::Body framing = whole && !bodiless ? http::Body{http::BodyKind::length, size} : entry.framing;
  if (framing.kind == http::BodyKind::until_close) framing.kind = http::BodyKind::chunked;
  const bool empty = is_head() || bodiless;
  const std::uint64_t told = framing.kind == http::BodyKind::length ? framing.length : EntrySource::kAll;
  return {.status = entry.head.status(), .framing = framing, .content_range = {}, .from = 0, .size = empty ? 0 : told};
}

// Nothing is said to the client before its first octets are there.
bool CachedExchange::open_file() {
  const ByteRange range{.begin = plan_.from, .end = plan_.from + plan_.size};
  file_ = std::make_unique<EntryFile>(
      EntryFile::Of{
          .entry = entry_, .cache = *store_->disk(), .disk = r_.context.stored_files, .waiter = r_.exchange.waiter},
      range);
  phase_ = Phase::opening;
  progress_ = r_.now();
  return wait_for_file();
}

// A file that is not what it was is not stored any more; a disk that does not answer is done without.
bool CachedExchange::wait_for_file() {
  switch (file_->open(r_.now())) {
    case EntryFile::State::ready:
      return begin_sending({});
    case EntryFile::State::opening:
      if (r_.exchange.source.abandoned()) {
        return stop({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed"}, false);
      }
      if (r_.now() < deadline()) return true;
      store_->disk()->tell_slow(r_.now());
      break;
    case EntryFile::State::busy:
      break;
    case EntryFile::State::bad:
      store_->disk()->tell_bad(*entry_->file, file_->why());
      store_->remove(*entry_);
      file_.reset();
      reader_.reset();
      report_.reset();
      old_.reset();
      phase_ = Phase::waiting;
      return look();
  }
  const std::string_view why = file_->why();
  file_.reset();
  return pass("bypass", why.empty() ? "the disk does not answer" : why);
}

bool CachedExchange::begin_sending(CacheBody::Cursor cursor) {
  start(*entry_, plan_);
  if (file_ == nullptr) {
    source_.emplace(std::move(cursor), plan_.from, plan_.size, fill_,
                    EntrySource::Disk{.thread = r_.context.stored_files, .waiter = r_.exchange.waiter});
  }
  phase_ = Phase::sending;
  progress_ = r_.now();
  return own_ != nullptr ? false : send();
}

void CachedExchange::start(const CacheEntry& entry, const Plan& plan) {
  const http::Body& body = plan.framing;
  const std::uint16_t status = plan.status;
  std::unique_ptr<UpstreamWork> work = r_.context.upstream_works.take();
  http::ResponseHead& head = work->response;
  std::array<char, 24> age_text{};
  std::array<char, 24> length_text{};
  const auto text = [](std::array<char, 24>& room, std::uint64_t number) {
    const auto end = std::to_chars(room.data(), room.data() + room.size(), number).ptr;
    return std::string_view(room.data(), static_cast<std::size_t>(end - room.data()));
  };
  static_cast<void>((own_head_ != nullptr ? *own_head_ : entry.head).copy_to(head));
  const bool all = plan.content_range.empty() && status != 304;
  if (!all) head.fields = fields_without_all(head.fields, status, plan.content_range);
  if (head.status != status) head.reason = {};
  head.status = status;
  const std::int64_t age = entry.freshness.age(r_.now());
  const bool from_store = outcome_.verdict != CacheVerdict::miss;
  if (from_store || age > 0) {
    static_cast<void>(head.fields.push(
        {.name = "Age", .value = text(age_text, static_cast<std::uint64_t>(age)), .id = http::FieldId::age}));
  }
  std::string left;
  announce_limit(r_, head, left);
  std::array<char, kCacheStatusRoom> said;  // NOLINT(*-member-init): written before it is read
  if (rule_->status_field) {
    const std::string_view status_text = write_cache_status(said, kViaName, outcome_);
    static_cast<void>(head.fields.push({.name = "Cache-Status", .value = status_text}));
  }
  http::ResponseFraming framing;
  framing.body = body;
  if (is_head()) {
    if (body.kind == http::BodyKind::length) {
      static_cast<void>(head.fields.push(
          {.name = "Content-Length", .value = text(length_text, body.length), .id = http::FieldId::content_length}));
    }
    framing.body = {};
  }
  r_.status = status;
  client().start(head, framing, *r_.found().response_rules);
  r_.context.upstream_works.give_back(std::move(work));
}

bool CachedExchange::advance() {
  if (phase_ == Phase::waiting) return read_fill();
  if (phase_ == Phase::opening) return wait_for_file();
  // What it has brought by now is sent, however late this looks at it.
  const bool in_source = file_ == nullptr;
  const bool waits = waits_for_disk_ && (in_source ? source_->waits_for_disk() : file_->body().waits_for_disk());
  // Who comes now is answered by a server.
  if (waits && in_source && progress_ + kDiskPatience <= r_.now()) store_->disk()->tell_slow(r_.now());
  if (waits && deadline() <= r_.now()) return stop_for_disk("the disk did not answer in time");
  if (waits_for_client_ && deadline() <= r_.now()) {
    return stop(
        {.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client took no more of the response"},
        true);
  }
  return send();
}

bool CachedExchange::send() {
  ResponseSink& sink = r_.exchange.sink;
  if (r_.exchange.source.abandoned()) {
    return stop({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed"}, true);
  }
  std::uint64_t moved = 0;
  const std::uint64_t before = sink.octets_sent();
  const Pumped pumped =
      file_ != nullptr ? send_file_body(file_->body(), sink, first_piece_) : pump(*source_, sink, moved);
  if (sink.octets_sent() != before) progress_ = r_.now();
  waits_for_client_ =
      pumped == Pumped::sink_blocked || (pumped == Pumped::source_waits && sink.flush() == Sent::blocked);
  const bool waits = pumped == Pumped::source_waits && (file_ != nullptr || source_->waits_for_disk());
  if (waits && !std::exchange(waits_for_disk_, waits)) progress_ = r_.now();
  waits_for_disk_ = waits;
  switch (pumped) {
    case Pumped::done:
      r_.done = true;
      source_.reset();
      reader_.reset();
      return false;
    case Pumped::turn_over:
      r_.exchange.waiter.wake_soon();
      return true;
    case Pumped::source_waits:
      return true;
    case Pumped::sink_blocked:
      return true;
    case Pumped::source_failed:
      if (file_ != nullptr) return stop_for_disk("the file could not be read to its end");
      return stop({.kind = ErrorKind::upstream_reset, .side = Side::upstream, .detail = "the fetch was cut short"},
                  true);
    case Pumped::sink_failed:
      break;
  }
  return stop({.kind = ErrorKind::client_closed, .side = Side::client, .detail = "client closed inside the response"},
              true);
}

// What the client has must not pass for a whole answer.
bool CachedExchange::stop_for_disk(std::string_view why) {
  if (file_ != nullptr) {
    store_->disk()->tell_bad(*entry_->file, why);
    store_->remove(*entry_);
  }
  r_.reason = why;
  return stop({.kind = ErrorKind::internal, .side = Side::internal, .detail = why}, true);
}

bool CachedExchange::stop(const Error& error, bool begun) {
  r_.fail(error);
  r_.cut = begun;
  source_.reset();
  reader_.reset();
  return false;
}

void CachedExchange::take_report(Request& request) const {
  if (report_ == nullptr || !report_->over) return;
  if (report_->generation == request.snapshot->generation) request.server = report_->server;
  request.request_id = report_->request_id;
  request.attempts = report_->attempts;
  request.hedged = report_->hedged;
  request.permit = report_->permit;
  request.picked = report_->picked;
  request.connected = report_->connected;
  request.first_byte = report_->first_byte;
}

void CachedExchange::tell(Request& request) const {
  take_report(request);
  request.cache_verdict = outcome_.verdict;
  const bool asks = !request.done && own_ == nullptr;
  if (rule_->status_field && asks) request.cache_status = cache_status(kViaName, outcome_);
}

}  // namespace edge
