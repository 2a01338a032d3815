#include "shared/serve/probe/probe.h"

#include <algorithm>
#include <utility>

#include <boost/asio/error.hpp>

#include "shared/core/hash.h"
#include "shared/http/small_request.h"
#include "shared/serve/client/error_words.h"
#include "shared/serve/loop/local_errors.h"
#include "shared/serve/os/log.h"
#include "shared/serve/tls/tls_client.h"

namespace shared {
namespace {

constexpr milliseconds kFirstEarlyDelay{50};
constexpr unsigned kMaxDiscards = 3;  // in a row: a loop that always stalls must not blind the probe for ever
constexpr seconds kComplainEvery{10};
constexpr std::uint32_t kMaxHead = 16 * 1024;
constexpr std::uint64_t kMaxBody = 1024 * 1024;  // a health page that is larger is a mistake, not a health page

std::string request_text(const ProbeTarget& target) {
  http::SmallRequest request;
  request.target = target.path;
  request.host = target.host.empty() ? target.endpoint.to_string() : target.host;
  request.fields = {{"User-Agent", "meridian-health"}, {"Accept", "*/*"}};
  return write(request);
}

}  // namespace

Probe::Probe(std::shared_ptr<ProbeContext> context, ProbeTarget target)
    : context_(std::move(context)),
      target_(std::move(target)),
      request_(request_text(target_)),
      schedule_(context_->loop),
      next_attempt_(context_->loop),
      deadline_(context_->loop) {}

bool Probe::serves(const ProbeTarget& other) const {
  return target_.endpoint == other.endpoint && target_.kind == other.kind && target_.host == other.host &&
         target_.path == other.path && target_.service == other.service && target_.interval == other.interval &&
         target_.timeout == other.timeout && target_.expected == other.expected &&
         target_.body_kept == other.body_kept && target_.jitter == other.jitter && target_.tls == other.tls &&
         target_.greeting == other.greeting;
}

void Probe::rename(const ProbeTarget& target) {
  target_.id = target.id;
  target_.name = target.name;
}

void Probe::start() { wait_until(context_->gate->next_turn(Clock::now())); }

void Probe::stop() {
  phase_ = Phase::stopped;
  schedule_.cancel();
  next_attempt_.cancel();
  deadline_.cancel();
  close_kept();
  close_attempts();
}

std::optional<TimePoint> Probe::next_round() const {
  return phase_ == Phase::waiting ? std::optional(schedule_.expiry()) : std::nullopt;
}

void Probe::wait_until(TimePoint when) {
  phase_ = Phase::waiting;
  schedule_.expires_at(when);
  schedule_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->phase_ != Phase::waiting) return;
    if (self->kept_) self->early_row_ = 0;
    self->begin_when_allowed();
  });
}

// A round that needs a connection waits for one of the others' while too many are open.
void Probe::begin_when_allowed() {
  const bool needs_one = !kept_ || target_.kind == ProbeKind::tcp;
  if (!needs_one || !context_->gate->full()) return begin();
  if (std::exchange(queued_, true)) return;
  context_->gate->wait([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->queued_ = false;
    if (self->phase_ != Phase::waiting) return;
    self->schedule_.cancel();
    self->begin();
  });
}

Duration Probe::next_interval() {
  const std::uint64_t draw = mix(context_->settings.seed + 0x9E3779B97F4A7C15ULL * ++context_->draws);
  const double unit = static_cast<double>(draw >> 11) * 0x1.0p-53;  // [0, 1)
  // Only ever shorter: the time to notice a silent peer, fall x interval + timeout, is a promise.
  return std::chrono::duration_cast<Duration>(target_.interval * (1.0 - target_.jitter * unit));
}

void Probe::begin() {
  phase_ = Phase::asking;
  began_ = Clock::now();
  next_ = began_ + next_interval();
  replaced_ = false;
  silent_ = false;
  response_ = http::ResponseReader();
  round_trip_ = {};
  plan_ = ProbePlan(suspicion_.next());
  begun_ = 0;
  deadline_.expires_at(began_ + target_.timeout);
  deadline_.async_wait([weak = weak_from_this()](error_code error) {
    if (const auto self = weak.lock()) self->on_deadline(error);
  });
  attempt();
}

// The next one of the plan.
void Probe::attempt() {
  ++begun_;
  attempt_later();
  if (begun_ > 1 && !attempts_.empty() && context_->gate->full()) return;
  if (begun_ > 1 || !kept_ || target_.kind == ProbeKind::tcp) return connect();
  attempts_.push_back({std::exchange(kept_, nullptr), began_});
  ask(attempts_.back());
}

