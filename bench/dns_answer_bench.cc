// What one answer() call costs: user time alone, no sockets. Zones of 100 and 1,000,000 names, static data, names that
// do not exist, answers whose data are names, policy names with random client subnets. Packets are made beforehand; the
// look-ups are random.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dns/core/answer/answer.h"
#include "dns/core/zone/zone.h"
#include "dns/core/zone/zone_builder.h"
#include "tests/support/dns_ask.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace {

using test::Bytes;

// Enough to spread over a large zone; few where only the work itself is to be seen (a server's packets are warm).
[[nodiscard]] std::size_t packet_count(std::size_t names) { return names > 1000 ? 1 << 16 : 1 << 8; }

[[nodiscard]] std::string host(std::size_t i) { return "host" + std::to_string(i) + ".example.com"; }

[[nodiscard]] dns::Snapshot snapshot_of(std::shared_ptr<const dns::Zone> zone) {
  dns::Snapshot snapshot;
  snapshot.zones = std::make_shared<dns::ZoneSet>(std::vector<std::shared_ptr<const dns::Zone>>{std::move(zone)});
  return snapshot;
}

[[nodiscard]] std::shared_ptr<const dns::Zone> big_zone(std::size_t names) {
  dns::ZoneBuilder builder(dns::Name::from_text("example.com").value());
  const Bytes apex = test::wire_name("example.com");
  const Bytes server = test::wire_name("ns.example.org");
  Bytes soa = server;
  test::append(soa, server);
  test::append(soa, Bytes(20));
  (void)builder.add({apex, dns::RrType::soa, dns::RrClass::in, 60, soa, 1});
  (void)builder.add({apex, dns::RrType::ns, dns::RrClass::in, 60, server, 2});
  for (std::size_t i = 0; i < names; ++i) {
    Bytes address;
    test::append_u32(address, static_cast<std::uint32_t>(i));
    (void)builder.add({test::wire_name(host(i)), dns::RrType::a, dns::RrClass::in, 60, address, 3});
  }
  return builder.finish().zone;
}

[[nodiscard]] std::vector<Bytes> packets_for(std::size_t names, const char* prefix) {
  std::mt19937_64 random(1);
  std::vector<Bytes> packets;
  for (std::size_t i = 0; i < packet_count(names); ++i) {
    test::QueryBuilder query;
    query.name = prefix + host(random() % names);
    packets.push_back(query.build());
  }
  return packets;
}

void answer_all(benchmark::State& state, const dns::Snapshot& snapshot, const std::vector<Bytes>& packets) {
  std::vector<std::uint8_t> out(dns::kMaxMessageSize);
  dns::NullTrace trace;
  const test::Asker asker{.client = shared::IpAddress::v4(0xC0000201)};
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(test::answer_packet(snapshot, packets[next++ % packets.size()], asker, out, trace));
  }
}

void static_names(benchmark::State& state) {
  const auto names = static_cast<std::size_t>(state.range(0));
  const dns::Snapshot snapshot = snapshot_of(big_zone(names));
  answer_all(state, snapshot, packets_for(names, ""));
}
BENCHMARK(static_names)->Arg(100)->Arg(1000000);

void names_that_do_not_exist(benchmark::State& state) {
  const auto names = static_cast<std::size_t>(state.range(0));
  const dns::Snapshot snapshot = snapshot_of(big_zone(names));
  answer_all(state, snapshot, packets_for(names, "no"));
}
BENCHMARK(names_that_do_not_exist)->Arg(100)->Arg(1000000);

