#include "edge/serve/control/span_export.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <random>
#include <utility>

#include "edge/serve/io/encoder.h"
#include "shared/http/date.h"
#include "shared/serve/os/log.h"

namespace edge {
namespace {

using shared::Level;
using shared::log_event;

constexpr std::size_t kKeptAnswer = 64 * 1024;  // octets of what a collector says

bool is_transient(std::uint16_t status) { return status == 429 || (status >= 502 && status <= 504); }

// Up to half as long again: edges that lost their collector at once do not come back at once.
shared::Duration with_jitter(shared::Duration pause) {
  thread_local std::minstd_rand draw{std::random_device{}()};
  return pause + pause * static_cast<int>(draw() % 512) / 1024;
}

// Seconds or a date (RFC 9110 10.2.3); none: it says nothing that can be read.
std::optional<shared::Duration> retry_after(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || stop != text.data() + text.size()) {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    const auto date = http::parse_date(text, now.count());
    if (!date) return std::nullopt;
    seconds = *date - now.count();
  }
  const std::int64_t most = std::chrono::duration_cast<std::chrono::seconds>(SpanExport::kLongestWait).count();
  return shared::seconds(std::clamp<std::int64_t>(seconds, 0, most));
}

}  // namespace

SpanExport::SpanExport(shared::Loop& loop, shared::NameFollower& follower)
    : peer_(loop, follower,
            {.aimed =
                 [this] {
                   busy_ = false;  // what was asked elsewhere is asked here
                   send();
                 },
             .unresolved = [this](const std::string& reason) { failed(reason); }}),
      tick_(loop),
      pause_(loop),
      farewell_(loop) {}

void SpanExport::make_lanes(std::size_t workers) {
  while (lanes_.size() < workers) lanes_.push_back(std::make_unique<SpanLane>());
}

std::uint64_t SpanExport::lane_full() const {
  std::uint64_t sum = 0;
  for (const auto& lane : lanes_) sum += lane->dropped();
  return sum;
}

void SpanExport::set(const std::optional<OtlpPlan>& plan, const SpanAttributes& edge, const std::string& version) {
  if (plan == plan_ && edge == edge_) return;
  const bool moved = !plan || !plan_ || plan->url != plan_->url || plan->tls != plan_->tls;
  plan_ = plan;
  edge_ = edge;
  version_ = version;
  if (!plan_) {
    peer_.clear();
    tick_.cancel();
    pause_.cancel();
    busy_ = resting_ = running_ = false;
    open_ = {};
    queue_.clear();
    waiting_spans_ = waiting_octets_ = 0;
    counts_.problem.clear();
    told_.clear();
    return;
  }
  SpanAttributes attributes{{"service.name", plan_->service}, {"service.version", version_}};
  attributes.insert(attributes.end(), edge_.begin(), edge_.end());
  resource_ = write_resource(attributes);
  if (!running_) {
    running_ = true;
    tick();
  }
  if (!moved) return;
  pause_.cancel();
  busy_ = resting_ = false;
  backoff_ = kPause;
  peer_.set(plan_->url, plan_->tls);
}

void SpanExport::tick() {
  tick_.expires_after(kTick);
  tick_.async_wait([this](shared::error_code error) {
    if (error || !running_) return;
    collect(shared::Clock::now());
    send();
    tick();
  });
}

void SpanExport::collect(shared::TimePoint now) {
  carried_.clear();
  for (const auto& lane : lanes_) lane->drain(carried_);
  const bool fresh = open_.spans == 0;
  std::string_view rest = carried_;
  for (auto size = next_batched(rest); size; size = next_batched(rest)) {
    add(rest.substr(0, *size));
    rest.remove_prefix(*size);
  }
  if (carried_.capacity() > kLargestBatch) carried_ = {};
  if (fresh && open_.spans > 0) opened_ = now;
  if (open_.spans > 0 && (now - opened_ >= plan_->delay || done_)) close_batch();
  bound();
}

void SpanExport::add(std::string_view span) {
  if (open_.spans >= plan_->batch || open_.octets.size() + span.size() > largest_batch()) close_batch();
  open_.octets.append(span);
  ++open_.spans;
  ++waiting_spans_;
  waiting_octets_ += span.size();
}

// A small part of what may wait: where the oldest go, they go by batches.
std::size_t SpanExport::largest_batch() const { return std::min(kLargestBatch, plan_->queue / 4); }

void SpanExport::close_batch() {
  if (open_.spans == 0) return;
  queue_.push_back(std::exchange(open_, {}));
  opened_ = shared::Clock::now();
}

