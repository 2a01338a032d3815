#pragma once
// A snapshot with routes and pools made in code, the Live beside it, and requests put to decide() as their head's text;
// for tests of what becomes of a request. One thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "edge/core/decide/decide.h"
#include "edge/core/decide/explain.h"
#include "tests/edge/core/pool_world.h"

namespace edge::test {

inline PrefixSet allow_list(std::string_view prefix) {
  return PrefixSet(std::vector<shared::Prefix>{*shared::Prefix::parse(prefix)});
}

struct DecideWorld {
  Settings settings;
  std::vector<Route> routes;
  std::vector<Pool> pools;
  Addresses addresses;
  Tiers::Settings tiers;
  Live live;
  shared::TimePoint now{std::chrono::hours(100)};
  std::uint32_t servers = 0;

  // A pool of servers "NAME0", "NAME1" ..., each with an address of its own.
  Pool& add_pool(const std::string& name, Algorithm algorithm, const std::vector<std::uint16_t>& weights) {
    Pool pool;
    pool.id = pool.effective = PoolId{static_cast<std::uint32_t>(pools.size())};
    pool.slot = PoolSlot{static_cast<std::uint32_t>(pools.size())};
    pool.name = name;
    for (const std::uint16_t weight : weights) {
      const ServerId id{servers++};
      pool.servers.push_back({name + std::to_string(pool.servers.size()), "127.0.0.1", 80, weight, id});
      addresses.set(id, {shared::Endpoint{shared::IpAddress::v4(0x7F000001), 80}});
      live.reserve(id);
    }
    pool.selector = make_selector(algorithm, pool.servers);
    live.reserve(pool.slot);
    return pools.emplace_back(std::move(pool));
  }
  Route& add_route(const std::string& path, Action action) {
    Route route;
    route.id = RouteId{static_cast<std::uint32_t>(routes.size())};
    route.name = "r" + std::to_string(routes.size());
    route.path = path;
    route.action = std::move(action);
    return routes.emplace_back(std::move(route));
  }
  ServerLive& server(const Pool& pool, std::size_t index) { return live.server(pool.servers[index].id); }

  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const {
    auto made = std::make_shared<Snapshot>();
    made->settings = std::make_shared<Settings>(settings);
    made->routes = std::make_shared<RouteTable>(routes, 1);
    made->pools = std::make_shared<Pools>(pools);
    made->addresses = std::make_shared<Addresses>(addresses);
    made->tiers = std::make_shared<Tiers>(tiers);
    return made;
  }
};

// One request, with the memory that its decision's views point into.
struct Asker {
  std::string text;
  http::RequestHead head;
  TargetScratch scratch;
  shared::IpAddress peer = *shared::IpAddress::parse("198.51.100.7");
  std::shared_ptr<const Snapshot> snapshot;

  explicit Asker(const DecideWorld& world, const std::string& path = "/", std::string_view more = {})
      : Asker(world.snapshot(), path, more) {}
  Asker(std::shared_ptr<const Snapshot> over, const std::string& path, std::string_view more)
      : text("GET " + path + " HTTP/1.1\r\nHost: shop.example\r\n" + std::string(more) + "\r\n"),
        snapshot(std::move(over)) {
    http::HeadParser parser;
    EXPECT_EQ(parser.parse_request(text, {}, head), http::ParseState::complete) << text;
  }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  // As a worker does.
  Decision decide_in(DecideWorld& world, BalanceState& balance) {
    shared::NullTrace trace;
    const Asked asked{.head = head, .peer = peer, .now = world.now};
    const DecideState state{.scratch = scratch, .balance = balance};
    return decide(*snapshot, world.live, asked, state, trace);
  }
};

}  // namespace edge::test
