#include "edge/serve/control/healing.h"

#include <utility>

#include "edge/core/pool/places.h"
#include "edge/core/pool/pool_budget.h"
#include "edge/core/snapshot/region_health.h"
#include "shared/serve/os/log.h"

namespace edge {

void Healing::set(std::shared_ptr<const Snapshot> snapshot) {
  snapshot_ = std::move(snapshot);
  if (std::exchange(running_, true)) return;
  timer_.expires_at(shared::Clock::now() + kTick);
  wait();
}

void Healing::wait() {
  timer_.async_wait([this](shared::error_code error) {
    if (error) return;
    const shared::TimePoint now = shared::Clock::now();
    tick(now);
    timer_.expires_at(now + kTick);
    wait();
  });
}

void Healing::tick(shared::TimePoint now) {
  const bool round = ++ticks_ % kTicksPerRound == 0;
  tell_region();
  for (const Pool& pool : snapshot_->pools->all()) {
    for (const Server& server : pool.servers) {
      ServerLive& live = live_.server(server.id);
      live.breaker.tick(pool.breaker, now, live.state);
    }
    if (round) {
      judge(pool, now);
      earn(pool, live_, now);
    }
    consider_panic(pool, now);
    reckon_capacity(pool, now);
  }
}

// What the DNS nodes hear from the health page, in our own log as well.
void Healing::tell_region() {
  const RegionHealth health = regional_health(*snapshot_, live_);
  std::string now = std::string(name_of(health.reason)) + ' ' + std::string(health.pool);
  if (now == region_) return;
  const bool first = std::exchange(region_, std::move(now)).empty();
  shared::log_event(
      health.up() || first ? shared::Level::info : shared::Level::warn, "region_state",
      {{"region", snapshot_->settings->identity.region}, {"serves", health.up()}, {"reason", words_of(health)}});
}

void Healing::judge(const Pool& pool, shared::TimePoint now) {
  const bool disabled = pool.ejection.mode == shared::Mode::disabled;
  if (disabled && !tracks_.contains(pool.name)) return;
  Tracks& known = tracks_[pool.name];
  std::vector<Key> keys;
  std::vector<ServerTotals> totals;
  std::vector<EjectionTrack> tracks;
  for (const Server& server : pool.servers) {
    const ServerLive& live = live_.server(server.id);
    keys.emplace_back(server.id, live.tenant.load(std::memory_order_relaxed));
    totals.push_back({.requests = live.requests.load(std::memory_order_relaxed),
                      .failures = live.failures.load(std::memory_order_relaxed),
                      .in_a_row = live.failures_in_a_row.load(std::memory_order_relaxed)});
  }
  // Nearly always those of the round before, in their order.
  std::map<Key, std::size_t> before;
  if (keys != known.keys) {
    for (std::size_t i = 0; i < known.keys.size(); ++i) before.emplace(known.keys[i], i);
    for (const Key& key : keys) {
      const auto at = before.find(key);
      tracks.push_back(at == before.end() ? EjectionTrack() : std::move(known.tracks[at->second]));
    }
  } else {
    tracks = std::move(known.tracks);
  }
  known = {std::move(keys), std::move(tracks)};
  const bool shadow = pool.ejection.mode == shared::Mode::shadow;
  for (const EjectionChange& change : EjectionJudge::judge(pool.ejection, totals, known.tracks, now)) {
    ServerLive& live = live_.server(known.keys[change.server].first);
    if (change.ejected) live.ejections.fetch_add(1, std::memory_order_relaxed);
    // What led to it is over: the next time is judged by what comes then.
    live.failures_in_a_row.store(0, std::memory_order_relaxed);
    shared::log_event(change.ejected ? shared::Level::warn : shared::Level::info,
                      change.ejected ? "server_ejected" : "server_readmitted",
                      {{"pool", pool.name},
                       {"server", pool.servers[change.server].name},
                       {"shadow", shadow},
                       {"reason", change.reason}});
  }
  for (std::size_t i = 0; i < known.keys.size(); ++i) {
    ServerLive& live = live_.server(known.keys[i].first);
    const bool out = known.tracks[i].ejected() && !shadow;
    if (live.state.ejected() != out) live.state.set_ejected(out);
  }
  if (disabled) tracks_.erase(pool.name);
}

void Healing::consider_panic(const Pool& pool, shared::TimePoint now) {
  std::size_t fit = 0;
  std::size_t down = 0;
  for (const Server& server : pool.servers) {
    if (snapshot_->addresses->of(server.id).empty()) continue;
    const Standing standing = standing_of(live_.server(server.id).state, pool.slow_start, now);
    if (standing.allowed()) ++fit;
    if (standing.eligibility == Eligibility::down) ++down;
  }
  tell_all_down(pool, fit == 0 && down > 0);
  const bool panic = static_cast<double>(fit) < pool.panic * static_cast<double>(pool.servers.size());
  PoolLive& live = live_.pool(pool.slot);
  if (live.panic.exchange(panic, std::memory_order_relaxed) == panic) return;
  shared::log_event(panic ? shared::Level::error : shared::Level::info, panic ? "pool_panic" : "pool_calm",
                    {{"pool", pool.name}, {"fit", fit}, {"servers", pool.servers.size()}});
}

void Healing::reckon_capacity(const Pool& pool, shared::TimePoint now) {
  PoolLive& live = live_.pool(pool.slot);
  if (pool.adaptive.mode != shared::Mode::disabled) {
    AdaptiveLimit& limit = limits_[pool.slot];
    const AdaptiveLimit::Totals totals{.answers = live.answers.load(std::memory_order_relaxed),
                                       .micros = live.answer_us.load(std::memory_order_relaxed),
                                       .in_flight = live.in_flight.load(std::memory_order_relaxed)};
    live.limit.store(limit.update(pool.adaptive, totals, now), std::memory_order_relaxed);
    live.floor_us.store(static_cast<std::uint32_t>(limit.floor_us()), std::memory_order_relaxed);
    live.mean_us.store(static_cast<std::uint32_t>(limit.mean_us()), std::memory_order_relaxed);
  } else if (limits_.erase(pool.slot) != 0) {
    live.limit.store(0, std::memory_order_relaxed);
  }
  live.capacity.store(capacity_of(pool, *snapshot_->addresses, live_, now).places, std::memory_order_relaxed);
}

// Checks leave nobody: said once, and what becomes of requests.
void Healing::tell_all_down(const Pool& pool, bool all_down) {
  if (all_down == all_down_.contains(pool.name)) return;
  if (all_down) {
    all_down_.insert(pool.name);
    shared::log_event(shared::Level::error, "pool_all_down",
                      {{"pool", pool.name},
                       {"servers", pool.servers.size()},
                       {"requests", pool.when_all_down == WhenAllDown::refuse ? "refused" : "tried all the same"}});
  } else {
    all_down_.erase(pool.name);
    shared::log_event(shared::Level::info, "pool_serves_again", {{"pool", pool.name}});
  }
}

}  // namespace edge
