#include "dns/serve/control/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include <boost/json.hpp>

#include "shared/serve/os/log.h"
#include "shared/serve/os/socket.h"
#include "tests/support/dns_message.h"

namespace dns {
namespace {

using shared::Endpoint;
using shared::UniqueFd;
using namespace std::chrono_literals;

constexpr const char* kZone = "$TTL 60\n@ SOA ns host 5 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n";

UniqueFd connect_to(int type, const Endpoint& to) {
  const auto address = shared::to_socket_address(to);
  UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const timeval patience{30, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(address.bytes), address.length), 0);
  return fd;
}

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return condition();
}

// Two regions of one edge each, which are listening sockets here, and a server on a thread of its own.
class ControlTest : public testing::Test {
 protected:
  ControlTest() : folder_(std::filesystem::path(testing::TempDir()) / ("server_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    listen_as_edges();
    write("zone", kZone);
    write_config("127.0.0.1:0", "all: [{failover: [one, two]}]");
    start();
  }
  ~ControlTest() override {
    stop();
    std::filesystem::remove_all(folder_);
  }

  // One port on two addresses: asked again while another program holds it on the second.
  void listen_as_edges() {
    for (int tries = 0; tries < 50 && edge_two_.get() < 0; ++tries) {
      edge_one_ = std::move(shared::listen_tcp(*Endpoint::parse("127.0.0.1:0"), 1)->front());
      const auto port = shared::local_endpoint(edge_one_.get()).port;
      auto two = shared::listen_tcp({*shared::IpAddress::parse("127.0.0.2"), port}, 1);
      if (two) edge_two_ = std::move(two->front());
    }
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  inline static const std::string kKey = "the-key-of-the-admin-port";
  void write_config(const std::string& listen, const std::string& policy) const {
    const auto port = std::to_string(shared::local_endpoint(edge_two_.get()).port);
    write("admin.key", kKey + "\n");
    write("config.yaml", "service: test\nstate_directory: " + (folder_ / "state").string() +
                             "\nregions:\n  one: {edges: [127.0.0.1]}\n  two: {edges: [127.0.0.2]}\n"
                             "health: {edge: {kind: tcp, port: " +
                             port +
                             ", interval: 100ms, timeout: 90ms}}\n"
                             "admin: {dns: \"127.0.0.1:0\", key: admin.key}\n"
                             "dns:\n  listen: \"" +
                             listen +
                             "\"\n  workers: 2\n  zones: {example.com: zone}\n"
                             "  policies: {" +
                             policy +
                             "}\n"
                             "  names: {www.example.com: {policy: all, ttl: {min: 5s, max: 60s}}}\n");
  }

  void start() {
    std::promise<void> up;
    thread_ = std::thread([this, &up] {
      shared::Supervisor supervisor;
      shared::load::Diagnostics diagnostics;
      auto world = load_world((folder_ / "config.yaml").string(), diagnostics);
      ASSERT_TRUE(world) << diagnostics.render();
      auto server = Control::start(supervisor, {(folder_ / "config.yaml").string(), "test"}, std::move(*world));
      ASSERT_TRUE(server) << server.error().message;
      dns_ = (*server)->endpoints().front();
      admin_ = (*server)->service().admins().front()->endpoint();
      supervisor_ = &supervisor;
      supervisor.post([&up] { up.set_value(); });
      status_ = supervisor.run();
    });
    up.get_future().wait();
    EXPECT_TRUE(eventually([this] { return http("GET", "/healthz").find("200 OK") != std::string::npos; }));
  }
  void stop() {
    if (!thread_.joinable()) return;
    supervisor_->post([this] { supervisor_->request_stop(); });
    thread_.join();
    EXPECT_EQ(status_, 0);
  }

  UniqueFd request(const std::string& method, const std::string& target) const {
    auto fd = connect_to(SOCK_STREAM, admin_);
    const std::string request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                                kKey + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    return fd;
  }
  std::string http(const std::string& method, const std::string& target) const {
    const auto fd = request(method, target);
    std::string response;
    char chunk[4096];
    for (ssize_t got; (got = ::recv(fd.get(), chunk, sizeof chunk, 0)) > 0;)
      response.append(chunk, static_cast<std::size_t>(got));
    return response;
  }

  // The records of the answer to a name's A query.
  std::vector<std::string> ask(const std::string& name = "www.example.com") const {
    test::QueryBuilder query;
    query.name = name;
    const auto bytes = query.build();
    const auto fd = connect_to(SOCK_DGRAM, dns_);
    EXPECT_EQ(::send(fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    test::Bytes reply(4096);
    const ssize_t got = ::recv(fd.get(), reply.data(), reply.size(), 0);
    if (got <= 0) return {"no reply"};
    reply.resize(static_cast<std::size_t>(got));
    return test::parse_reply(reply).answer;
  }
  bool answers(const std::string& address) const {
    const auto records = ask();
    return records.size() == 1 && records[0].ends_with(" " + address);
  }
  // Of /status, the regions by their number.
  boost::json::object region(std::size_t number) const {
    const std::string page = http("GET", "/status");
    return boost::json::parse(page.substr(page.find("\r\n\r\n") + 4)).at("regions").at(number).as_object();
  }
  // Starts again with a text of the configuration replaced.
  void start_with(const std::string& old, const std::string& fresh) {
    std::string text = read("config.yaml");
    ASSERT_NE(text.find(old), std::string::npos);
    stop();
    write("config.yaml", text.replace(text.find(old), old.size(), fresh));
    start();
  }
  // Until it has been seen to be down, and then up.
  void fall_and_recover() {
    const Endpoint where = shared::local_endpoint(edge_one_.get());
    const auto probed = [this] { return region(0).at("edges").at(0).at("probed").as_string(); };
    edge_one_.reset();
    EXPECT_TRUE(eventually([&] { return probed() == "down"; }));
    edge_one_ = std::move(shared::listen_tcp(where, 1)->front());
    EXPECT_TRUE(eventually([&] { return probed() == "up"; }));
  }

  shared::LogCapture log_;
  std::filesystem::path folder_;
  UniqueFd edge_one_;
  UniqueFd edge_two_;
  std::thread thread_;
  shared::Supervisor* supervisor_ = nullptr;
  int status_ = -1;
  Endpoint dns_;
  Endpoint admin_;
};

TEST_F(ControlTest, AnswersAndReports) {
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_EQ(ask("ns.example.com"), std::vector<std::string>{"ns.example.com. 60 IN A 192.0.2.53"});
  const std::string status = http("GET", "/status");
  for (const char* part : {"\"generation\":", "\"origin\":\"example.com.\"", "\"name\":\"one\",\"state\":\"up\""}) {
    EXPECT_NE(status.find(part), std::string::npos) << part << "\n" << status;
  }
  const std::string metrics = http("GET", "/metrics");
  for (const char* part : {"meridian_dns_queries_total{transport=\"udp\"} 2",
                           "meridian_dns_steered_total{name=\"www.example.com\",region=\"one\"} 1",
                           "meridian_dns_edge_up{region=\"two\",edge=\"127.0.0.2\"} 1"}) {
    EXPECT_NE(metrics.find(part), std::string::npos) << part << "\n" << metrics;
  }
  const std::string explained = http("GET", "/explain?name=www.example.com&client=192.0.2.1");
  EXPECT_NE(explained.find("127.0.0.1"), std::string::npos) << explained;
  EXPECT_NE(http("GET", "/explain?name=a..b").find(" 400 "), std::string::npos);
}

TEST_F(ControlTest, MovesAwayFromAnEdgeThatDiesAndBack) {
  ASSERT_TRUE(answers("127.0.0.1"));
  const Endpoint where = shared::local_endpoint(edge_one_.get());
  edge_one_.reset();
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.2"); }));
  edge_one_ = std::move(shared::listen_tcp(where, 1)->front());
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.1"); }));
  EXPECT_TRUE(log_.contains("event=edge_state region=one edge=127.0.0.1 state=down"));
}

TEST_F(ControlTest, SaysWhyAnEdgeFell) {
  const auto edge = [this] { return region(0).at("edges").at(0).as_object(); };
  EXPECT_FALSE(edge().contains("last_fall"));
  const std::string status = http("GET", "/status");
  EXPECT_NE(status.find("\"ttl_lowest_now\":60,\"ttl_highest_now\":60"), std::string::npos) << status;
  edge_one_.reset();
  EXPECT_TRUE(eventually([&] { return edge().at("probed").as_string() == "down"; }));
  const auto fallen = edge();
  EXPECT_THAT(std::string(fallen.at("reason").as_string()), testing::HasSubstr("refused"));
  EXPECT_EQ(fallen.at("last_fall").at("reason"), fallen.at("reason"));
  EXPECT_FALSE(region(1).at("edges").at(0).as_object().contains("last_fall"));
}

TEST_F(ControlTest, AnEdgeThatComesAndGoesIsHeldDownForAsLongAsIsWritten) {
  start_with("interval: 100ms", "hold_down: 30s, interval: 100ms");
  fall_and_recover();
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.1"); })) << "the first time it is believed";
  fall_and_recover();
  EXPECT_TRUE(eventually(
      [this] { return log_.contains("event=edge_held_down region=one edge=127.0.0.1 falls=2 seconds=30"); }));
  EXPECT_EQ(region(0).at("edges").at(0).at("state").as_string(), "held_down");
  EXPECT_TRUE(answers("127.0.0.2"));
}

// Of one edge, not of its region: which has others.
TEST_F(ControlTest, AWordOnAnEdgeStandsAtTheEdge) {
  EXPECT_NE(http("POST", "/drain?target=127.0.0.1&state=down").find(" 200 "), std::string::npos);
  EXPECT_TRUE(region(0).at("override").is_null());
  EXPECT_EQ(region(0).at("edges").at(0).at("override").at("state").as_string(), "down");
  EXPECT_NE(http("POST", "/drain?target=two&state=down").find(" 200 "), std::string::npos);
  EXPECT_EQ(region(1).at("override").at("state").as_string(), "down");
  EXPECT_TRUE(region(1).at("edges").at(0).at("override").is_null());
}

TEST_F(ControlTest, TellsEachProbeToWhoWantsToKnow) {
  start_with("service: test", "log: {level: debug}\nservice: test");
  EXPECT_TRUE(eventually([this] { return log_.contains("event=probe region=two edge=127.0.0.2"); }));
  supervisor_->post([] { ::raise(SIGUSR1); });
  EXPECT_TRUE(eventually([this] { return log_.contains("event=logs_reopened files=0"); }));
  start_with("log: {level: debug}\n", "");  // the level is the process's
}

TEST_F(ControlTest, HasAMetricBeforeThereIsAnythingToCount) {
  const std::string metrics = http("GET", "/metrics");
  for (const char* sample :
       {"meridian_dns_isolated 0", "meridian_dns_tls_handshakes_total{resumed=\"true\"} 0",
        "meridian_dns_tls_handshakes_total{resumed=\"false\"} 0", "meridian_dns_probe_rounds_discarded_total 0",
        "meridian_dns_send_failures_total 0", "meridian_dns_ttl_seconds{name=\"www.example.com\"} 60"}) {
    EXPECT_NE(metrics.find("\n" + std::string(sample) + "\n"), std::string::npos) << sample;
  }
}

TEST_F(ControlTest, CountsInShadowWhatALimitWouldDecline) {
  start_with("  workers: 2", "  workers: 1\n  rate_limit: {mode: shadow, rate: 1/s}");
  const auto counted = [this] {
    EXPECT_EQ(ask().size(), 1U) << "and declines nothing";
    return http("GET", "/metrics").find("meridian_dns_rate_limited_total{mode=\"shadow\"") != std::string::npos;
  };
  EXPECT_TRUE(eventually(counted));
}

// The counts of publications that no worker reads any more.
TEST_F(ControlTest, CountsOnThroughReloads) {
  const std::string sample = "meridian_dns_steered_total{name=\"www.example.com\",region=\"one\"} ";
  const auto counted = [&] {
    const std::string metrics = http("GET", "/metrics");
    const auto at = metrics.find(sample);
    return at == std::string::npos ? 0UL : std::stoul(metrics.substr(at + sample.size()));
  };
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_TRUE(eventually([&] { return counted() >= 5; }));
  const auto before = counted();
  for (int i = 0; i < 2; ++i) EXPECT_NE(http("POST", "/reload").find(" 200 "), std::string::npos);
  EXPECT_TRUE(eventually([&] { return counted() >= before; })) << counted();
}

// Nothing is probed, so nothing is waited for.
TEST_F(ControlTest, WithNothingToProbeItServesAtOnce) {
  stop();
  write("config.yaml",
        "service: test\nstate_directory: " + (folder_ / "state").string() +
            "\nregions: {cdn: {cname: shop.cdn.example}}\nadmin: {dns: \"127.0.0.1:0\", key: admin.key}\n"
            "dns:\n  listen: \"127.0.0.1:0\"\n  workers: 1\n  zones: {example.com: zone}\n"
            "  policies: {all: [{failover: [cdn]}]}\n"
            "  names: {www.example.com: {policy: all, ttl: {min: 5s, max: 60s}}}\n");
  start();
  EXPECT_EQ(ask(), std::vector<std::string>{"www.example.com. 60 IN CNAME shop.cdn.example."});
}

TEST_F(ControlTest, ResolversThatAreUsedAreNotSaidNotToBe) {
  start_with("  names: {", "  resolvers: \"127.0.0.1:9\"\n  names: {flat.example.com: {alias: edges.example.net}, ");
  EXPECT_NE(http("GET", "/status").find("edges.example.net"), std::string::npos);
  EXPECT_FALSE(log_.contains("resolvers_not_used"));
}

TEST_F(ControlTest, ObeysTheOperatorAndRemembers) {
  EXPECT_NE(http("POST", "/drain?target=nowhere").find(" 400 "), std::string::npos);
  EXPECT_NE(http("POST", "/drain?target=one&state=gone").find(" 400 "), std::string::npos);
  EXPECT_NE(http("POST", "/drain?target=one&expires=soon").find(" 400 "), std::string::npos);
  EXPECT_NE(http("POST", "/drain?target=one&reason=update&expires=3600").find(" 200 "), std::string::npos);
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.2"); }));
  EXPECT_NE(http("GET", "/status").find("update"), std::string::npos);
  const std::string explained = http("GET", "/explain?name=www.example.com");
  EXPECT_THAT(explained, testing::ContainsRegex("drained \\(update\\), until 20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]T"
                                                "[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z, for another (1h 0m|[0-9]+m)"));
  stop();
  start();
  EXPECT_TRUE(answers("127.0.0.2"));
  EXPECT_NE(http("POST", "/undrain?target=one").find(" 200 "), std::string::npos);
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.1"); }));
  EXPECT_NE(http("POST", "/drain?target=127.0.0.1&state=down").find(" 200 "), std::string::npos);
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.2"); }));
}

// An answer means that the word survives the power.
TEST_F(ControlTest, AnswersTheOperatorWhenTheWordIsWritten) {
  for (const bool drained : {true, false, true}) {
    EXPECT_NE(http("POST", drained ? "/drain?target=one&reason=soon" : "/undrain?target=one").find(" 200 "),
              std::string::npos);
    EXPECT_EQ(read("state/dns/overrides.json").find("soon") != std::string::npos, drained);
  }
  // Where the file is to be stands a folder that is not empty: it cannot be replaced, by root neither.
  const auto file = folder_ / "state/dns/overrides.json";
  std::filesystem::remove(file);
  std::filesystem::create_directories(file / "in the way");
  const std::string told = http("POST", "/drain?target=two&state=down");
  EXPECT_NE(told.find(" 500 "), std::string::npos) << told;
  EXPECT_NE(told.find("two is down by your word, but only until this process ends"), std::string::npos) << told;
  EXPECT_NE(http("POST", "/undrain?target=two").find(" 500 "), std::string::npos);
  std::filesystem::remove_all(file);
  EXPECT_NE(http("POST", "/undrain?target=one").find(" 200 "), std::string::npos);
  EXPECT_EQ(read("state/dns/overrides.json").find("soon"), std::string::npos);
}

TEST_F(ControlTest, ReloadsAllOrNothing) {
  write_config("127.0.0.1:0", "all: [{failover: [two, one]}]");
  EXPECT_NE(http("POST", "/reload").find(" 200 "), std::string::npos);
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.2"); }));

  write_config("127.0.0.1:0", "all: [{failover: [two, three]}]");
  write("zone", std::string(kZone) + "a A nonsense\n");
  const std::string refused = http("POST", "/reload");
  EXPECT_NE(refused.find(" 422 "), std::string::npos) << refused;
  EXPECT_NE(refused.find("three"), std::string::npos) << refused;
  EXPECT_NE(refused.find("zone:5:5: error"), std::string::npos) << refused;
  EXPECT_TRUE(answers("127.0.0.2"));

  write("zone", kZone);
  write_config("127.0.0.1:1", "all: [{failover: [one, two]}]");
  const std::string restart = http("POST", "/reload");
  EXPECT_NE(restart.find("dns.listen: a change needs a restart"), std::string::npos) << restart;
  EXPECT_TRUE(answers("127.0.0.2"));

  write_config("127.0.0.1:0", "all: [{failover: [one, two]}]");
  supervisor_->post([this] { supervisor_->request_reload(); });
  EXPECT_TRUE(eventually([this] { return answers("127.0.0.1"); }));
  const std::string metrics = http("GET", "/metrics");
  EXPECT_NE(metrics.find("meridian_dns_reloads_total{outcome=\"refused\"} 2"), std::string::npos);
  EXPECT_NE(metrics.find("meridian_dns_steered_total{name=\"www.example.com\",region=\"two\"}"), std::string::npos);
}

TEST_F(ControlTest, RefusesAStateDirectoryInUse) {
  shared::load::Diagnostics diagnostics;
  auto world = load_world((folder_ / "config.yaml").string(), diagnostics);
  ASSERT_TRUE(world);
  shared::Supervisor supervisor;
  const auto second = Control::start(supervisor, {"config.yaml", "test"}, std::move(*world));
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
}

TEST_F(ControlTest, HundredReloadsUnderLoadLoseNothing) {
  std::atomic<bool> stop_load{false};
  std::atomic<unsigned> lost{0};
  std::thread load([&] {
    while (!stop_load) {
      if (ask() != std::vector<std::string>{"www.example.com. 60 IN A 127.0.0.1"}) ++lost;
    }
  });
  for (int i = 0; i < 100; ++i) EXPECT_NE(http("POST", "/reload").find(" 200 "), std::string::npos);
  stop_load = true;
  load.join();
  EXPECT_EQ(lost, 0U);
}

// Sends without waiting and counts what comes back, until it is told to end.
void flood(int type, const Endpoint& to, std::atomic<unsigned>& replies, const std::atomic<bool>& ending) {
  test::QueryBuilder query;
  query.name = "www.example.com";
  test::Bytes bytes = query.build();
  if (type == SOCK_STREAM) bytes.insert(bytes.begin(), {0, static_cast<std::uint8_t>(bytes.size())});
  const auto fd = connect_to(type, to);
  test::Bytes reply(4096);
  while (!ending) {
    ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (::recv(fd.get(), reply.data(), reply.size(), MSG_DONTWAIT) > 0) ++replies;
  }
}

// Reload, new answers and the end, all at once and under load over UDP and TCP: what a thread sanitizer is to look at.
TEST_F(ControlTest, EndsUnderLoadWhileItReloadsAndPublishes) {
  for (int round = 0; round < 4; ++round) {
    std::atomic<unsigned> udp{0};
    std::atomic<unsigned> tcp{0};
    std::atomic<bool> ending{false};
    std::jthread datagrams([&] { flood(SOCK_DGRAM, dns_, udp, ending); });
    std::jthread streams([&] { flood(SOCK_STREAM, dns_, tcp, ending); });
    EXPECT_TRUE(eventually([&] { return udp > 50 && tcp > 50; }));
    EXPECT_NE(http("POST", "/reload").find(" 200 "), std::string::npos);
    const auto published = request("POST", "/drain?target=one");
    const auto reloading = request("POST", "/reload");
    const auto undone = request("POST", "/undrain?target=one");
    stop();
    ending = true;
    datagrams.join();
    streams.join();
    start();
    EXPECT_NE(http("POST", "/undrain?target=one").find(" 200 "), std::string::npos);
    EXPECT_TRUE(eventually([this] { return answers("127.0.0.1"); }));
  }
}

}  // namespace
}  // namespace dns
