#include "edge/serve/control/control.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/serve/os/log.h"
#include "shared/serve/process/upgrade.h"
#include "tests/edge/serve/harness.h"

namespace edge::control_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;
using test::eventually;

// A whole edge of one worker on a thread of its own, and two servers that answer with their names.
class ControlTest : public ::testing::Test {
 protected:
  ControlTest() : folder_(std::filesystem::path(testing::TempDir()) / ("edge_control_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    write_config();
    start();
  }
  ~ControlTest() override {
    stop();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] static std::string name_of(const test::Backend& server) { return server.endpoint().to_string(); }
  [[nodiscard]] std::string both() const { return "\"" + name_of(one_) + "\", \"" + name_of(two_) + "\""; }
  [[nodiscard]] std::string place(const test::Backend& server) const { return "pool=web&server=" + name_of(server); }
  void write_config() { write_config(both()); }
  void write_config(const std::string& servers, const std::string& more = "", const std::string& also = "",
                    const std::string& grace = "100ms") const {
    std::ofstream(folder_ / "config.yaml")
        << "service: test\nstate_directory: " << (folder_ / "state").string()
        << "\nregions: {eu: {edges: [127.0.0.1]}}\n"
           "health: {edge: {interval: 100ms, timeout: 90ms}}\n"
           "edge:\n  listen: [{address: \"127.0.0.1:0\"}"
        << also << "]\n  drain_grace: " << grace << "\n  access_log: " << (folder_ / "access.log").string()
        << "\n  pools: {web: {servers: [" << servers << "]}}\n"
        << (more.empty() ? "  workers: 1\n  routes: [{path: /, pool: web}]\n" : more);
  }

  void start() {
    std::promise<void> up;
    thread_ = std::thread([this, &up] {
      shared::Supervisor supervisor;
      Live live;
      WorldLoader loader({(folder_ / "config.yaml").string(), "test", "eu", ""}, live, 7);
      shared::load::Diagnostics diagnostics;
      auto world = loader.load({}, diagnostics);
      ASSERT_TRUE(world) << diagnostics.render();
      Control control(supervisor, loader, std::move(*world));
      const auto started = control.start();
      ASSERT_TRUE(started) << started.error().message;
      edge_ = control.listening().front();
      supervisor_ = &supervisor;
      supervisor.post([&up] { up.set_value(); });
      status_ = supervisor.run();
      supervisor_ = nullptr;
    });
    ASSERT_EQ(up.get_future().wait_for(60s), std::future_status::ready);
  }
  void begin_to_stop() const {
    supervisor_->post([this] { supervisor_->request_stop(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    begin_to_stop();
    thread_.join();
    EXPECT_EQ(status_, 0);
  }

  // What the admin socket answers, with its head.
  [[nodiscard]] std::string ask(const std::string& method, const std::string& target) const {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    const std::string path = (folder_ / "state/edge-127.0.0.1/admin.sock").string();
    std::strncpy(where.sun_path, path.c_str(), sizeof where.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    test::Conn admin(fd);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) return "nobody there";
    admin.send(method + " " + target +
               " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return admin.read_to_end();
  }
  [[nodiscard]] std::string say(const std::string& target) const { return ask("POST", target); }
  // Who answers a request.
  [[nodiscard]] std::string served_by(const std::string& path = "/") const {
    auto client = test::Conn::to(edge_);
    client.send("GET " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    const std::string answer = client.read_to_end();
    return answer.substr(std::min(answer.size(), answer.find("\r\n\r\n") + 4));
  }
  // Of twenty requests, those that `server` has answered.
  [[nodiscard]] int share_of(const std::string& server) const {
    int count = 0;
    for (int i = 0; i < 20; ++i) count += served_by() == server ? 1 : 0;
    return count;
  }
  [[nodiscard]] std::string kept() const {
    std::ifstream file(folder_ / "state/edge-127.0.0.1/operator.json");
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  shared::LogCapture log_;
  std::filesystem::path folder_;
  test::Backend one_{test::answering(test::ok("one"))};
  test::Backend two_{test::answering(test::ok("two"))};
  std::thread thread_;
  shared::Supervisor* supervisor_ = nullptr;
  int status_ = -1;
  shared::Endpoint edge_;
};

bool is_reload(const std::string& line) { return line.find("event=reloaded ") != std::string::npos; }

// It was begun before the successor came, which has read the file itself since.
TEST_F(ControlTest, AReloadThatASuccessorOvertakesIsRefused) {
  std::string routes = "  workers: 1\n  routes:\n";
  for (int i = 0; i < 2000; ++i) routes += "    - {path: /" + std::to_string(i) + ", pool: web}\n";
  write_config(both(), routes);
  bool overtaken = false;
  while (!overtaken) {
    const auto reloads = [this] { return std::ranges::count_if(log_.lines(), &is_reload); };
    const auto before = reloads();
    auto answer = std::async(std::launch::async, [this] { return say("/reload"); });
    EXPECT_THAT(ask("GET", "/healthz"), HasSubstr(" 200 "));  // by now the reload has begun, if the thread was quick
    auto successor = shared::Predecessor::ask((folder_ / "state/edge-127.0.0.1").string());
    ASSERT_TRUE(successor) << successor.error().message;
    overtaken = reloads() == before;
    const std::string end = answer.get();
    if (overtaken) {
      EXPECT_THAT(end, HasSubstr("an upgrade is under way: reload when the new process serves"));
    }
    (*successor)->failed("of a test");
    EXPECT_TRUE(eventually([this] { return say("/reload").find(" 200 ") != std::string::npos; }));
  }
}

TEST_F(ControlTest, ServesAndReports) {
  EXPECT_EQ(share_of("one"), 10);
  EXPECT_THAT(ask("GET", "/healthz"), HasSubstr(" 200 "));
  const std::string status = ask("GET", "/status");
  for (const char* part :
       {"\"program\":\"meridian-edge\"", "\"region\":\"eu\"", "\"generation\":1,", "\"pool\":\"web\""})
    EXPECT_THAT(status, HasSubstr(part));
  EXPECT_THAT(status, HasSubstr("\"server\":\"" + name_of(two_) + "\""));
  EXPECT_TRUE(eventually(
      [this] { return ask("GET", "/metrics").find("meridian_edge_requests_total 20\n") != std::string::npos; }));
  EXPECT_THAT(ask("GET", "/metrics"), HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(ask("GET", "/explain?path=/&host=test"), HasSubstr("pool web"));
  EXPECT_THAT(ask("GET", "/nothing"), HasSubstr(" 404 "));
}

TEST_F(ControlTest, ReloadsAllOrNothing) {
  write_config("\"" + name_of(two_) + "\"");
  EXPECT_THAT(say("/reload"), HasSubstr("reloaded: generation 2\n"));
  EXPECT_EQ(share_of("two"), 20);

  write_config(both() + ", \"no port\"");
  const std::string refused = say("/reload");
  EXPECT_THAT(refused, HasSubstr(" 422 "));
  EXPECT_THAT(refused, HasSubstr("config.yaml:9:"));
  EXPECT_EQ(share_of("two"), 20);

  write_config(both(), "  workers: 2\n  routes: [{path: /, pool: web}]\n");
  EXPECT_THAT(say("/reload"), HasSubstr("edge.workers: a change needs a restart"));
  EXPECT_EQ(share_of("two"), 20) << "nothing of it was taken";
  EXPECT_THAT(say("/reload?what=all"), HasSubstr(" 400 "));

  write_config();
  supervisor_->post([this] { supervisor_->request_reload(); });
  EXPECT_TRUE(eventually([this] { return served_by() == "one"; }));
  EXPECT_TRUE(eventually(
      [this] { return ask("GET", "/status").find("\"reloads_done\":2,\"reloads_refused\":2") != std::string::npos; }));
}

TEST_F(ControlTest, ADrainedServerStaysDrainedOverAReloadAndARestart) {
  EXPECT_THAT(say("/drain?" + place(one_) + "&reason=disk"), HasSubstr(" 200 "));
  EXPECT_EQ(share_of("two"), 20);
  EXPECT_TRUE(eventually([this] { return kept().find("disk") != std::string::npos; }));
  EXPECT_THAT(say("/reload"), HasSubstr(" 200 "));
  EXPECT_EQ(share_of("two"), 20);
  stop();
  start();
  EXPECT_EQ(share_of("two"), 20);
  EXPECT_THAT(say("/enable?" + place(one_)), HasSubstr("is enabled"));
  EXPECT_EQ(share_of("one"), 10);
  EXPECT_TRUE(eventually([this] { return kept().find("disk") == std::string::npos; }));
}

TEST_F(ControlTest, AWeightHoldsOverAReloadAndARestartUntilTheDefaultIsSaid) {
  EXPECT_THAT(say("/weight?" + place(one_) + "&weight=3&reason=new"), HasSubstr("has weight 3"));
  EXPECT_TRUE(eventually([this] { return share_of("one") == 15; }));
  EXPECT_THAT(say("/reload"), HasSubstr(" 200 "));
  EXPECT_EQ(share_of("one"), 15);
  EXPECT_TRUE(eventually([this] { return kept().find("new") != std::string::npos; }));
  stop();
  start();
  EXPECT_EQ(share_of("one"), 15);
  EXPECT_THAT(say("/weight?" + place(one_) + "&weight=default"), HasSubstr(" 200 "));
  EXPECT_TRUE(eventually([this] { return share_of("one") == 10; }));
}

TEST_F(ControlTest, WordsEndInTheirTime) {
  EXPECT_THAT(say("/drain?" + place(one_) + "&expires=1"), HasSubstr(" 200 "));
  EXPECT_TRUE(eventually([this] { return share_of("one") == 10; })) << "nothing else has ended";
  EXPECT_THAT(say("/weight?" + place(two_) + "&weight=3&expires=1"), HasSubstr(" 200 "));
  EXPECT_THAT(say("/drain?scope=edge&expires=1"), HasSubstr("draining"));
  EXPECT_TRUE(eventually(
      [this] { return log_.contains("event=server_weight pool=web server=" + name_of(two_) + " weight=default"); }));
  EXPECT_TRUE(eventually([this] { return share_of("one") == 10; }));
  EXPECT_TRUE(eventually([this] {
    return log_.contains("event=drain_ended of=\"the edge\" reason=\"the operator's word has expired\"");
  }));
  EXPECT_TRUE(log_.contains("event=drain_ended of=web/" + name_of(one_)));
  EXPECT_TRUE(eventually([this] { return ask("GET", "/status").find("\"state\":\"draining\"") == std::string::npos; }));
  EXPECT_TRUE(eventually([this] { return kept().find("expires") == std::string::npos; })) << kept();
}

TEST_F(ControlTest, AWordWhoseTimeIsOverDoesNotOutliveARestart) {
  EXPECT_THAT(say("/drain?" + place(one_) + "&expires=1"), HasSubstr(" 200 "));
  EXPECT_THAT(say("/drain?scope=edge&expires=1"), HasSubstr("draining"));
  EXPECT_TRUE(eventually([this] { return kept().find("\"draining\":true,\"drain\"") != std::string::npos; })) << kept();
  stop();
  std::this_thread::sleep_for(1100ms);
  start();
  EXPECT_EQ(share_of("one"), 10);
  EXPECT_THAT(ask("GET", "/status"), HasSubstr("\"state\":\"up\""));
}

TEST_F(ControlTest, WordsThatCannotBeReadAreToldOfAndHoldNobodyUp) {
  EXPECT_THAT(say("/drain?" + place(one_)), HasSubstr(" 200 "));
  EXPECT_TRUE(eventually([this] { return kept().find(name_of(one_)) != std::string::npos; }));
  stop();
  std::ofstream(folder_ / "state/edge-127.0.0.1/operator.json") << "{\"servers\": 1}";
  start();
  EXPECT_TRUE(log_.contains("event=state_not_kept reason=\"operator.json: it has no list 'servers'\"")) << kept();
  EXPECT_EQ(share_of("one"), 10);
}

TEST_F(ControlTest, TheWorkersShareTheMemory) {
  stop();
  write_config(both(), "  workers: 2\n  client: {max_memory: 64MiB}\n  routes: [{path: /, pool: web}]\n");
  start();
  EXPECT_THAT(ask("GET", "/metrics"), HasSubstr("\nmeridian_edge_memory_limit_bytes 67108864\n"));
  const std::string status = ask("GET", "/status");
  const std::string workers = status.substr(status.find("\"workers\":["));
  EXPECT_EQ(std::ranges::count(workers.substr(0, workers.find(']')), '{'), 2);
}

TEST_F(ControlTest, WordsThatMeanNobodyAreRefused) {
  const std::string weight = "/weight?" + place(one_) + "&weight=";
  for (const std::string& wrong :
       {std::string("/drain"), std::string("/drain?pool=web"), "/drain?scope=edge&" + place(one_),
        std::string("/drain?scope=region"), std::string("/drain?pool=gone&server=a"),
        std::string("/drain?pool=web&server=127.0.0.1:1"), "/drain?" + place(one_) + "&expires=soon",
        "/drain?" + place(one_) + "&region=eu", std::string("/undrain"), std::string("/enable?pool=web"),
        "/enable?scope=edge&" + place(one_), weight + "0", weight + "257", weight + "3x", weight,
        weight + "default&expires=60", weight + "3&until=tomorrow"}) {
    EXPECT_THAT(say(wrong), HasSubstr(" 400 ")) << wrong;
  }
  EXPECT_THAT(say(weight + "256"), HasSubstr(" 200 "));
  EXPECT_THAT(say("/drain?pool=web&server=127.0.0.1:1"), HasSubstr("it has: " + name_of(one_) + ", " + name_of(two_)));
}

TEST_F(ControlTest, ADrainedEdgeSaysSoServesOnAndStaysSoOverARestart) {
  EXPECT_THAT(say("/drain?scope=edge&reason=roll"), HasSubstr("draining"));
  EXPECT_THAT(ask("GET", "/status"), HasSubstr("draining"));
  EXPECT_EQ(share_of("one"), 10);
  EXPECT_TRUE(eventually([this] { return kept().find("roll") != std::string::npos; }));
  stop();
  start();
  EXPECT_TRUE(log_.contains("event=drain_begun reason=\"an operator's word from before the restart\" word=roll"));
  EXPECT_THAT(ask("GET", "/status"), HasSubstr("draining"));
  EXPECT_THAT(say("/undrain?scope=edge"), HasSubstr("serving"));
  EXPECT_THAT(ask("GET", "/status"), Not(HasSubstr("\"state\":\"draining\"")));
}

TEST_F(ControlTest, AStopServesForAsLongAsTheSlowestAskerNeedsAndIsNotTakenBack) {
  const auto began = std::chrono::steady_clock::now();
  begin_to_stop();
  ASSERT_TRUE(eventually([this] { return log_.contains("event=drain_begun announce_ms=290"); }));
  EXPECT_THAT(say("/undrain?scope=edge"), HasSubstr(" 409 "));
  EXPECT_FALSE(log_.contains("event=closing"));
  EXPECT_NE(served_by(), "") << "it still serves";
  thread_.join();
  EXPECT_EQ(status_, 0);
  EXPECT_TRUE(log_.contains("event=closing"));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 290ms);
}

// A client that keeps its connection and never speaks again holds nobody up, however long the grace is.
TEST_F(ControlTest, AStopWaitsForNoIdleClient) {
  stop();
  write_config(both(), "", "", "60s");
  start();
  auto client = test::Conn::to(edge_);
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n"));
  EXPECT_THAT(client.read_head(), HasSubstr(" 200 "));
  client.read_exactly(3);
  const auto began = std::chrono::steady_clock::now();
  begin_to_stop();
  EXPECT_TRUE(client.closed(30'000));
  thread_.join();
  EXPECT_EQ(status_, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

// Sessions of UDP need descriptors beside those of connections, and nobody else's listener takes any for them.
TEST_F(ControlTest, SessionsOfUdpAreCountedWithTheDescriptors) {
  const auto possible = [&](const std::string& also) {
    stop();
    write_config(both(), "  workers: 1\n  client: {max_connections: 1000000}\n  routes: [{path: /, pool: web}]\n",
                 also);
    start();
    std::string found;
    for (const std::string& line : log_.lines()) {
      const std::size_t at = line.find(" possible=");
      if (at != std::string::npos) found = line.substr(at + 10);
    }
    return found.empty() ? 1'000'000UL : std::stoul(found);
  };
  const std::size_t alone = possible("");
  if (alone >= 1'000'000) GTEST_SKIP() << "there are descriptors for all of them";
  EXPECT_EQ(possible(", {address: \"127.0.0.2:0\", protocol: tcp, pool: web}"), alone);
  EXPECT_EQ(possible(", {address: \"127.0.0.2:0\", protocol: udp, pool: web, max_sessions: 40}"), alone - 20);
  // They do not crowd connections out: at most a quarter of the descriptors is theirs.
  const std::size_t crowded = possible(", {address: \"127.0.0.2:0\", protocol: udp, pool: web, max_sessions: 1000000}");
  std::size_t descriptors = 0;
  for (const std::string& line : log_.lines()) {
    const std::size_t at = line.find(" descriptors=");
    if (at != std::string::npos) descriptors = std::stoul(line.substr(at + 13));
  }
  EXPECT_NEAR(static_cast<double>(crowded), static_cast<double>(alone) - static_cast<double>(descriptors) / 8, 1);
}

TEST_F(ControlTest, ExplainsTheServerThatTheNextRequestGets) {
  for (int i = 0; i < 5; ++i) {
    const std::string said = ask("GET", "/explain?path=/&host=test");
    EXPECT_THAT(said, HasSubstr(" 200 "));
    const std::string who = served_by();
    EXPECT_THAT(said, HasSubstr("server " + name_of(who == "one" ? one_ : two_) + "\n")) << i;
  }
}

TEST_F(ControlTest, ExplainsAConnection) {
  stop();
  write_config(both(), "", ", {address: \"127.0.0.2:0\", protocol: tcp, pool: web}");
  start();
  const std::string said = ask("GET", "/explain?listener=tcp:127.0.0.2:0");
  EXPECT_THAT(said, HasSubstr("HTTP/1.1 200 "));
  EXPECT_THAT(said, HasSubstr("answer: pool web, server "));
  EXPECT_THAT(ask("GET", "/explain?listener=1"), HasSubstr("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET", "/explain?listener=tcp:127.0.0.2:0&client=nobody"), HasSubstr("HTTP/1.1 400 "));
}

TEST_F(ControlTest, ExplainsNothingThatItDoesNotUnderstand) {
  for (const char* wrong : {"scheme=ftp", "port=x", "client=nobody", "paths=/"}) {
    EXPECT_THAT(ask("GET", std::string("/explain?host=test&path=/&") + wrong), HasSubstr("HTTP/1.1 400 ")) << wrong;
  }
  EXPECT_THAT(ask("GET", "/explain?host=test&path=/&format=json"), HasSubstr("\"pool\":\"web\""));
}

TEST_F(ControlTest, LogsAreReopened) {
  const auto log = folder_ / "access.log";
  EXPECT_NE(served_by("/before"), "");
  std::filesystem::rename(log, folder_ / "access.log.1");
  EXPECT_THAT(say("/logs/reopen"), HasSubstr("reopened"));
  ASSERT_TRUE(std::filesystem::exists(log));
  EXPECT_NE(served_by("/after"), "");
  EXPECT_TRUE(eventually([&] { return std::filesystem::file_size(log) > 0; }));
  std::filesystem::rename(log, folder_ / "access.log.2");
  EXPECT_THAT(say("/reload"), HasSubstr(" 200 "));
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(log); })) << "a reload does, too";
  EXPECT_TRUE(eventually([&] { return log_.contains("event=logs_reopened"); }));
  std::filesystem::remove(log);
  std::filesystem::create_directory(log);
  EXPECT_THAT(say("/logs/reopen"), HasSubstr(" 500 "));
  EXPECT_TRUE(log_.contains("event=logs_not_reopened"));
}

TEST_F(ControlTest, WithoutAnAccessLogThereIsNothingToReopen) {
  stop();
  write_config();
  std::string text;
  std::ifstream file(folder_ / "config.yaml");
  for (std::string line; std::getline(file, line);) text += line.starts_with("  access_log") ? "" : line + "\n";
  std::ofstream(folder_ / "config.yaml") << text;
  std::filesystem::remove(folder_ / "access.log");
  start();
  EXPECT_THAT(say("/logs/reopen"), HasSubstr("there is no access log"));
  EXPECT_EQ(share_of("one"), 10);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "access.log"));
}

// Two stores, of which the second has another size, and routes /a and /b to them.
class ControlCacheTest : public ControlTest {
 protected:
  ControlCacheTest() {
    stop();
    write_caches("128MiB");
    start();
  }
  void write_caches(const std::string& size) const {
    write_config("\"" + name_of(cachable_) + "\"",
                 "  workers: 1\n  caches: {pages: {size: 64MiB}, more: {size: " + size +
                     "}}\n  routes: [{path: /a, pool: web, cache: {store: pages}}, {path: /b, pool: web, cache: "
                     "{store: more}}]\n");
  }
  // Of the store's line in the answer to GET /cache.
  [[nodiscard]] std::string line(const std::string& store) const {
    const std::string text = ask("GET", "/cache");
    const std::size_t at = text.find(store + ": ");
    return at == std::string::npos ? text : text.substr(at, text.find('\n', at) - at);
  }
  [[nodiscard]] std::string foreseen(const std::string& path, const std::string& more = "") const {
    return ask("GET", "/explain?host=test&path=" + path + more);
  }
  [[nodiscard]] bool stored(const std::string& store, int responses) const {
    return eventually(
        [&] { return line(store).find(" " + std::to_string(responses) + " responses") != std::string::npos; });
  }

  test::Backend cachable_{test::answering(
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nCache-Control: max-age=1000\r\nCache-Tag: all\r\n\r\nx")};
};

TEST_F(ControlCacheTest, TellsOfEachStore) {
  for (const char* path : {"/a/1", "/a/2", "/a/1", "/b/1"}) EXPECT_EQ(served_by(path), "x");
  EXPECT_TRUE(stored("pages", 2)) << line("pages");
  EXPECT_THAT(line("pages"), HasSubstr(" of 67108864 octets; stored 2, evicted 0, purged 0, fetched "));
  EXPECT_THAT(line("more"), HasSubstr("more: 1 responses, "));
  EXPECT_THAT(line("more"), HasSubstr(" of 134217728 octets; stored 1, "));
  const std::string metrics = ask("GET", "/metrics");
  for (const char* sample : {"cache_entries{cache=\"pages\"} 2\n", "cache_entries{cache=\"more\"} 1\n",
                             "cache_stored_total{cache=\"pages\"} 2\n", "cache_limit_bytes{cache=\"pages\"} 67108864\n",
                             "cache_evicted_total{cache=\"pages\"} 0\n", "cache_purged_total{cache=\"pages\"} 0\n"}) {
    EXPECT_THAT(metrics, HasSubstr(std::string("meridian_edge_") + sample));
  }
  const std::string status = ask("GET", "/status");
  const std::string caches = status.substr(status.find("\"caches\":["));
  EXPECT_THAT(caches, HasSubstr("{\"name\":\"pages\",\"entries\":2,\"octets\":"));
  EXPECT_THAT(caches, HasSubstr(",\"capacity\":67108864,\"memory\":"));
  EXPECT_THAT(caches, HasSubstr(",\"stored\":2,\"evicted\":0,\"purged\":0,\"fetches\":"));
  EXPECT_THAT(caches, Not(HasSubstr("\"disk\":{")));
}

TEST_F(ControlCacheTest, PurgesWhatIsSaidAndNothingElse) {
  const auto fill = [&] {
    for (const char* path : {"/a/1", "/a/2", "/a/3?q", "/b/1"}) EXPECT_EQ(served_by(path), "x");
    EXPECT_TRUE(stored("pages", 3)) << line("pages");
    EXPECT_TRUE(stored("more", 1)) << line("more");
  };
  const auto purged = [&](const std::string& what) {
    const std::string said = say("/cache/purge?" + what);
    return said.substr(said.find("\r\n\r\n") + 4);
  };
  fill();
  EXPECT_EQ(purged("url=http://TEST/a/1"), "1 responses purged\n");
  EXPECT_EQ(purged("url=test/a/1"), "0 responses purged\n");
  EXPECT_TRUE(log_.contains("event=cache_purged what=test/a/1 soft=false responses=1"));
  EXPECT_TRUE(stored("pages", 2)) << line("pages");
  EXPECT_EQ(purged("prefix=test/a/"), "2 responses purged\n");
  EXPECT_TRUE(log_.contains("what=test/a/*"));
  EXPECT_TRUE(stored("more", 1));
  fill();
  EXPECT_EQ(purged("tag=all&cache=more"), "1 responses purged\n");
  EXPECT_TRUE(stored("pages", 3)) << "the other store has its own";
  EXPECT_THAT(foreseen("/a/1"), HasSubstr("hit"));
  EXPECT_EQ(purged("tag=all&soft=true"), "3 responses are stale now\n");
  EXPECT_TRUE(stored("pages", 3)) << "they may still be used when nobody answers";
  EXPECT_THAT(foreseen("/a/1"), HasSubstr("has to ask a server first"));
  EXPECT_THAT(say("/cache/purge"), HasSubstr("say one of url, prefix and tag"));
  EXPECT_THAT(say("/cache/purge?url=a&tag=b"), HasSubstr(" 400 "));
  EXPECT_THAT(say("/cache/purge?prefix=a&tag=b"), HasSubstr(" 400 "));
  EXPECT_THAT(say("/cache/purge?urls=a"), HasSubstr(" 400 "));
  EXPECT_THAT(say("/cache/purge?tag=all&cache=none"), HasSubstr("there is no cache of that name"));
}

TEST_F(ControlCacheTest, ForeseesWhatARequestWouldFind) {
  EXPECT_THAT(foreseen("/a/1"), HasSubstr("store pages, test/a/1: miss"));
  EXPECT_EQ(served_by("/a/1"), "x");
  EXPECT_TRUE(stored("pages", 1));
  EXPECT_THAT(foreseen("/a/1"), HasSubstr("test/a/1: hit, "));
  EXPECT_THAT(foreseen("/a/1"), HasSubstr(" s more"));
  EXPECT_THAT(foreseen("/b/1"), HasSubstr("store more, test/b/1: miss"));
  EXPECT_THAT(foreseen("/a/1", "&method=POST"), HasSubstr("bypass, the method; a success invalidates it"));
  EXPECT_THAT(ask("GET", "/metrics"), HasSubstr("meridian_edge_cache_stored_total{cache=\"pages\"} 1\n"))
      << "who explains stores nothing";
}

TEST_F(ControlCacheTest, AReloadGivesThemTheirSizes) {
  EXPECT_EQ(served_by("/b/1"), "x");
  EXPECT_TRUE(stored("more", 1));
  write_caches("192MiB");
  EXPECT_THAT(say("/reload"), HasSubstr(" 200 "));
  EXPECT_THAT(line("more"), HasSubstr("more: 1 responses, "));
  EXPECT_THAT(line("more"), HasSubstr(" of 201326592 octets"));
  EXPECT_THAT(line("pages"), HasSubstr(" of 67108864 octets"));
}

TEST_F(ControlTest, WithoutACacheThereIsNothingToPurge) {
  EXPECT_THAT(ask("GET", "/cache"), HasSubstr("there is no cache, see edge.caches"));
  EXPECT_THAT(say("/cache/purge?tag=a"), HasSubstr(" 404 "));
}

TEST_F(ControlTest, RefusesAStateDirectoryInUse) {
  shared::Supervisor second;
  Live live;
  WorldLoader loader({(folder_ / "config.yaml").string(), "test", "eu", ""}, live, 7);
  shared::load::Diagnostics diagnostics;
  Control control(second, loader, std::move(*loader.load({}, diagnostics)));
  const auto started = control.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("in use"));
}

TEST_F(ControlTest, ReloadsUnderLoadLoseNothing) {
  std::atomic<bool> ending{false};
  std::atomic<int> lost{0};
  std::atomic<int> served{0};
  std::jthread load([&] {
    while (!ending) {
      const std::string who = served_by();
      ++(who == "one" || who == "two" ? served : lost);
    }
  });
  for (int i = 0; i < 20; ++i) {
    write_config(i % 2 == 0 ? "\"" + name_of(two_) + "\"" : both());
    EXPECT_THAT(say("/reload"), HasSubstr(" 200 "));
  }
  EXPECT_TRUE(eventually([&] { return served > 50; }));
  ending = true;
  load.join();
  EXPECT_EQ(lost, 0);
}

}  // namespace
}  // namespace edge::control_test
