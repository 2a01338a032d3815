#include "edge/serve/control/report.h"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "edge/core/pool/learned_sessions.h"
#include "edge/core/protect/connection_bound.h"
#include "edge/core/route/mirror_rule.h"
#include "tests/edge/serve/sealed.h"

namespace edge::report_test {
namespace {

// Every count has a value that no other one has, and two workers have counted: one that is told in another's place, or
// of one worker alone, is seen.
class ReportTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kSecond = 1000;  // what the second worker has counted for each of the first one's

  ReportTest() {
    settings_.identity = {.service = "shop", .region = "eu", .node = "192.0.2.1"};
    pool_.name = "web";
    pool_.bounded = true;
    pool_.servers.push_back({.name = "a:80", .host = "a", .port = 80, .weight = 7, .id = ServerId{0}});
    pool_.servers.push_back({.name = "b:80", .host = "b", .port = 80, .weight = 8, .id = ServerId{1}});
    live_.reserve(ServerId{1});
    addresses_.set(ServerId{0}, {{*shared::IpAddress::parse("192.0.2.10"), 80}});
    Route plain;
    plain.name = "plain";
    plain.action = PoolId{0};
    routes_.push_back(std::move(plain));
  }

  // The workers, once all is as it should be; their counters are for whoever has not started them.
  void make() {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->settings = std::make_shared<Settings>(settings_);
    snapshot->routes = std::make_shared<RouteTable>(routes_, 1);
    snapshot->pools = std::make_shared<Pools>(std::vector<Pool>{pool_});
    snapshot->addresses = std::make_shared<Addresses>(addresses_);
    snapshot->tiers = std::make_shared<Tiers>();
    snapshot->limits = std::make_shared<const RateLimits>(limits_);
    snapshot->access = std::make_shared<const AccessLists>(access_);
    snapshot->auth = std::make_shared<const AuthPolicies>(auth_);
    snapshot->listeners = std::make_shared<const PoolListeners>(listeners_);
    snapshot->generation = 42;
    snapshot_ = std::move(snapshot);
    for (const std::size_t memory : {30U, 400U}) {
      WorkerSettings of_worker;
      of_worker.name = "worker";
      of_worker.clients.max_memory = memory;
      workers_.push_back(
          std::make_unique<Worker>(of_worker, live_, nullptr, snapshot_, [](std::shared_ptr<const Snapshot>) {}));
      seen_.push_back(workers_.back().get());
    }
  }
  Counters& counters(std::size_t worker) { return const_cast<Counters&>(workers_[worker]->counters()); }
  ServerCounters& server(std::size_t worker, std::uint32_t id) {
    return const_cast<ServerCounterTable&>(workers_[worker]->servers()).of(ServerId{id}, 0);
  }
  // The sum over both workers, and no other counter's.
  template <class Which>
  std::uint64_t count(Which which) {
    ++last_;
    which(counters(0)).add(last_);
    which(counters(1)).add(last_ * kSecond);
    return last_ * (kSecond + 1);
  }
  std::uint64_t set(std::atomic<std::uint64_t>& one) { return one = ++last_; }
  std::uint64_t set(std::atomic<std::uint32_t>& one) {
    ++last_;
    one = static_cast<std::uint32_t>(last_);
    return last_;
  }

