#include "edge/serve/control/scaling.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "edge/core/snapshot/region_health.h"
#include "edge/serve/control/scale_message.h"
#include "shared/serve/os/log.h"

namespace edge {
namespace {

using shared::Level;

std::int64_t wall_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

Scaling::Scaling(Of of) : of_(std::move(of)), siblings_(of_.loop), calls_(of_.loop, of_.follower), timer_(of_.loop) {}

void Scaling::set(const World& world, std::shared_ptr<const Snapshot> snapshot) {
  if (stage_ == Stage::ended) return;
  snapshot_ = std::move(snapshot);
  const auto& wanted = world.built.servers.scaling;
  const bool fewer = forget_who_is_not_told(wanted);
  std::erase_if(pools_, [&](const auto& pool) { return !wanted.contains(pool.first); });
  for (const auto& [name, settings] : wanted) pools_[name].settings = settings;
  wants_file_ = world.built.scaler.file;
  if (fewer && wants_file_ && spoke_) write_file();
  calls_.set(world.built.scaler.webhook);
  const bool several = !wanted.empty();
  siblings_.set(world.common, snapshot_->settings->identity.region, world.node,
                several ? Siblings::Wanted::yes : Siblings::Wanted::no);
  if (running_ || pools_.empty() || stage_ != Stage::runs) return;
  running_ = true;
  wait();
}

// A pool that a reload has taken out, or set to dry_run: what its receiver has not heard yet is not true any more.
// True: there is one.
bool Scaling::forget_who_is_not_told(const std::map<std::string, ScaleSettings>& wanted) {
  bool any = false;
  for (const auto& [name, pool] : pools_) {
    const auto next = wanted.find(name);
    const bool still = next != wanted.end() && next->second.mode == ScaleMode::on;
    if (pool.settings.mode != ScaleMode::on || still) continue;
    calls_.forget(name);
    any = true;
  }
  return any;
}

void Scaling::recall(const ScaleMemory& memory, Autoscaler::Recall how) {
  const shared::TimePoint now = shared::Clock::now();
  for (const auto& [name, was] : memory.pools) {
    const auto found = pools_.find(name);
    if (found == pools_.end()) continue;
    const auto age = shared::seconds(std::max<std::int64_t>(0, wall_seconds() - was.decided));
    found->second.scaler.recall(was.desired, was.reason, now - age, how);
    found->second.decided = was.decided;
    shared::log_event(Level::info, "scale_recalled",
                      {{"pool", name}, {"desired", was.desired}, {"reason", was.reason}});
  }
}

void Scaling::begin() {
  stage_ = Stage::runs;
  began_ = shared::Clock::now();
  if (running_ || pools_.empty()) return;
  running_ = true;
  wait();
}

void Scaling::end() {
  stage_ = Stage::ended;
  running_ = false;
  timer_.cancel();
  calls_.set(std::nullopt);
  siblings_.stop();
}

std::optional<ScaleMemory> Scaling::memory() const {
  ScaleMemory memory{.at = wall_seconds(), .pools = {}};
  for (const auto& [name, pool] : pools_) {
    const Autoscaler& scaler = pool.scaler;
    if (!scaler.decided().empty()) memory.pools[name] = {scaler.desired(), pool.decided, scaler.decided()};
  }
  if (memory.pools.empty()) return std::nullopt;
  return memory;
}

void Scaling::wait() {
  timer_.expires_after(kRound);
  timer_.async_wait([this](shared::error_code error) {
    if (error || stage_ == Stage::ended) return;
    round(shared::Clock::now());
    if (pools_.empty()) {
      running_ = false;
      return;
    }
    wait();
  });
}

// This edge drains: the next one speaks. After a start nobody knows yet whether another one does.
bool Scaling::speaks() const {
  if (siblings_.unknown() && shared::Clock::now() - began_ < kHush) return false;
  return siblings_.before() == nullptr && !of_.live.draining;
}

std::string Scaling::speaker() const {
  const shared::IpAddress* before = siblings_.before();
  return before != nullptr ? before->to_string() : snapshot_->settings->identity.node;
}

void Scaling::round(shared::TimePoint now) {
  for (auto& [name, pool] : pools_) judge(name, pool, now);
  const bool speaks_now = speaks();
  if (speaks_now && !spoke_) {  // who spoke before may have left without a word
    for (auto& [name, pool] : pools_) {
      if (!pool.scaler.decided().empty()) tell(name, pool, now);
    }
  }
  if (spoke_ && !speaks_now) {  // who speaks now tells what it reckons
    for (const auto& [name, pool] : pools_) calls_.forget(name);
  }
  spoke_ = speaks_now;
  if (now - kept_ >= kAgain) keep_memory(now);
}

// Now and then, too, so that a restart knows how old it is.
void Scaling::keep_memory(shared::TimePoint now) {
  const auto known = memory();
  if (!known) return;
  kept_ = now;
  of_.write_file(kMemoryFile, known->to_json());
}

void Scaling::judge(const std::string& name, Pool& pool, shared::TimePoint now) {
  const edge::Pool* here = snapshot_->pools->find(name);
  if (here == nullptr) return;
  pool.sample = sample_of(*here, now);
  const std::uint32_t before = pool.scaler.desired();
  const ScaleChange change = pool.scaler.observe(pool.sample, pool.settings, now);
  if (change != ScaleChange::none) {
    pool.decided = wall_seconds();
    shared::log_event(Level::info, change == ScaleChange::up ? "scale_up" : "scale_down",
                      {{"pool", name},
                       {"desired", pool.scaler.desired()},
                       {"before", before},
                       {"servers", pool.sample.known},
                       {"mode", name_of(pool.settings.mode)},
                       {"reason", pool.scaler.reason()}});
  }
  const bool again =
      !pool.scaler.decided().empty() && pool.sample.known != pool.scaler.desired() && now - pool.told >= kAgain;
  if (change != ScaleChange::none || again) tell(name, pool, now);
  if (change != ScaleChange::none) keep_memory(now);
}

// Clients spread over the edges of a region, so each sees its part of what is in flight; CPU is the servers' own.
ScaleSample Scaling::sample_of(const edge::Pool& pool, shared::TimePoint now) const {
  ScaleSample sample;
  sample.known = static_cast<std::uint32_t>(pool.servers.size());
  double cpu = 0;
  std::uint32_t told = 0;
  std::uint64_t in_flight = of_.live.pool(pool.slot).waiting.load(std::memory_order_relaxed);
  for (const Server& server : pool.servers) {
    in_flight += of_.live.server(server.id).in_flight.load(std::memory_order_relaxed);
    const auto number = of_.backends.told(server.id, now);
    if (number) {
      cpu += *number;
      ++told;
    }
    // One that is taken out for its CPU works, and is to be counted with it.
    if (number || known_up(pool, server, *snapshot_->addresses, of_.live)) ++sample.serving;
  }
  if (told > 0) sample.cpu = cpu / told;
  sample.in_flight = static_cast<double>(in_flight) * static_cast<double>(1 + siblings_.up());
  return sample;
}

std::string Scaling::message_of(const std::string& name, const Pool& pool) const {
  return write(ScaleMessage{.from = snapshot_->settings->identity,
                            .pool = name,
                            .desired = pool.scaler.desired(),
                            .servers = pool.sample.known,
                            .serving = pool.sample.serving,
                            .settings = pool.settings,
                            .reason = pool.scaler.decided(),
                            .decided = pool.decided});
}

void Scaling::tell(const std::string& name, Pool& pool, shared::TimePoint now) {
  pool.told = now;
  if (pool.settings.mode != ScaleMode::on || !speaks()) return;
  calls_.tell(name, message_of(name, pool));
  if (wants_file_) write_file();
}

// One line for each pool that was decided on.
void Scaling::write_file() {
  std::string text;
  for (const auto& [name, pool] : pools_) {
    if (pool.settings.mode == ScaleMode::on && !pool.scaler.decided().empty()) text += message_of(name, pool) + "\n";
  }
  of_.write_file("scale.json", std::move(text));
}

}  // namespace edge
