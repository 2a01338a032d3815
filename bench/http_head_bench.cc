// What the edge's decisions cost by themselves: reading a head of 700 octets, and the whole way from head to upstream
// head.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include "edge/core/message/rewrite.h"
#include "edge/core/message/target.h"
#include "edge/core/route/route.h"
#include "shared/http/framing.h"
#include "shared/http/head.h"

namespace {

// As a browser sends it.
std::string browser_head() {
  return "GET /api/items/4711?sort=price&page=2 HTTP/1.1\r\n"
         "Host: www.shop.example\r\n"
         "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
         "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
         "Accept-Language: en-US,en;q=0.5\r\n"
         "Accept-Encoding: gzip, deflate, br, zstd\r\n"
         "Referer: https://www.shop.example/categories/garden/tools?page=1\r\n"
         "Connection: keep-alive\r\n"
         "Cookie: session=2f1d8c1e9b7a4a5f8f0e; consent=yes; theme=dark; basket=17-3-22-9\r\n"
         "Upgrade-Insecure-Requests: 1\r\n"
         "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n"
         "Priority: u=0, i\r\n\r\n";
}

edge::RouteTable routes_of(std::size_t count) {
  std::vector<edge::Route> routes(count);
  for (std::size_t i = 0; i < count; ++i) {
    routes[i].name = std::to_string(i);
    routes[i].path = i == 0 ? "/" : i == 1 ? "/api/" : "/path" + std::to_string(i) + "/";
  }
  return edge::RouteTable(std::move(routes), 1);
}

void parse_head(benchmark::State& state) {
  const std::string text = browser_head();
  http::RequestHead head;
  http::HeadParser parser;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.parse_request(text, {}, head));
    parser.reset();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse_head);

void match_route(benchmark::State& state) {
  const edge::RouteTable table = routes_of(static_cast<std::size_t>(state.range(0)));
  const http::FieldList fields;
  const edge::RequestInfo info{"www.shop.example", "/api/items/4711", http::Method::get, {}, {}, fields};
  edge::TargetScratch scratch;
  shared::NullTrace trace;
  for (auto _ : state) benchmark::DoNotOptimize(edge::match(table, info, scratch, trace));
}
BENCHMARK(match_route)->Arg(10)->Arg(10000);

void head_to_upstream_head(benchmark::State& state) {
  const std::string text = browser_head();
  const edge::RouteTable table = routes_of(20);
  const edge::Tiers tiers;
  const edge::PrefixSet trusted;
  http::RequestHead head;
  http::HeadParser parser;
  edge::TargetScratch scratch;
  shared::NullTrace trace;
  std::array<char, 4096> out;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.parse_request(text, {}, head));
    parser.reset();
    const auto target = edge::resolve_target(head, scratch);
    const auto framing = http::frame_request(head, http::kNoBodyLimit);
    const edge::Client client = edge::identify_client(shared::IpAddress::v4(0xCB007107), head.fields, trusted);
    const edge::RequestInfo info{target->host, target->path, head.method, {}, client.address, head.fields};
    const auto route = edge::match(table, info, scratch, trace);
    const edge::UpstreamRequest request{head,
                                        *target,
                                        *framing,
                                        client,
                                        tiers,
                                        {},
                                        (*route)->request_rules,
                                        "http",
                                        "0123456789abcdef0123456789abcdef"};
    benchmark::DoNotOptimize(edge::write_upstream_request(out, request));
  }
}
BENCHMARK(head_to_upstream_head);

}  // namespace

BENCHMARK_MAIN();