  [[nodiscard]] ReportSource source() const {
    return {.snapshot = *snapshot_, .live = live_, .workers = seen_, .access_log_dropped = 77, .process = {}};
  }
  // Samples by what stands before their value.
  [[nodiscard]] std::map<std::string, std::string> metrics() const {
    std::map<std::string, std::string> samples;
    const std::string text = metrics_text(source());
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      if (line.starts_with("#")) continue;
      const std::size_t space = line.rfind(' ');
      EXPECT_TRUE(samples.emplace(line.substr(0, space), line.substr(space + 1)).second) << "twice: " << line;
    }
    return samples;
  }
  [[nodiscard]] boost::json::object status() const { return boost::json::parse(status_json(source())).as_object(); }
  // All that is wanted is told in these words.
  void expect_metrics(const std::map<std::string, std::uint64_t>& wanted) const {
    const auto told = metrics();
    for (const auto& [name, value] : wanted) {
      const auto found = told.find(name);
      ASSERT_NE(found, told.end()) << name;
      EXPECT_EQ(found->second, std::to_string(value)) << name;
    }
  }
  static void expect_json(const boost::json::object& told, const std::map<std::string, std::uint64_t>& wanted) {
    for (const auto& [name, value] : wanted) {
      const auto* const found = told.if_contains(name);
      ASSERT_NE(found, nullptr) << name << " in " << told;
      EXPECT_EQ(found->to_number<std::uint64_t>(), value) << name;
    }
  }
  // Of `array`, the only element.
  static boost::json::object only(const boost::json::value& array) {
    EXPECT_EQ(array.as_array().size(), 1U) << array;
    return array.at(0).as_object();
  }

  Settings settings_;
  Pool pool_;
  std::vector<Route> routes_;
  Addresses addresses_;
  RateLimits limits_;
  AccessLists access_;
  AuthPolicies auth_;
  PoolListeners listeners_;
  Live live_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<const Worker*> seen_;
  std::uint64_t last_ = 0;
};

TEST_F(ReportTest, EachCounterOfTheWorkersIsToldUnderItsName) {
  make();
  const std::vector<std::pair<std::string, shared::Counter Counters::*>> all{
      {"connections_total", &Counters::connections},
      {"connections", &Counters::connections_open},
      {"connections_refused_total", &Counters::connections_refused},
      {"memory_bytes", &Counters::memory_used},
      {"memory_mapped_bytes", &Counters::memory_mapped},
      {"memory_refused_total", &Counters::memory_refused},
      {"h2_connections_total", &Counters::h2_connections},
      {"h2_connections", &Counters::h2_connections_open},
      {"h2_streams_total", &Counters::h2_streams},
      {"h2_streams", &Counters::h2_streams_open},
      {"h2_streams_refused_total", &Counters::h2_refused_streams},
      {"h2_abusers_total", &Counters::h2_abusers},
      {"files_total", &Counters::files},
      {"files_cold_total", &Counters::files_cold},
      {"files_cut_total", &Counters::files_cut},
      {"compressing", &Counters::encoding_open},
      {"compression_refused_total", &Counters::encoding_refused},
      {"early_hints_total", &Counters::early_hints},
      {"maintenance_shadowed_total", &Counters::maintenance_shadowed},
      {"requests_total", &Counters::requests},
      {"requests_in_flight", &Counters::in_flight},
      {"tunnels_total", &Counters::tunnels},
      {"tunnels", &Counters::tunnels_open},
      {"retries_total", &Counters::retries},
      {"upstream_connects_total", &Counters::upstream_connects},
      {"upstream_reuses_total", &Counters::upstream_reuses},
      {"h2_upstream_connections_total", &Counters::h2_upstreams},
      {"h2_upstream_connections", &Counters::h2_upstreams_open},
      {"h2_upstream_streams_total", &Counters::h2_upstream_streams},
      {"h2_upstream_unprocessed_total", &Counters::h2_upstream_unprocessed},
      {"h2_upstream_goaways_total", &Counters::h2_upstream_goaways},
      {"request_body_bytes_total", &Counters::octets_in},
      {"datagrams_dropped_total", &Counters::datagrams_dropped},
      {"response_bytes_total", &Counters::octets_out},
      {"connections_evicted_total{state=\"head\"}", &Counters::evicted_head},
      {"connections_evicted_total{state=\"slow\"}", &Counters::evicted_slow},
      {"connections_evicted_total{state=\"idle\"}", &Counters::evicted_idle},
      {"proxy_headers_total{result=\"client\"}", &Counters::proxy_client},
      {"proxy_headers_total{result=\"local\"}", &Counters::proxy_local},
      {"proxy_headers_total{result=\"bad\"}", &Counters::proxy_bad},
      {"proxy_headers_total{result=\"late\"}", &Counters::proxy_late},
      {"proxy_headers_total{result=\"unsaid\"}", &Counters::proxy_unsaid},
      {"proxy_headers_total{result=\"unlisted\"}", &Counters::proxy_unlisted},
      {"h2_resets_total{by=\"client\"}", &Counters::h2_resets_received},
      {"h2_resets_total{by=\"edge\"}", &Counters::h2_resets_sent},
      {"h2_goaways_total{reason=\"graceful\"}", &Counters::h2_goaways_graceful},
      {"h2_goaways_total{reason=\"calm\"}", &Counters::h2_goaways_calm},
      {"h2_goaways_total{reason=\"error\"}", &Counters::h2_goaways_error},
      {"tunnel_bytes_total{direction=\"in\"}", &Counters::tunnel_octets_in},
      {"tunnel_bytes_total{direction=\"out\"}", &Counters::tunnel_octets_out},
      {"compression_bytes_total{direction=\"in\"}", &Counters::encoding_in},
      {"compression_bytes_total{direction=\"out\"}", &Counters::encoding_out}};
  std::map<std::string, std::uint64_t> wanted{{"meridian_edge_memory_limit_bytes", 430},
                                              {"meridian_edge_generation", 42},
                                              {"meridian_edge_access_log_dropped_total", 77},
                                              {"meridian_edge_region_up{region=\"eu\"}", 1}};
  for (const auto& [name, member] : all) {
    wanted["meridian_edge_" + name] = count([&](Counters& of) -> shared::Counter& { return of.*member; });
  }
  expect_metrics(wanted);
}