// The oldest go, but for the one that is out: whether it has arrived is not known.
void SpanExport::bound() {
  while (waiting_octets_ > plan_->queue && queue_.size() > (busy_ ? 1U : 0U)) {
    const auto oldest = queue_.begin() + (busy_ ? 1 : 0);
    counts_.queue_full += oldest->spans;
    waiting_spans_ -= oldest->spans;
    waiting_octets_ -= oldest->octets.size();
    queue_.erase(oldest);
  }
}

shared::HttpCall SpanExport::call_of(const Batch& batch) const {
  shared::HttpCall call;
  call.timeout = done_ ? std::min(plan_->timeout, kFarewell) : plan_->timeout;
  call.limits.kept = kKeptAnswer;
  call.request.method = http::Method::post;
  call.request.target = plan_->url.target;
  call.request.host = plan_->url.authority;
  call.request.fields = {{"User-Agent", "meridian-edge/" + version_}, {"Content-Type", "application/x-protobuf"}};
  call.request.fields.insert(call.request.fields.end(), plan_->headers.begin(), plan_->headers.end());
  call.request.body = write_export(resource_, version_, batch.octets);
  if (!plan_->gzip) return call;
  std::string small;
  Encoders encoders;
  const auto encoder = encoders.make(Coding::gzip, {.gzip = 1}, call.request.body.size());
  if (encoder == nullptr || !encoder->encode(call.request.body, Encoder::Then::end, small)) return call;
  call.request.body = std::move(small);
  call.request.fields.emplace_back("Content-Encoding", "gzip");
  return call;
}

void SpanExport::send() {
  if (busy_ || resting_ || peer_.client() == nullptr) return;
  if (queue_.empty()) return leave();
  busy_ = true;
  peer_.client()->call(call_of(queue_.front()),
                       [this](const shared::Result<shared::HttpAnswer>& answer) { answered(answer); });
}

void SpanExport::answered(const shared::Result<shared::HttpAnswer>& answer) {
  if (!plan_) return;
  busy_ = false;
  if (answer && answer->status >= 200 && answer->status <= 299) return taken(*answer);
  failed(answer ? "status " + std::to_string(answer->status) : answer.error().message);
  if (!answer || is_transient(answer->status)) return again(answer ? &*answer : nullptr);
  counts_.refused += queue_.front().spans;
  pop();
  pause(kPause);
}

void SpanExport::taken(const shared::HttpAnswer& answer) {
  const std::size_t spans = queue_.front().spans;
  const auto said = read_export_answer(answer.body);
  const std::uint64_t rejected = said ? std::min<std::uint64_t>(said->rejected, spans) : 0;
  if (said && (rejected > 0 || !said->message.empty())) {
    log_event(Level::warn, "spans_rejected", {{"spans", rejected}, {"reason", said->message}});
  }
  counts_.rejected += rejected;
  counts_.exported += spans - rejected;
  ++counts_.calls;
  counts_.problem.clear();
  if (!std::exchange(told_, {}).empty()) log_event(Level::info, "spans_told", {{"url", plan_->url.authority}});
  backoff_ = kPause;
  pop();
  send();
}

void SpanExport::failed(const std::string& problem) {
  ++counts_.failures;
  counts_.problem = problem;
  if (told_ != problem) log_event(Level::warn, "spans_not_told", {{"url", plan_->url.authority}, {"reason", problem}});
  told_ = problem;
}

void SpanExport::again(const shared::HttpAnswer* answer) {
  if (done_) return leave();
  const auto said = answer != nullptr ? retry_after(answer->retry_after) : std::nullopt;
  pause(said ? std::max<shared::Duration>(*said, kTick) : with_jitter(backoff_));
  backoff_ = std::min<shared::Duration>(backoff_ * 2, kLongest);
  bound();
}

void SpanExport::pop() {
  waiting_spans_ -= queue_.front().spans;
  waiting_octets_ -= queue_.front().octets.size();
  queue_.pop_front();
}

void SpanExport::pause(shared::Duration how_long) {
  if (done_) return send();
  resting_ = true;
  pause_.expires_after(how_long);
  pause_.async_wait([this](shared::error_code error) {
    if (error) return;
    resting_ = false;
    send();
  });
}

void SpanExport::finish(std::function<void()> done) {
  if (!plan_) return done();
  done_ = std::move(done);
  tick_.cancel();
  running_ = false;
  collect(shared::Clock::now());
  if (queue_.empty() || peer_.client() == nullptr) return leave();
  pause_.cancel();
  resting_ = false;
  farewell_.expires_after(kFarewell);
  farewell_.async_wait([this](shared::error_code error) {
    if (!error) leave();
  });
  send();
}

void SpanExport::leave() {
  if (!done_) return;
  farewell_.cancel();
  std::exchange(done_, nullptr)();
}

}  // namespace edge