// Answers whose data are names of the zone itself: what is written shorter, and read again for additional data.
void data_of_names(benchmark::State& state, const char* name, dns::RrType type) {
  const dns::Snapshot snapshot = snapshot_of(test::zone_of(
      {.apex = "example.com",
       .lines = {"@ 3600 SOA ns1 hostmaster 1 2 3 4 300", "@ 3600 NS ns1", "@ 3600 NS ns2", "@ 3600 MX 10 mail",
                 "@ 3600 MX 20 mail2", "ns1 3600 A 192.0.2.1", "ns2 3600 A 192.0.2.2", "mail 3600 A 192.0.2.3",
                 "mail2 3600 A 192.0.2.4", "www 300 CNAME web", "web 300 CNAME host", "host 300 A 192.0.2.5",
                 "child 3600 NS ns1.child", "child 3600 NS ns2.child", "ns1.child 3600 A 192.0.2.6",
                 "ns2.child 3600 A 192.0.2.7", "*.wild 300 CNAME host", "old 300 DNAME new", "x.new 300 A 192.0.2.8"},
       .policies = {}}));
  test::QueryBuilder query;
  query.name = name;
  query.type = type;
  answer_all(state, snapshot, {query.build()});
}
BENCHMARK_CAPTURE(data_of_names, nxdomain, "no.example.com", dns::RrType::a);
BENCHMARK_CAPTURE(data_of_names, ns, "example.com", dns::RrType::ns);
BENCHMARK_CAPTURE(data_of_names, mx, "example.com", dns::RrType::mx);
BENCHMARK_CAPTURE(data_of_names, soa, "example.com", dns::RrType::soa);
BENCHMARK_CAPTURE(data_of_names, chain, "www.example.com", dns::RrType::a);
BENCHMARK_CAPTURE(data_of_names, referral, "www.child.example.com", dns::RrType::a);
BENCHMARK_CAPTURE(data_of_names, wildcard, "a.wild.example.com", dns::RrType::a);
BENCHMARK_CAPTURE(data_of_names, dname, "x.old.example.com", dns::RrType::a);

void policy_name_with_random_subnets(benchmark::State& state) {
  const dns::Snapshot snapshot = test::example_world();
  std::mt19937 random(1);
  std::vector<Bytes> packets;
  for (std::size_t i = 0; i < packet_count(1 << 16); ++i) {
    test::QueryBuilder query;
    query.subnet(shared::IpAddress::v4(static_cast<std::uint32_t>(random()) & 0xFFFFFF00).to_string() + "/24");
    packets.push_back(query.build());
  }
  answer_all(state, snapshot, packets);
}
BENCHMARK(policy_name_with_random_subnets);

// Parsed, looked up, then answered, sixteen at a time: as a worker does.
void static_names_in_batches(benchmark::State& state) {
  constexpr std::size_t kBatch = 16;
  const auto names = static_cast<std::size_t>(state.range(0));
  const dns::Snapshot snapshot = snapshot_of(big_zone(names));
  const std::vector<Bytes> packets = packets_for(names, "");
  std::vector<dns::Query> queries(kBatch);
  std::vector<dns::Found> found(kBatch);
  const std::vector<shared::IpAddress> clients(kBatch, shared::IpAddress::v4(0xC0000201));
  std::vector<std::uint8_t> out(dns::kMaxMessageSize);
  dns::NullTrace trace;
  std::size_t next = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      new (&queries[i]) dns::Query(dns::parse_query(packets[(next + i) % packets.size()]));
    }
    dns::look_up(snapshot, queries, clients, found);
    for (std::size_t i = 0; i < kBatch; ++i) {
      benchmark::DoNotOptimize(dns::answer(snapshot, test::request_of(queries[i], found[i], {}), out, trace));
    }
    next += kBatch;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kBatch));
}
BENCHMARK(static_names_in_batches)->Arg(100)->Arg(1000000);

// Records into a zone: everything but reading the file.
void build_zone(benchmark::State& state) {
  std::size_t memory = 0;
  for (auto _ : state) memory = big_zone(static_cast<std::size_t>(state.range(0)))->memory();
  state.counters["MiB"] = static_cast<double>(memory) / (1 << 20);
}
BENCHMARK(build_zone)->Arg(1000000)->Unit(benchmark::kMillisecond)->Iterations(3);

}  // namespace

BENCHMARK_MAIN();
