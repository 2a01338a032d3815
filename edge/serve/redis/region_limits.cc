#include "edge/serve/redis/region_limits.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "shared/serve/os/log.h"

namespace edge {
namespace {

using shared::Level;
using shared::log_event;

constexpr std::size_t kNameSize = 40;  // of a script: SHA-1, in hexadecimal

// Who has missed so many intervals, and an answer's time, has gone silent.
shared::Duration silence(const RedisSettings& settings) {
  return std::min(settings.lease, 5 * settings.interval + settings.timeout);
}

}  // namespace

RegionLimits::RegionLimits(shared::Loop& loop, RedisClient& redis) : redis_(redis), timer_(loop) {
  redis_.on_ready([this] {
    // What was asked on another connection has no answer any more.
    script_.clear();
    loading_ = false;
    for (const auto& [name, one] : shared_) one->waiting = false;
    if (!shared_.empty()) load_script();
  });
}

void RegionLimits::set(const RateLimits& limits, const Identity& identity) {
  identity_ = identity;
  auto before = std::exchange(shared_, {});
  for (const auto& limit : limits) {
    const RateLimitSettings& settings = limit->settings();
    if (settings.scope != LimitScope::region || settings.mode == shared::Mode::disabled) continue;
    const auto known = before.find(settings.name);
    const bool same = known != before.end() && &known->second->leases.limit().live() == &limit->live();
    auto one = same ? known->second : std::make_shared<Shared>(limit);
    one->leases.use(limit);
    shared_.emplace(settings.name, std::move(one));
  }
  if (shared_.empty() || redis_.settings() == nullptr) {
    timer_.cancel();
    running_ = false;
  } else if (!std::exchange(running_, true)) {
    wait();
  }
}

RegionLimits::Standing RegionLimits::standing(std::string_view name) const {
  const Shared& one = *shared_.find(name)->second;
  return {.leases = one.leases, .answered = one.answered, .failed = one.failed, .reason = one.reason};
}

void RegionLimits::wait() {
  timer_.expires_after(redis_.settings()->interval);
  timer_.async_wait([this](shared::error_code error) {
    if (!error && running_) tick();
  });
}

void RegionLimits::tick() {
  const shared::TimePoint now = shared::Clock::now();
  if (redis_.up() && script_.empty() && !loading_) load_script();
  for (const auto& [name, one] : shared_) {
    if (!one->waiting && redis_.up() && !script_.empty()) ask(name, one, now);
    if (!redis_.up()) one->reason = redis_.facts().reason;
    end_lease(name, *one, now);
  }
  wait();
}

void RegionLimits::load_script() {
  loading_ = true;
  redis_.ask({"SCRIPT", "LOAD", std::string(lease_script())}, [this](const shared::Result<RedisValue>& reply) {
    loading_ = false;
    if (reply && reply->kind == RedisValue::Kind::text && reply->text.size() == kNameSize) {
      script_ = reply->text;
      return;
    }
    const std::string why = !reply ? reply.error().message : reply->is_error() ? reply->text : "no answer to SCRIPT";
    for (const auto& [name, one] : shared_) take_failure(name, *one, why);
  });
}

void RegionLimits::ask(const std::string& name, const std::shared_ptr<Shared>& one, shared::TimePoint now) {
  const RedisSettings& settings = *redis_.settings();
  const RegionShare& share = *one->leases.limit().live().region;
  const LeaseTerms terms{.edge = identity_.edge,
                         .seed = share.seed(),
                         .lease = settings.lease,
                         .silent = silence(settings),
                         .rate = one->leases.limit().settings().rate};
  one->asked = one->leases.ask(now);
  one->waiting = true;
  const std::string key = settings.prefix + ":limit:" + identity_.region + ":" + name;
  redis_.ask(lease_command(script_, key, terms, one->asked),
             [this, name, weak = std::weak_ptr(one)](const shared::Result<RedisValue>& reply) {
               if (const auto still = weak.lock()) take(name, *still, reply);
             });
}

void RegionLimits::take(const std::string& name, Shared& one, const shared::Result<RedisValue>& reply) {
  one.waiting = false;
  if (!reply) return take_failure(name, one, reply.error().message);
  if (reply->is_error() && reply->text.starts_with("NOSCRIPT")) script_.clear();  // loaded again by the next tick
  const auto answer = read_lease_answer(*reply, one.asked.keys.size());
  if (!answer) return take_failure(name, one, answer.error().message);
  const bool alone = one.leases.alone();
  one.leases.take(one.asked, *answer, shared::Clock::now(), redis_.settings()->lease);
  ++one.answered;
  one.reason.clear();
  one.told.clear();
  if (alone) log_event(Level::info, "limit_shared", {{"limit", name}, {"edges", one.leases.edges()}});
}

void RegionLimits::take_failure(const std::string& name, Shared& one, const std::string& why) {
  ++one.failed;
  one.reason = why;
  // What has ended the connection, the client has told.
  if (!redis_.up() || !one.told.empty()) return;
  one.told = why;
  log_event(Level::warn, "limit_not_shared", {{"limit", name}, {"reason", why}});
}

void RegionLimits::end_lease(const std::string& name, Shared& one, shared::TimePoint now) {
  if (one.leases.alone() || now - one.leases.answered() <= redis_.settings()->lease) return;
  one.leases.stand_alone(now);
  log_event(Level::warn, "limit_alone", {{"limit", name}, {"edges", one.leases.edges()}, {"reason", one.reason}});
}

}  // namespace edge
