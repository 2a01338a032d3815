// What a limit's decision costs, by the number of clients that it tells apart, each of them in use, and the memory
// that this takes: by itself, one right after the other (`decision`), and as a request has it, in decide() with a route
// and a pool, beside the same without a limit (`request`), so that what it adds there is the difference. Beside them
// what one read costs on this machine whose place nobody could foresee (`miss`), which no decision by itself can be
// below. And what a span costs.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "edge/core/message/otlp.h"
#include "edge/core/protect/rate_limit.h"
#include "shared/core/large_pages.h"
#include "tests/edge/core/decide_world.h"

namespace {

using namespace edge;

shared::IpAddress client(std::uint64_t index) {
  return shared::IpAddress::v4(0x0A000000U + static_cast<std::uint32_t>(index));
}

LimitRuling ask(const RateLimits& limits, std::uint64_t index, shared::TimePoint now) {
  static const http::FieldList fields;  // a request's, which it has anyway
  const shared::IpAddress address = client(index);
  return rule(limits, {.client = address, .fields = fields, .host = {}, .route = {}}, now, Counting::count);
}

// Clients in an order that no cache foresees: each step is a number without a divisor in common with theirs.
void decision(benchmark::State& run) {
  const auto clients = static_cast<std::uint64_t>(run.range(0));
  RateLimitSettings settings;
  settings.name = "each";
  settings.rate = 1;
  settings.burst = 100'000;
  settings.keys = static_cast<std::uint32_t>(clients);
  LimitLives lives;
  const auto live = lives.of(settings);
  const std::size_t octets = live->cells.octets();
  RateLimits limits{std::make_shared<const RateLimit>(settings, live, 0x5DEECE66DULL)};
  auto now = shared::TimePoint{} + std::chrono::hours(1);
  for (std::uint64_t i = 0; i < clients; ++i) benchmark::DoNotOptimize(ask(limits, i, now));
  std::uint64_t at = 0;
  std::uint64_t refused = 0;
  for (auto unused : run) {
    at = (at + 514'229) % clients;
    now += std::chrono::microseconds(20);
    const LimitRuling ruling = ask(limits, at, now);
    refused += ruling.refused ? 1 : 0;
    benchmark::DoNotOptimize(ruling);
  }
  run.counters["MiB"] = static_cast<double>(octets) / 1024 / 1024;
  run.counters["refused"] = static_cast<double>(refused);
  run.counters["evicted"] = static_cast<double>(live->cells.evicted());
}
BENCHMARK(decision)->ArgName("clients")->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

// One read after the other, each at a place that the one before says, in large pages: what a miss of the cache costs.
void miss(benchmark::State& run) {
  struct alignas(64) Line {
    std::uint64_t next;
  };
  const auto lines = static_cast<std::uint64_t>(run.range(0)) << 20 >> 6;
  shared::LargePageVector<Line> memory(lines);
  std::vector<std::uint64_t> order(lines);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  for (std::uint64_t i = 0; i < lines; ++i) memory[order[i]].next = order[(i + 1) % lines];
  std::uint64_t at = 0;
  for (auto unused : run) benchmark::DoNotOptimize(at = memory[at].next);
}
BENCHMARK(miss)->ArgName("MiB")->Arg(1)->Arg(16)->Arg(32);

// A request from its parsed head to its server, of clients in the same order; 0 clients: without a limit.
void request(benchmark::State& run) {
  const auto clients = static_cast<std::uint64_t>(std::max<std::int64_t>(1, run.range(0)));
  edge::test::DecideWorld world;
  const Pool& web = world.add_pool("web", edge::test::Algorithm::round_robin, {1, 1});
  world.add_route("/", web.id);
  world.add_route("/api", web.id);
  LimitLives lives;
  RateLimitSettings settings{.name = "each", .rate = 1, .burst = 100'000, .keys = static_cast<std::uint32_t>(clients)};
  if (run.range(0) > 0) {
    auto live = lives.of(settings);
    world.routes[0].limits = {std::make_shared<const RateLimit>(settings, std::move(live), 0x5DEECE66DULL)};
  }
  edge::test::Asker asker(world, "/cart?item=1",
                          "User-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nCookie: a=1\r\n");
  BalanceState balance;
  std::uint64_t at = 0;
  const auto one = [&] {
    at = (at + 514'229) % clients;
    world.now += std::chrono::microseconds(20);
    asker.peer = client(at);
    benchmark::DoNotOptimize(asker.decide_in(world, balance));
  };
  for (std::uint64_t i = 0; i < clients; ++i) one();
  for (auto unused : run) one();
}
BENCHMARK(request)->ArgName("clients")->Arg(0)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

void write_span(benchmark::State& run) {
  std::string out;
  for (auto unused : run) {
    out.clear();
    SpanWriter span(out, {.trace = "4bf92f3577b34da6a3ce929d0e0e4736",
                          .span = "00f067aa0ba902b7",
                          .parent = "b7ad6b7169203331",
                          .name = "GET /api",
                          .began_ns = 1'700'000'000'000'000'000,
                          .ended_ns = 1'700'000'000'001'000'000});
    span.text("http.request.method", "GET");
    span.text("url.scheme", "https");
    span.text("url.path", "/api/cart/items");
    span.text("http.route", "/api");
    span.text("server.address", "www.shop.example");
    span.text("client.address", "198.51.100.7");
    span.text("network.peer.address", "198.51.100.7");
    span.text("network.protocol.name", "http");
    span.text("network.protocol.version", "1.1");
    span.text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
    span.text("meridian.route", "api");
    span.text("meridian.pool", "web");
    span.number("http.response.status_code", 200);
    benchmark::DoNotOptimize(out.data());
  }
  run.counters["octets"] = static_cast<double>(out.size());
}
BENCHMARK(write_span);

}  // namespace

BENCHMARK_MAIN();