TEST_F(ReportTest, WhatIsCountedByKindIsToldByThatKind) {
  make();
  std::map<std::string, std::uint64_t> wanted;
  const auto kinds = [&](const std::string& family, auto member, std::size_t first,
                         const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      wanted["meridian_edge_" + family + "=\"" + names[i] + "\"}"] =
          count([&](Counters& of) -> shared::Counter& { return (of.*member)[first + i]; });
    }
  };
  kinds("responses_total{class", &Counters::responses, 0, {"none", "1xx", "2xx", "3xx", "4xx", "5xx"});
  std::vector<std::string> errors;
  for (std::size_t i = 0; i < kErrorKinds; ++i) errors.emplace_back(name_of(static_cast<ErrorKind>(i)));
  kinds("errors_total{kind", &Counters::errors, 0, errors);
  kinds("tunnel_ends_total{reason", &Counters::tunnel_ends, 0, {"client", "server", "idle", "drain", "broken"});
  kinds("compressed_total{coding", &Counters::encoded, 1, {"gzip", "br", "zstd"});
  std::vector<std::string> failures;
  for (std::size_t i = 1; i < shared::kTlsFailures; ++i)
    failures.emplace_back(to_string(static_cast<shared::TlsFailure>(i)));
  kinds("tls_handshakes_failed_total{reason", &Counters::handshakes_failed, 1, failures);
  kinds("upstream_tls_handshakes_failed_total{reason", &Counters::upstream_handshakes_failed, 1, failures);
  std::vector<std::string> verdicts;
  for (std::size_t i = 1; i < kCacheVerdicts; ++i) verdicts.emplace_back(name_of(static_cast<CacheVerdict>(i)));
  kinds("cache_requests_total{result", &Counters::cache, 1, verdicts);
  for (const auto& [family, member] : {std::pair("tls_handshakes_total", &Counters::handshakes),
                                       std::pair("upstream_tls_handshakes_total", &Counters::upstream_handshakes)}) {
    for (std::size_t version = 0; version < 2; ++version) {
      for (std::size_t resumed = 0; resumed < 2; ++resumed) {
        const std::string labels = std::string("{version=\"") + (version == 0 ? "1.2" : "1.3") + "\",resumed=\"" +
                                   (resumed == 0 ? "false" : "true") + "\"}";
        wanted[std::string("meridian_edge_") + family + labels] =
            count([&](Counters& of) -> shared::Counter& { return (of.*member)[version][resumed]; });
      }
    }
  }
  const std::size_t told = metrics().size();
  expect_metrics(wanted);
  EXPECT_EQ(metrics().size(), told);
}

