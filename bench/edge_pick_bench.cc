// What a pick costs, by algorithm and size of the pool: all servers up, every tenth with requests in flight.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "edge/core/pool/balance.h"

namespace {

using namespace edge;

enum Kind : std::int64_t {
  round_robin,
  weighted_round_robin,
  least_connections,
  least_time,
  random_two,
  hash,
  bounded
};
constexpr const char* kNames[] = {"round_robin", "weighted_round_robin", "least_connections",      "least_time",
                                  "random_two",  "consistent_hash",      "consistent_hash_bounded"};

RandomTwo two_of(Sequence sequence) { return {std::move(sequence.order), std::move(sequence.members)}; }

Selector make(Kind kind, const std::vector<Server>& servers) {
  std::vector<std::uint16_t> weights;
  std::vector<Member> members;
  std::vector<HashMember> hashed;
  for (const Server& server : servers) {
    const auto index = static_cast<std::uint16_t>(members.size());
    members.push_back({server.id, index, server.weight});
    weights.push_back(server.weight);
    hashed.push_back({server.name, index, server.weight});
  }
  switch (kind) {
    case least_connections:
      return LeastConnections{make_compared(members)};
    case least_time:
      return LeastTime{make_compared(members)};
    case random_two:
      return two_of(make_sequence(weights));
    case hash:
    case bounded: {
      HashSlots slots = make_hash_slots("shop", hashed);
      if (kind == bounded) slots.bound_percent = 125;
      return slots;
    }
    case round_robin:
    case weighted_round_robin:
      break;
  }
  return make_sequence(weights);
}

void pick_one(benchmark::State& run) {
  const auto kind = static_cast<Kind>(run.range(0));
  const auto count = static_cast<std::uint16_t>(run.range(1));
  Pool pool;
  Addresses addresses;
  Live live;
  live.reserve(ServerId{count});
  shared::TimePoint now{std::chrono::hours(1)};
  for (std::uint16_t i = 0; i < count; ++i) {
    std::string name = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":80";
    const auto weight = static_cast<std::uint16_t>(kind == weighted_round_robin ? 1 + i % 5 : 1);
    pool.servers.push_back({std::move(name), "", 80, weight, ServerId{i}});
    addresses.set(ServerId{i}, {shared::Endpoint{shared::IpAddress::v4(0x0A000000U + i), 80}});
    ServerLive& server = live.server(ServerId{i});
    server.state.set_health(shared::HealthState::up);
    server.in_flight = i % 10 == 0 ? 1 : 0;
    server.response_time.observe(shared::milliseconds(1 + i % 3), now, shared::seconds(10));
  }
  live.pool(pool.slot).in_flight = count;
  pool.selector = make(kind, pool.servers);
  BalanceState state(1);
  shared::NullTrace trace;
  std::uint64_t key = 0;
  for (auto unused : run) {
    now += shared::nanoseconds(1000);
    const PickContext context{.live = live, .addresses = addresses, .now = now, .key = shared::mix(++key)};
    benchmark::DoNotOptimize(pick(pool, context, state, trace));
  }
  run.SetLabel(kNames[kind]);
}
BENCHMARK(pick_one)->ArgsProduct({benchmark::CreateDenseRange(round_robin, bounded, 1), {10, 32, 1000}});

}  // namespace

BENCHMARK_MAIN();