void Probe::attempt_later() {
  if (begun_ >= plan_.attempts()) return;
  next_attempt_.expires_at(began_ + plan_.begin_of(begun_, target_.timeout));
  next_attempt_.async_wait([weak = weak_from_this(), began = began_](error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->phase_ != Phase::asking || self->began_ != began) return;
    self->attempt();
  });
}

std::shared_ptr<HttpConnection> Probe::make_connection() {
  context_->gate->opened();
  return std::make_shared<HttpConnection>(
      make_transport(context_->loop, context_->tls,
                     {.tls = target_.tls,
                      .host = target_.host,
                      .alpn = target_.kind == ProbeKind::grpc ? kAlpnHttp2 : std::string_view(),
                      .greeting = target_.greeting}),
      [gate = context_->gate] { gate->closed(); });
}

void Probe::connect() {
  const auto made = make_connection();
  attempts_.push_back({made, Clock::now()});
  const std::weak_ptr<Probe> weak = weak_from_this();
  const HttpConnection* const connection = made.get();
  HttpConnection::Events events;
  events.connected = [weak, connection] {
    if (const auto self = weak.lock()) self->on_connected(connection);
  };
  events.answered = [weak, connection](const http::ResponseReader& answer) {
    if (const auto self = weak.lock()) self->on_answer(connection, answer);
  };
  events.judged = [weak, connection](const std::string& verdict) {
    if (const auto self = weak.lock()) self->on_judged(connection, verdict);
  };
  events.unasked = [weak, connection] {
    if (const auto self = weak.lock()) self->on_unasked(connection);
  };
  events.failed = [weak, connection](error_code error) {
    if (const auto self = weak.lock()) self->on_failed(connection, error);
  };
  made->open(target_.endpoint, std::move(events));
}

void Probe::on_connected(const HttpConnection* connection) {
  Attempt* const attempt = find(connection);
  if (attempt == nullptr) return;
  if (target_.kind != ProbeKind::tcp) return ask(*attempt);
  round_trip_ = Clock::now() - attempt->began;
  keep(*attempt);
  conclude(ProbeOutcome::success, "");
}

void Probe::ask(Attempt& attempt) {
  if (target_.kind == ProbeKind::grpc) {
    const std::string host = target_.host.empty() ? target_.endpoint.to_string() : target_.host;
    return attempt.connection->ask_health(host, target_.service, target_.tls ? "https" : "http");
  }
  attempt.connection->ask(request_, {.head = kMaxHead, .body = kMaxBody, .kept = target_.body_kept});
}

// Of tcp a greeting. Else a 408 before an idle close, or the like: whatever follows could not be told from an answer.
void Probe::on_unasked(const HttpConnection* connection) {
  if (target_.kind == ProbeKind::tcp || kept_.get() != connection) return;
  close_kept();
  begin_early();
}

// The first answer decides, whatever it says.
void Probe::on_answer(const HttpConnection* connection, const http::ResponseReader& answer) {
  Attempt* const attempt = find(connection);
  if (attempt == nullptr) return;
  response_ = answer;
  round_trip_ = connection->round_trip();
  if (!answer.bad() && answer.keep_alive()) keep(*attempt);
  if (answer.bad()) return conclude(ProbeOutcome::failure, "bad answer: " + std::string(answer.error()));
  if (!target_.expected.contains(answer.status())) {
    return conclude(ProbeOutcome::failure, "status " + std::to_string(answer.status()));
  }
  conclude(ProbeOutcome::success, "");
}

void Probe::on_judged(const HttpConnection* connection, const std::string& verdict) {
  Attempt* const attempt = find(connection);
  if (attempt == nullptr) return;
  round_trip_ = connection->round_trip();
  keep(*attempt);
  conclude(verdict.empty() ? ProbeOutcome::success : ProbeOutcome::failure, verdict);
}

void Probe::on_failed(const HttpConnection* connection, error_code error) {
  if (find(connection) != nullptr) return on_attempt_failed(connection, error);
  if (kept_.get() != connection) return;
  kept_.reset();
  if (phase_ == Phase::waiting) begin_early();  // else, tcp: the round's own connect is under way
}