TEST_F(ReportTest, SessionsOfTcpAndOfUdpAreToldApart) {
  make();
  std::map<std::string, std::uint64_t> wanted;
  for (std::size_t i = 0; i < kTransports; ++i) {
    const std::string protocol = i == 0 ? "protocol=\"tcp\"" : "protocol=\"udp\"";
    const auto sessions = [&](shared::Counter SessionCounters::* member) {
      return count([&](Counters& of) -> shared::Counter& { return of.sessions[i].*member; });
    };
    wanted["meridian_edge_sessions_total{" + protocol + "}"] = sessions(&SessionCounters::begun);
    wanted["meridian_edge_sessions{" + protocol + "}"] = sessions(&SessionCounters::open);
    wanted["meridian_edge_session_bytes_total{" + protocol + ",direction=\"in\"}"] =
        sessions(&SessionCounters::octets_in);
    wanted["meridian_edge_session_bytes_total{" + protocol + ",direction=\"out\"}"] =
        sessions(&SessionCounters::octets_out);
    for (std::size_t n = 0; n < 2 + i; ++n) {
      counters(0).sessions[i].duration.record(100);
      counters(1).sessions[i].duration.record(100);
    }
    wanted["meridian_edge_session_duration_seconds_count{" + protocol + "}"] = 4 + 2 * i;
  }
  counters(0).duration.record(1);
  counters(1).duration.record(1);
  counters(1).duration.record(1);
  wanted["meridian_edge_request_duration_seconds_count"] = 3;
  expect_metrics(wanted);
}

TEST_F(ReportTest, TheStatusTellsOfEachWorker) {
  make();
  counters(0).connections_open.add(1);
  counters(0).in_flight.add(2);
  counters(0).requests.add(3);
  counters(0).sessions[0].open.add(4);
  counters(0).sessions[1].open.add(5);
  counters(1).requests.add(30);
  const auto told = status();
  ASSERT_EQ(told.at("workers").as_array().size(), 2U);
  expect_json(told.at("workers").at(0).as_object(),
              {{"connections", 1}, {"in_flight", 2}, {"requests", 3}, {"tcp_sessions", 4}, {"udp_sessions", 5}});
  expect_json(told.at("workers").at(1).as_object(),
              {{"connections", 0}, {"in_flight", 0}, {"requests", 30}, {"tcp_sessions", 0}, {"udp_sessions", 0}});
  EXPECT_EQ(told.at("service"), "shop");
  EXPECT_EQ(told.at("region"), "eu");
  EXPECT_EQ(told.at("node"), "192.0.2.1");
  EXPECT_EQ(told.at("generation"), 42);
  EXPECT_EQ(told.at("routes"), 1);
  EXPECT_EQ(told.at("state"), "up");
  for (const char* absent : {"mirrors", "scaler", "certificates", "override"}) EXPECT_FALSE(told.contains(absent));
}

