#pragma once
// A pool of servers "a0", "a1" ... with ids 0, 1 ..., each with an address, and the Live beside it; for tests of
// balancing. One thread makes it; picks may come from several.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "edge/core/pool/balance.h"
#include "tests/support/at_once.h"

namespace edge::test {

enum class Algorithm { round_robin, least_connections, least_time, random_two, hash };
inline constexpr Algorithm kAlgorithms[] = {Algorithm::round_robin, Algorithm::least_connections, Algorithm::least_time,
                                            Algorithm::random_two, Algorithm::hash};

inline RandomTwo two_of(Sequence sequence) { return {std::move(sequence.order), std::move(sequence.members)}; }

inline Selector make_selector(Algorithm algorithm, const std::vector<Server>& servers) {
  std::vector<std::uint16_t> weights;
  std::vector<Member> members;
  std::vector<HashMember> hashed;
  for (const Server& server : servers) {
    const auto index = static_cast<std::uint16_t>(members.size());
    weights.push_back(server.weight);
    members.push_back({server.id, index, server.weight});
    hashed.push_back({server.name, index, server.weight});
  }
  switch (algorithm) {
    case Algorithm::round_robin:
      return make_sequence(weights);
    case Algorithm::least_connections:
      return LeastConnections{make_compared(members)};
    case Algorithm::least_time:
      return LeastTime{make_compared(members)};
    case Algorithm::random_two:
      return two_of(make_sequence(weights));
    case Algorithm::hash:
      break;
  }
  return make_hash_slots("shop", hashed);
}

struct PoolWorld {
  Pool pool;
  Addresses addresses;
  Live live;
  std::vector<ServerId> tried;
  shared::TimePoint now{std::chrono::hours(100)};

  PoolWorld(Algorithm algorithm, const std::vector<std::uint16_t>& weights) {
    for (std::uint16_t i = 0; i < weights.size(); ++i) {
      std::string name = "a";
      name += std::to_string(i);
      pool.servers.push_back({std::move(name), "127.0.0.1", 80, weights[i], ServerId{i}});
      addresses.set(ServerId{i}, {shared::Endpoint{shared::IpAddress::v4(0x7F000001), 80}});
    }
    pool.selector = make_selector(algorithm, pool.servers);
    live.reserve(ServerId{static_cast<std::uint32_t>(weights.size())});
  }
  ServerLive& server(std::size_t index) { return live.server(ServerId{static_cast<std::uint32_t>(index)}); }
  [[nodiscard]] PickContext context(std::uint64_t key = 0) const {
    return {.live = live, .addresses = addresses, .tried = tried, .now = now, .key = key};
  }
  // The index of the picked server, or -1.
  int pick_one(BalanceState& state, std::uint64_t key = 0) const {
    shared::NullTrace trace;
    const Server* server = pick(pool, context(key), state, trace);
    return server == nullptr ? -1 : static_cast<int>(server->id);
  }
  // How often each was picked by so many picks, whose keys are 1, 2, 3 ...; nothing is ever in flight.
  [[nodiscard]] std::vector<int> shares(BalanceState& state, int picks) const {
    std::vector<int> counts(pool.servers.size(), 0);
    for (int i = 1; i <= picks; ++i) {
      const int index = pick_one(state, shared::mix(static_cast<std::uint64_t>(i)));
      if (index >= 0) ++counts[static_cast<std::size_t>(index)];
    }
    return counts;
  }
};

// What is picked stays in flight: the loads must fill up in the weights' proportions, from any number of workers.
inline void fill(PoolWorld& world, unsigned workers, int picks_each) {
  ::test::at_once(workers, [&world, picks_each](unsigned worker) {
    BalanceState state(worker * 7919);
    for (int i = 0; i < picks_each; ++i) {
      const int index = world.pick_one(state, shared::mix(std::uint64_t{worker} << 32U | static_cast<unsigned>(i)));
      if (index >= 0) world.server(static_cast<std::size_t>(index)).in_flight.fetch_add(1);
    }
  });
}

}  // namespace edge::test
