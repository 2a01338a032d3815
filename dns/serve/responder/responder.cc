#include "dns/serve/responder/responder.h"

#include <chrono>
#include <utility>

#include "shared/core/hash.h"
#include "shared/core/time.h"

namespace dns {

Publication Responder::replace(Publication next) {
  const std::lock_guard lock(mutex_);
  counters_.snapshots.add();
  return std::exchange(now_, std::move(next));
}

void Responder::read_clocks() {
  if (now_.snapshot->rate_limit.mode != shared::Mode::disabled) {
    const auto steady = shared::Clock::now().time_since_epoch();
    now_us_ = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(steady).count());
  }
  if (now_.snapshot->cookies.count > 0) {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    unix_time_ = static_cast<std::uint32_t>(std::chrono::duration_cast<shared::seconds>(wall).count());
  }
}

std::size_t Responder::respond(AnswerRequest request, std::span<std::uint8_t> out) {
  request.entropy = draw();
  request.unix_time = unix_time_;
  NullTrace trace;
  AnswerInfo info = answer(*now_.snapshot, request, out, trace);
  if (info.length == 0) counters_.unanswered.add();
  const bool limited = now_.snapshot->rate_limit.mode != shared::Mode::disabled;
  if (limited && request.transport == Transport::udp && info.length > 0) limit(request, out, info);
  count(request, info);
  return info.length;
}

// What is declined is counted as what is sent in its place, if anything is.
void Responder::limit(const AnswerRequest& request, std::span<std::uint8_t> out, AnswerInfo& info) {
  if (cells_ == nullptr) return;
  const RateLimit& rate_limit = now_.snapshot->rate_limit;
  const Ruling ruling = judge(*cells_, rate_limit, request, info, now_us_);
  if (ruling == Ruling::pass) return;
  const bool enforced = rate_limit.mode == shared::Mode::enforce;
  const auto kind = static_cast<std::size_t>(response_kind(info.kind));
  auto& excess = enforced ? counters_.limited : counters_.limited_in_shadow;
  excess[kind][static_cast<std::size_t>(ruling)].add();
  if (!enforced) return;
  if (ruling == Ruling::drop) {
    info.length = 0;
  } else {
    info = decline(*now_.snapshot, request, out, ruling);
  }
}

void Responder::count(const AnswerRequest& request, const AnswerInfo& info) {
  const Query& query = request.query;
  const auto by_transport = static_cast<std::size_t>(request.transport);
  counters_.queries[by_transport].add();
  if (info.cookie != CookieState::none) counters_.cookies[static_cast<std::size_t>(info.cookie)].add();
  if (info.length == 0) return;
  counters_.kinds[static_cast<std::size_t>(info.kind)].add();
  counters_.rcodes[static_cast<std::size_t>(info.rcode) % WorkerCounters::kRcodes].add();
  const auto type = query.question.empty() ? std::size_t{0} : static_cast<std::size_t>(query.type);
  counters_.types[type < WorkerCounters::kTypes ? type : 0].add();
  if (info.kind == AnswerKind::policy) {
    now_.steering->add(info.policy, info.region);
    now_.steering->given().offer(request.entropy, info.policy, query.subnet, request.client);
  }
  if (info.truncated) counters_.truncated[by_transport].add();
  if (info.with_subnet) counters_.with_subnet.add();
}

// SplitMix64: shares among clients need to be even, not secret.
std::uint64_t Responder::draw() {
  random_ += 0x9E3779B97F4A7C15ULL;
  return shared::mix(random_);
}

}  // namespace dns