TEST_F(ReportTest, EachCountOfAServerIsToldUnderItsName) {
  pool_.breaker.mode = shared::Mode::enforce;
  make();
  ServerLive& live = live_.server(ServerId{1});
  const std::string at = "{pool=\"web\",server=\"b:80\"}";
  std::map<std::string, std::uint64_t> wanted{{"meridian_edge_server_up" + at, 0},
                                              {"meridian_edge_server_up{pool=\"web\",server=\"a:80\"}", 1},
                                              {"meridian_edge_server_ejected" + at, 0},
                                              {"meridian_edge_server_degraded" + at, 0}};
  wanted["meridian_edge_server_in_flight" + at] = set(live.in_flight);
  wanted["meridian_edge_server_requests_total" + at] = set(live.requests);
  wanted["meridian_edge_server_failures_total" + at] = set(live.failures);
  wanted["meridian_edge_server_ejections_total" + at] = set(live.ejections);
  wanted["meridian_edge_server_breaker_opened_total" + at] = set(live.breaker_opened);
  wanted["meridian_edge_server_breaker_shadowed_total" + at] = set(live.breaker_shadowed);
  std::uint64_t retries = 0;
  for (const std::size_t worker : {0U, 1U}) {
    ServerCounters& seen = server(worker, 1);
    for (std::size_t i = 0; i < 6; ++i) seen.responses[i].add((i + 1) * (worker == 0 ? 1 : kSecond));
    seen.retries.add(50 + worker);
    retries += 50 + worker;
    seen.latency.record(1000);
  }
  const std::vector<std::string> classes{"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 0; i < classes.size(); ++i) {
    wanted["meridian_edge_server_responses_total{pool=\"web\",server=\"b:80\",class=\"" + classes[i] + "\"}"] =
        (i + 1) * (kSecond + 1);
  }
  wanted["meridian_edge_server_retries_total" + at] = retries;
  wanted["meridian_edge_server_latency_seconds_count" + at] = 2;
  expect_metrics(wanted);

  const auto told = only(status().at("pools")).at("servers").at(1).as_object();
  expect_json(told, {{"weight", 8},
                     {"in_flight", live.in_flight},
                     {"requests", live.requests},
                     {"failures", live.failures},
                     {"retries", retries},
                     {"ejections", live.ejections},
                     {"breaker_opened", live.breaker_opened}});
  EXPECT_EQ(told.at("server"), "b:80");
  EXPECT_EQ(told.at("health"), "unchecked");
  EXPECT_EQ(told.at("breaker"), "closed");
  EXPECT_GT(told.at("p50_us").as_int64(), 900);
  EXPECT_GT(told.at("p99_us").as_int64(), 900);

  live.state.set_health(shared::HealthState::degraded, kFullShare / 4);
  expect_metrics({{"meridian_edge_server_degraded" + at, 1}});
  live.state.set_ejected(true);
  expect_metrics({{"meridian_edge_server_ejected" + at, 1}});
}

TEST_F(ReportTest, ACheckedServerHasItsHealthAndItsAddresses) {
  pool_.checks.resize(1);
  make();
  live_.server(ServerId{0}).state.set_health(shared::HealthState::down);
  const auto told = only(status().at("pools")).at("servers");
  EXPECT_EQ(told.at(0).at("health"), "down");
  EXPECT_EQ(told.at(0).at("addresses"), boost::json::array({"192.0.2.10:80"}));
  EXPECT_EQ(told.at(1).at("health"), "unknown");
  EXPECT_EQ(told.at(1).at("addresses"), boost::json::array());
}

