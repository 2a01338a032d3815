#include "edge/load/build_learned.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

namespace edge {
namespace {

// Of the same priority each, the best first.
std::vector<Selector> order_of(const Pool& pool, std::string_view service) {
  std::map<std::uint32_t, std::vector<HashMember>> groups;
  for (std::size_t i = 0; i < pool.servers.size(); ++i) {
    const Server& server = pool.servers[i];
    groups[server.priority].push_back({server.name, static_cast<std::uint16_t>(i), server.weight});
  }
  std::vector<Selector> order;
  for (const auto& [priority, members] : groups) order.emplace_back(make_hash_slots(service, members));
  return order;
}

}  // namespace

std::shared_ptr<SessionsLive> SessionLives::of(const std::string& pool, const StickyConfig& config,
                                               std::uint64_t seed) {
  std::erase_if(lives_, [](const auto& one) { return one.second.live.expired(); });
  const auto [begin, end] = lives_.equal_range(pool);
  for (auto at = begin; at != end; ++at) {
    const Known& known = at->second;
    if (known.remember != config.remember || known.ttl != config.ttl) continue;
    if (auto live = known.live.lock()) return live;
  }
  auto live = std::make_shared<SessionsLive>(
      config.remember, SessionTable::Lifetimes{.known = config.ttl, .absent = LearnedSessions::kAbsentFor}, seed);
  lives_.emplace(pool, Known{.live = live, .remember = config.remember, .ttl = config.ttl});
  return live;
}

std::shared_ptr<const LearnedSessions> build_learned(const StickyConfig& config, const Pool& pool,
                                                     std::span<const shared::SipKey> keys, std::string_view service,
                                                     SessionLives& lives) {
  auto made = std::make_shared<LearnedSessions>();
  made->by = config.learn.empty() ? LearnedSessions::By::header : LearnedSessions::By::cookie;
  made->name = config.learn.empty() ? config.header : config.learn;
  made->pool = pool.name;
  for (const shared::SipKey& key : keys) made->keys.push_back(session_key(key, pool.name));
  made->ttl = config.ttl;
  made->refresh = config.refresh;
  made->wait = std::chrono::ceil<shared::milliseconds>(config.wait);
  for (std::size_t i = 0; i < pool.servers.size(); ++i) {
    made->known.push_back({server_tag(pool.servers[i].name), static_cast<std::uint16_t>(i)});
  }
  std::ranges::sort(made->known, {}, &LearnedSessions::Known::tag);
  made->order = order_of(pool, service);
  made->seed = make_hash_slots(service, {}).seed;
  std::uint64_t seed = 0;  // as secret as the key
  std::memcpy(&seed, made->keys.front().data(), sizeof seed);
  made->live = lives.of(pool.name, config, seed);
  return made;
}

}  // namespace edge