void Probe::on_attempt_failed(const HttpConnection* connection, error_code error) {
  drop(connection);
  if (is_local_error(error)) return discard_for(error);
  if (error == asio::error::connection_refused) return conclude(ProbeOutcome::refused, words_of(error));
  if (is_silence(error)) {
    if (!attempts_.empty() || begun_ < plan_.attempts()) return;
    silent_ = true;
    return conclude(ProbeOutcome::failure, error.message());
  }
  if (!is_end_of_stream(error) || replaced_) return conclude(ProbeOutcome::failure, words_of(error));
  replaced_ = true;
  connect();
}

// The kept connection ended between rounds: ask why at once. A peer that ends every connection is asked ever less
// early, until early is the schedule.
void Probe::begin_early() {
  Duration delay{0};
  if (early_row_ > 0) delay = kFirstEarlyDelay * (1 << std::min(early_row_ - 1, 10U));
  ++early_row_;
  wait_until(std::min(next_, Clock::now() + delay));
}

void Probe::on_deadline(error_code error) {
  if (error || phase_ != Phase::asking) return;
  if (Clock::now() < deadline_.expiry()) return;  // of the round before, already queued when it ended
  silent_ = std::ranges::none_of(attempts_, [](const Attempt& attempt) { return attempt.connection->answer_begun(); });
  conclude(ProbeOutcome::failure, no_answer_in(target_.timeout));
}

void Probe::conclude(ProbeOutcome outcome, std::string_view reason) {
  if (outcome == ProbeOutcome::failure && discard_row_ < kMaxDiscards && context_->stalls.stalled_since(began_)) {
    ++discard_row_;
    return discard(context_->gate->next_turn(Clock::now()));
  }
  end_round();
  discard_row_ = 0;
  suspicion_.note(outcome);
  hurry_after(outcome);
  wait_until(std::max(next_, Clock::now()));
  if (!context_->on_report) return;
  // The callback may replace the targets and stop this probe: nothing of it is touched afterwards.
  const http::ResponseReader response = std::exchange(response_, http::ResponseReader());
  const ProbeReport report{
      target_.id, outcome, reason, round_trip_, response.status(), response.body(), response.body_complete(), silent_};
  const auto context = context_;
  context->on_report(report);
}

void Probe::end_round() {
  deadline_.cancel();
  next_attempt_.cancel();
  close_attempts();
}

// It says nothing about the target.
void Probe::discard(TimePoint again) {
  end_round();
  ++context_->discarded;
  wait_until(again);
}

void Probe::discard_for(error_code error) {
  const TimePoint now = Clock::now();
  if (context_->complained == TimePoint() || now - context_->complained >= kComplainEvery) {
    context_->complained = now;
    log_event(Level::warn, "checks_discarded", {{"target", target_.name}, {"reason", error.message()}});
  }
  discard(std::max(next_, now));
}

// A server that is started again should not be missed for an interval or two.
void Probe::hurry_after(ProbeOutcome outcome) {
  const Duration soon = context_->settings.after_refusal;
  if (soon.count() == 0) return;
  const bool refused = outcome == ProbeOutcome::refused;
  if (!hurried_ && !refused) return;
  if (!hurried_ || (outcome == ProbeOutcome::success && !returning_)) hurried_row_ = 0;
  hurried_ = true;
  returning_ = outcome == ProbeOutcome::success;
  const Duration delay = soon * (std::int64_t{1} << std::min(hurried_row_++, 20U));
  if (delay >= target_.interval && returning_) hurried_ = returning_ = false;
  next_ = std::min(next_, Clock::now() + delay);
}

void Probe::close_kept() {
  if (kept_) std::exchange(kept_, nullptr)->close();
}

void Probe::close_attempts() {
  for (Attempt& attempt : std::exchange(attempts_, {})) attempt.connection->close();
}

Probe::Attempt* Probe::find(const HttpConnection* connection) {
  const auto found =
      std::ranges::find_if(attempts_, [&](const Attempt& a) { return a.connection.get() == connection; });
  return found == attempts_.end() ? nullptr : &*found;
}

// It is over; it has closed itself.
void Probe::drop(const HttpConnection* connection) {
  std::erase_if(attempts_, [&](const Attempt& attempt) { return attempt.connection.get() == connection; });
}

// Its connection is the one to watch from now on.
void Probe::keep(Attempt& attempt) {
  close_kept();
  const auto connection = attempt.connection;
  drop(connection.get());
  if (!context_->gate->may_keep()) return connection->close();
  kept_ = connection;
}

}  // namespace shared