TEST_F(ReportTest, EachCountOfAPoolIsToldUnderItsName) {
  pool_.adaptive.mode = shared::Mode::shadow;
  make();
  PoolLive& live = live_.pool(PoolSlot{0});
  live.panic = true;
  std::map<std::string, std::uint64_t> wanted{{"meridian_edge_pool_panic{pool=\"web\"}", 1}};
  std::map<std::string, std::uint64_t> told_of_pool;
  std::map<std::string, std::uint64_t> told_of_overload;
  const auto is = [&](const std::string& name, auto& one) {
    return wanted["meridian_edge_pool_" + name + "{pool=\"web\"}"] = set(one);
  };
  told_of_pool["retries"] = is("retries_total", live.retries);
  told_of_pool["hedges"] = is("hedges_total", live.hedges);
  is("hedges_won_total", live.hedges_won);
  is("hedges_shadowed_total", live.hedges_shadowed);
  told_of_pool["last_resorts"] = is("last_resorts_total", live.last_resorts);
  told_of_pool["breakers_held"] = is("breakers_held_total", live.breakers_held);
  told_of_pool["retries_refused"] = is("budget_refusals_total", live.budget_refusals);
  told_of_overload["in_flight"] = is("in_flight", live.in_flight);
  is("capacity", live.capacity);
  is("adaptive_limit", live.limit);
  told_of_overload["waiting"] = is("waiting", live.waiting);
  told_of_overload["queued"] = is("queued_total", live.queued);
  told_of_overload["queue_timeouts"] = is("queue_timeouts_total", live.queue_timeouts);
  told_of_overload["pushed_out"] = is("pushed_out_total", live.pushed_out);
  told_of_overload["turned_away"] = is("turned_away_total", live.turned_away);
  told_of_overload["shed"] = is("shed_total", live.shed);
  told_of_overload["shed_shadowed"] = is("shed_shadowed_total", live.shed_shadowed);
  set(live.floor_us);
  set(live.mean_us);
  expect_metrics(wanted);

  const auto told = only(status().at("pools"));
  expect_json(told, told_of_pool);
  EXPECT_EQ(told.at("panic"), true);
  EXPECT_EQ(told.at("critical"), false);
  EXPECT_FALSE(told.contains("tls"));
  EXPECT_FALSE(told.contains("stands_for_it"));
  expect_json(told.at("overload").as_object(), told_of_overload);
  const auto adaptive = told.at("overload").at("adaptive").as_object();
  EXPECT_EQ(adaptive.at("mode"), "shadow");
  expect_json(adaptive, {{"limit", live.limit}, {"floor_us", live.floor_us}, {"mean_us", live.mean_us}});
}

TEST_F(ReportTest, APoolWithoutABoundTellsOfNone) {
  pool_.bounded = false;
  make();
  EXPECT_FALSE(metrics().contains("meridian_edge_pool_in_flight{pool=\"web\"}"));
  EXPECT_FALSE(only(status().at("pools")).contains("overload"));
  EXPECT_EQ(status().at("capacity_in_use").at("reason"), "no pool bounds its requests in flight");
}

TEST_F(ReportTest, TheShareOfItsPlacesThatIsInUse) {
  pool_.servers.pop_back();
  pool_.servers[0].max_in_flight = 8;
  make();
  live_.server(ServerId{0}).in_flight = 3;
  live_.pool(PoolSlot{0}).in_flight = 3;
  const auto told = status().at("capacity_in_use");
  EXPECT_EQ(told.at("share"), 0.375);
  EXPECT_EQ(told.at("reason"), "pool web: 3 of 8 requests in flight, by max_in_flight");
  const auto overload = only(status().at("pools")).at("overload");
  EXPECT_EQ(overload.at("in_use"), 0.375);
  EXPECT_EQ(overload.at("capacity"), 8);
  EXPECT_EQ(overload.at("by"), "max_in_flight");
  EXPECT_FALSE(overload.as_object().contains("adaptive"));
}

TEST_F(ReportTest, EachCountOfALimitIsToldUnderItsName) {
  auto live = std::make_shared<LimitLive>(4);
  limits_.push_back(std::make_shared<const RateLimit>(
      RateLimitSettings{.name = "api", .mode = shared::Mode::shadow, .rate = 2, .burst = 3}, live, 1));
  make();
  const auto is = [&](const std::string& ruling, std::atomic<std::uint64_t>& one) {
    return std::pair("meridian_edge_limit_requests_total{limit=\"api\",ruling=\"" + ruling + "\"}", set(one));
  };
  expect_metrics({is("passed", live->passed),
                  is("delayed", live->delayed),
                  is("rejected", live->rejected),
                  is("shadowed", live->shadowed),
                  {"meridian_edge_limit_keys_evicted_total{limit=\"api\"}", 0}});
  const auto told = only(status().at("limits"));
  EXPECT_EQ(told.at("name"), "api");
  EXPECT_EQ(told.at("mode"), "shadow");
  EXPECT_EQ(told.at("policy").as_string(), limits_[0]->policy());
  EXPECT_TRUE(told.at("region").is_null());
  expect_json(told, {{"passed", live->passed},
                     {"delayed", live->delayed},
                     {"rejected", live->rejected},
                     {"shadowed", live->shadowed},
                     {"keys", live->cells.capacity()},
                     {"evicted", 0}});
}

