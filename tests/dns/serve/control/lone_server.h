#pragma once
// LoneServer: a whole DNS server on a thread of its own, of two regions with one edge each, which are listening sockets
// of the test; and what the operator and a resolver see of it.

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "dns/serve/control/control.h"
#include "shared/serve/os/log.h"
#include "shared/serve/os/socket.h"
#include "tests/support/dns_message.h"

namespace dns {

using shared::Endpoint;
using shared::UniqueFd;
using namespace std::chrono_literals;

inline constexpr const char* kZone = "$TTL 60\n@ SOA ns host 5 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n";

inline UniqueFd connect_to(int type, const Endpoint& to) {
  const auto address = shared::to_socket_address(to);
  UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const timeval patience{30, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(address.bytes), address.length), 0);
  return fd;
}

inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return condition();
}

// Two regions of one edge each, which are listening sockets here, and a server on a thread of its own.
class LoneServer : public testing::Test {
 protected:
  LoneServer() : folder_(std::filesystem::path(testing::TempDir()) / ("server_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    listen_as_edges();
    write("zone", kZone);
    write_config("127.0.0.1:0", "all: [{failover: [one, two]}]");
    start();
  }
  ~LoneServer() override {
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
    launch();
    EXPECT_TRUE(eventually([this] { return http("GET", "/healthz").find("200 OK") != std::string::npos; }));
  }
  // Does not wait until it serves.
  void launch() {
    std::promise<void> up;
    thread_ = std::thread([this, &up] {
      shared::Supervisor supervisor;
      shared::load::Diagnostics diagnostics;
      auto world = load_world((folder_ / "config.yaml").string(), diagnostics);
      ASSERT_TRUE(world) << diagnostics.render();
      ControlSettings settings{.config_path = (folder_ / "config.yaml").string(), .version = "test", .report = report_};
      auto server = Control::start(supervisor, std::move(settings), std::move(*world));
      ASSERT_TRUE(server) << server.error().message;
      dns_ = (*server)->endpoints().front();
      admin_ = (*server)->service().admins().front()->endpoint();
      supervisor_ = &supervisor;
      control_ = server->get();
      supervisor.post([&up] { up.set_value(); });
      status_ = supervisor.run();
    });
    up.get_future().wait();
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
  boost::json::object status() const {
    const std::string page = http("GET", "/status");
    return boost::json::parse(page.substr(page.find("\r\n\r\n") + 4)).as_object();
  }
  // Of /status, the regions by their number.
  boost::json::object region(std::size_t number) const { return status().at("regions").at(number).as_object(); }
  // Of /metrics, the sample of this name and these labels; "-": there is none.
  std::string metric(const std::string& sample) const {
    const std::string metrics = http("GET", "/metrics");
    const auto at = metrics.find("\n" + sample + " ");
    if (at == std::string::npos) return "-";
    const auto begin = at + sample.size() + 2;
    return metrics.substr(begin, metrics.find('\n', begin) - begin);
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
  StartReport report_;  // what the next start is told of how it came by its files
  UniqueFd edge_one_;
  UniqueFd edge_two_;
  std::thread thread_;
  shared::Supervisor* supervisor_ = nullptr;
  Control* control_ = nullptr;  // its loop's, where supervisor_->post() goes
  int status_ = -1;
  Endpoint dns_;
  Endpoint admin_;
};

}  // namespace dns