TEST_F(ReportTest, EachCountOfWhoMayIsToldUnderItsName) {
  auto access = std::make_shared<AccessLive>();
  access_.push_back(std::make_shared<const AccessList>(
      AccessSettings{.name = "office", .mode = shared::Mode::shadow, .allow = {*shared::Prefix::parse("10.0.0.0/8")}},
      access));
  auto auth = std::make_shared<AuthLive>();
  auth_.push_back(
      std::make_shared<const AuthPolicy>(AuthSettings{.name = "staff", .realm = "staff", .user_field = {}, .by = {}},
                                         auth, CredentialKeys{shared::SipKey{1}, shared::SipKey{2}}));
  make();
  std::map<std::string, std::uint64_t> wanted;
  const auto is = [&](const std::string& name, std::atomic<std::uint64_t>& one) {
    wanted["meridian_edge_" + name + "\"}"] = set(one);
  };
  is("access_requests_total{list=\"office\",ruling=\"allowed", access->allowed);
  is("access_requests_total{list=\"office\",ruling=\"denied", access->denied);
  is("access_requests_total{list=\"office\",ruling=\"shadowed", access->shadowed);
  is("auth_requests_total{policy=\"staff\",ruling=\"accepted", auth->accepted);
  is("auth_requests_total{policy=\"staff\",ruling=\"refused", auth->refused);
  is("auth_requests_total{policy=\"staff\",ruling=\"shadowed", auth->shadowed);
  expect_metrics(wanted);
  const auto list = only(status().at("access"));
  EXPECT_EQ(list.at("name"), "office");
  EXPECT_EQ(list.at("mode"), "shadow");
  expect_json(
      list,
      {{"networks", 1}, {"allowed", access->allowed}, {"denied", access->denied}, {"shadowed", access->shadowed}});
  const auto policy = only(status().at("auth"));
  EXPECT_EQ(policy.at("name"), "staff");
  EXPECT_EQ(policy.at("mode"), "enforce");
  expect_json(policy, {{"accepted", auth->accepted}, {"refused", auth->refused}, {"shadowed", auth->shadowed}});
}

TEST_F(ReportTest, EachCountOfAMirrorIsToldUnderItsName) {
  auto live = std::make_shared<MirrorLive>();
  auto rule = std::make_shared<MirrorRule>();
  rule->share = 0.25;
  rule->live = live;
  Route mirrored;
  mirrored.name = "copied";
  mirrored.action = PoolId{0};
  mirrored.mirror = std::move(rule);
  routes_.push_back(std::move(mirrored));
  make();
  std::map<std::string, std::uint64_t> told_of{{"in_flight", set(live->in_flight)}, {"sent", set(live->sent)}};
  std::map<std::string, std::uint64_t> wanted{{"meridian_edge_mirror_in_flight{route=\"copied\"}", live->in_flight}};
  const auto is = [&](const std::string& end, std::atomic<std::uint64_t>& one) {
    told_of[end] = set(one);
    wanted["meridian_edge_mirror_copies_total{route=\"copied\",end=\"" + end + "\"}"] = one;
  };
  is("answered", live->answered);
  is("failed", live->failed);
  is("too_large", live->too_large);
  is("too_many", live->too_many);
  is("broken", live->broken);
  expect_metrics(wanted);
  const auto told = only(status().at("mirrors"));
  expect_json(told, told_of);
  EXPECT_EQ(told.at("route"), "copied");
  EXPECT_EQ(told.at("pool"), "web");
  EXPECT_EQ(told.at("share"), 0.25);
}

TEST_F(ReportTest, EachCountOfAListenerIsToldUnderItsName) {
  auto bound = std::make_shared<ConnectionBound>();
  bound->most = 9;
  bound->mode = shared::Mode::shadow;
  bound->counts = std::make_shared<ConnectionCounts>(1);
  PoolListener bounded;
  bounded.name = "tcp:192.0.2.1:6379";
  bounded.pool = PoolId{0};
  bounded.bound = bound;
  PoolListener by_name;
  by_name.name = "tcp:192.0.2.1:443";
  by_name.sni.add("shop.example", PoolId{0});
  listeners_ = {PoolListener{}, bounded, by_name};
  make();
  std::map<std::string, std::uint64_t> told_of{{"max", 9}};
  std::map<std::string, std::uint64_t> wanted;
  const auto is = [&](const std::string& ruling, std::atomic<std::uint64_t>& one) {
    told_of[ruling] = set(one);
    wanted["meridian_edge_listener_over_per_client_total{listener=\"tcp:192.0.2.1:6379\",ruling=\"" + ruling + "\"}"] =
        one;
  };
  is("refused", bound->counts->refused);
  is("shadowed", bound->counts->shadowed);
  is("uncounted", bound->counts->uncounted);
  expect_metrics(wanted);
  const auto told = status().at("listeners").as_array();
  ASSERT_EQ(told.size(), 2U) << "one without a name is no listener of a pool";
  EXPECT_EQ(told[0].at("listener"), "tcp:192.0.2.1:6379");
  EXPECT_EQ(told[0].at("pool"), "web");
  EXPECT_FALSE(told[0].as_object().contains("sni"));
  EXPECT_EQ(told[0].at("per_client").at("mode"), "shadow");
  expect_json(told[0].at("per_client").as_object(), told_of);
  EXPECT_EQ(told[1].at("sni"), true);
  EXPECT_FALSE(told[1].as_object().contains("pool"));
  EXPECT_FALSE(told[1].as_object().contains("per_client"));
}

TEST_F(ReportTest, EachCountOfSessionsIsToldUnderItsName) {
  auto learned = std::make_shared<LearnedSessions>();
  learned->by = LearnedSessions::By::header;
  learned->name = "X-Session";
  learned->live = std::make_shared<SessionsLive>(1000, SessionTable::Lifetimes{}, 1);
  SessionsLive& live = *learned->live;
  pool_.sticky.learned = learned;
  make();
  std::map<std::string, std::uint64_t> wanted{{"meridian_edge_sticky_store_up{pool=\"web\"}", 0},
                                              {"meridian_edge_sticky_evicted_total{pool=\"web\"}", 0}};
  std::map<std::string, std::uint64_t> ends;
  for (std::size_t i = 1; i < kSessionEnds; ++i) {
    const std::string end(name_of(static_cast<SessionEnd>(i)));
    ends[end] = set(live.requests[i]);
    wanted["meridian_edge_sticky_requests_total{pool=\"web\",session=\"" + end + "\"}"] = ends[end];
  }
  std::map<std::string, std::uint64_t> told_of{{"remembers", live.table.capacity()}, {"evicted", 0}};
  const auto is = [&](const std::string& name, const std::string& key, std::atomic<std::uint64_t>& one) {
    told_of[key] = set(one);
    wanted["meridian_edge_sticky_" + name + "}"] = one;
  };
  is("learned_total{pool=\"web\"", "learned", live.learned);
  is("moved_total{pool=\"web\"", "moved", live.moved);
  is("writes_total{pool=\"web\",result=\"written\"", "written", live.written);
  is("writes_total{pool=\"web\",result=\"failed\"", "write_failures", live.write_failures);
  is("writes_total{pool=\"web\",result=\"dropped\"", "dropped", live.dropped);
  expect_metrics(wanted);
  const auto told = only(status().at("pools")).at("sessions").as_object();
  expect_json(told, told_of);
  expect_json(told.at("requests").as_object(), ends);
  EXPECT_EQ(told.at("header"), "X-Session");
  EXPECT_EQ(told.at("state"), "away");
  live.tell_store(SessionsLive::Store::up, shared::Clock::now());
  expect_metrics({{"meridian_edge_sticky_store_up{pool=\"web\"}", 1}});
  EXPECT_EQ(only(status().at("pools")).at("sessions").at("state"), "up");
}

}  // namespace
}  // namespace edge::report_test
