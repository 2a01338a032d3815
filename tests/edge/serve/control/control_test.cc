#include "tests/edge/serve/harness.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "edge/serve/account/access_log.h"
#include "edge/serve/control/report.h"
#include "shared/serve/os/unique_fd.h"

namespace edge::test {
namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string health(const Edge& edge) {
  Conn client = edge.client();
  client.send("GET /.meridian/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  return client.read_to_end();
}

TEST(HealthPage, TellsTheTruthAboutTheRegion) {
  Backend backend(answering(ok("x")));
  Edge edge({backend.endpoint()});
  edge.pool.critical = true;
  edge.pool.checks.resize(1);
  edge.start();
  edge.live.server(ServerId{0}).state.set_health(shared::HealthState::up);
  EXPECT_TRUE(health(edge).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(has(health(edge), "{\"version\":1,\"region\":\"eu\",\"state\":\"up\"}"));
  edge.live.server(ServerId{0}).state.set_health(shared::HealthState::down);
  EXPECT_TRUE(health(edge).starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(has(health(edge), "\"state\":\"down\""));
  EXPECT_TRUE(has(health(edge), "\"pool\":\"web\""));
  edge.live.draining = true;
  EXPECT_TRUE(health(edge).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(has(health(edge), "\"state\":\"draining\""));
  EXPECT_EQ(backend.connections(), 0);
}

TEST(Drain, IdleConnectionsCloseAndRunningRequestsFinish) {
  std::promise<void> go;
  std::promise<void> asked;
  Backend backend([&](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send(ok("quick"));
    if (conn.read_head().empty()) return;
    asked.set_value();
    go.get_future().wait();
    conn.send(ok("slow"));
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn idle = edge.client();
  idle.send(get());
  idle.read_head();
  idle.read_exactly(5);
  Conn running = edge.client();
  running.send(get());
  asked.get_future().wait();
  std::promise<void> finished;
  edge.worker->wind_down([&] { finished.set_value(); });
  edge.worker->hasten();
  EXPECT_TRUE(idle.closed());
  go.set_value();
  EXPECT_TRUE(has(running.read_head(), "Connection: close\r\n"));
  EXPECT_EQ(running.read_to_end(), "slow");
  EXPECT_EQ(finished.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

TEST(Drain, AKeptConnectionWhoseAnswerEndsMeanwhileIsClosed) {
  std::promise<void> go;
  Backend backend([&](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
    go.get_future().wait();
    conn.send("more");
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send(get());
  EXPECT_FALSE(has(client.read_head(), "Connection: close\r\n"));
  EXPECT_EQ(client.read_exactly(4), "half");
  std::promise<void> finished;
  edge.worker->wind_down([&] { finished.set_value(); });
  edge.worker->hasten();
  go.set_value();
  EXPECT_EQ(client.read_to_end(), "more");
  EXPECT_EQ(finished.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

TEST(Drain, ARequestThatCameWithItsConnectionIsAnswered) {
  Backend backend(answering(ok("last")));
  Edge edge({backend.endpoint()});
  edge.open();
  Conn client = edge.client();
  Conn silent = edge.client();
  client.send(get());
  edge.worker->wind_down([] {});  // in its first turn, which accepts them
  edge.worker->hasten();
  edge.worker->start();
  EXPECT_TRUE(has(client.read_head(), "Connection: close\r\n"));
  EXPECT_EQ(client.read_to_end(), "last");
  EXPECT_TRUE(silent.closed());
}

TEST(Reload, UnderLoadLosesNoRequestAndGivesEverySnapshotBack) {
  Backend backend(answering(ok("hello")));
  Edge edge({backend.endpoint()});
  edge.start();
  std::atomic<bool> stop{false};
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      Conn client = edge.client();
      while (!stop) {
        const bool answered =
            client.send(get()) && client.read_head().starts_with("HTTP/1.1 200 ") && client.read_exactly(5) == "hello";
        ++(answered ? good : bad);
        if (!answered) return;
      }
    });
  }
  constexpr int kReloads = 100;
  for (int i = 0; i < kReloads; ++i) {
    const int seen = good;
    edge.worker->publish(edge.snapshot());
    eventually([&] { return good > seen || bad > 0; });
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GE(good, kReloads);
  EXPECT_TRUE(eventually([&] { return edge.retired == kReloads; }));
}

TEST(Reload, ARequestEndsWithTheSnapshotThatItBeganWith) {
  std::promise<void> go;
  std::promise<void> asked;
  Backend backend([&](Conn& conn) {
    if (conn.read_head().empty()) return;
    asked.set_value();
    go.get_future().wait();
    conn.send(ok("x"));
  });
  Edge edge({backend.endpoint()});
  edge.route.response_rules.apply({.op = HeaderRule::Op::set, .name = "X-World", .value = "old"});
  edge.start();
  Conn client = edge.client();
  client.send(get());
  asked.get_future().wait();
  edge.route.response_rules.apply({.op = HeaderRule::Op::set, .name = "X-World", .value = "new"});
  edge.worker->publish(edge.snapshot());
  EXPECT_TRUE(has(health(edge), "200 OK"));
  EXPECT_EQ(edge.retired, 0);
  go.set_value();
  EXPECT_TRUE(has(client.read_head(), "X-World: old\r\n"));
  EXPECT_TRUE(eventually([&] { return edge.retired == 1; }));
}

TEST(Actions, RespondRedirectAndAllow) {
  Edge edge({});
  edge.route.action = Respond{.status = 418, .body = "short"};
  edge.start();
  Conn client = edge.client();
  client.send(get());
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 418 "));
  EXPECT_EQ(client.read_exactly(5), "short");
  edge.route.action = Redirect{.status = 301, .to = "https://{host}{uri}"};
  edge.worker->publish(edge.snapshot());
  ASSERT_TRUE(eventually([&] { return edge.retired == 1; }));
  client.send(get("/a?b=c"));
  const std::string head = client.read_head();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 301 ") && has(head, "Location: https://shop.example/a?b=c\r\n")) << head;
  const shared::Prefix office = *shared::Prefix::parse("192.0.2.0/24");
  edge.route.allow = PrefixSet(std::vector{office});
  edge.worker->publish(edge.snapshot());
  ASSERT_TRUE(eventually([&] { return edge.retired == 2; }));
  Conn other = edge.client();
  other.send(get());
  EXPECT_TRUE(other.read_head().starts_with("HTTP/1.1 403 "));
}

TEST(AccessLog, ALineForEachRequestWithItsReason) {
  const auto path = std::filesystem::temp_directory_path() / ("access-" + std::to_string(::getpid()) + ".log");
  {
    auto log = AccessLog::open(path.string(), 1);
    ASSERT_TRUE(log.has_value());
    Backend backend(answering(ok("hello")));
    Edge edge({backend.endpoint()});
    edge.lane = &(*log)->lane(0);
    edge.pool.when_all_down = WhenAllDown::refuse;
    edge.start();
    Conn client = edge.client();
    client.send(get("/a%22b"));
    client.read_head();
    client.read_exactly(5);
    edge.live.server(ServerId{0}).state.set_health(shared::HealthState::down);
    client.send(get("/down"));
    client.read_head();
    Conn broken = edge.client();
    broken.send("nonsense\r\n\r\n");
    broken.read_to_end();
    EXPECT_TRUE(eventually([&] { return edge.worker->counters().responses[4].read() == 1; }));
  }
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  std::filesystem::remove(path);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(has(lines[0], "\"status\":200") && has(lines[0], "\"route\":\"all\"") && has(lines[0], "\"attempts\":1"));
  EXPECT_TRUE(has(lines[1], "\"status\":503") && has(lines[1], "no usable server")) << lines[1];
  EXPECT_TRUE(has(lines[2], "\"status\":400")) << lines[2];
}

TEST(AccessLog, ATunnelOfDaysHasItsTimes) {
  AccessRecord record;
  record.first_byte_us = 5'000'000'000;
  record.total_us = 400'000'000'000;
  const std::string line = format_access(record);
  EXPECT_TRUE(has(line, R"("first_byte_us":5000000000,)")) << line;
  EXPECT_TRUE(has(line, R"("total_us":400000000000,)")) << line;
}

TEST(AccessLog, AFullLaneDropsAndCounts) {
  AccessLane lane;
  AccessRecord record;
  const std::string path(1000, 'x');
  record.path = path;
  for (int i = 0; i < 2000; ++i) lane.write(record);
  EXPECT_GT(lane.dropped(), 0U);
}

// A FIFO, and a reader of it that comes and goes.
struct Fifo {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("access-" + std::to_string(::getpid()) + ".fifo");
  shared::UniqueFd reader;

  Fifo() {
    std::filesystem::remove(path);
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  }
  ~Fifo() { std::filesystem::remove(path); }
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;

  void open() { reader = shared::UniqueFd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)); }
  std::string read() const {
    std::string text(1 << 20, '\0');
    const ssize_t n = ::read(reader.get(), text.data(), text.size());
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }
};

TEST(AccessLog, AFifoWithoutAReaderHoldsNeitherTheStartNorALine) {
  Fifo fifo;
  auto log = AccessLog::open(fifo.path.string(), 1);
  ASSERT_TRUE(log.has_value());
  AccessRecord record;
  record.path = "/kept";
  (*log)->lane(0).write(record);
  fifo.open();
  std::string text;
  EXPECT_TRUE(eventually([&] { return has(text += fifo.read(), "/kept"); }));
}

TEST(AccessLog, AReaderThatStopsHoldsNobody) {
  Fifo fifo;
  fifo.open();
  auto log = AccessLog::open(fifo.path.string(), 1);
  ASSERT_TRUE(log.has_value());
  AccessRecord record;
  const std::string path(1000, 'x');
  record.path = path;
  std::string first;
  (*log)->lane(0).write(record);
  ASSERT_TRUE(eventually([&] { return !(first += fifo.read()).empty(); }));
  for (int i = 0; i < 3000; ++i) (*log)->lane(0).write(record);  // more than a pipe and the lane take
  EXPECT_GT((*log)->dropped(), 0U);
  std::atomic<bool> reopened{false};
  (*log)->reopen([&](const shared::Result<void>& done) { reopened = done.has_value(); });
  EXPECT_TRUE(eventually([&] { return reopened.load(); }));
  log->reset();  // returns, although what is left is never read
}

TEST(AccessLog, AReaderThatComesBackGetsWholeLines) {
  Fifo fifo;
  fifo.open();
  auto log = AccessLog::open(fifo.path.string(), 1);
  ASSERT_TRUE(log.has_value());
  AccessRecord record;
  const std::string path(1000, 'x');
  record.path = path;
  for (int i = 0; i < 500; ++i) (*log)->lane(0).write(record);  // a pipe takes 64 KiB: the last line is cut
  std::string text;
  ASSERT_TRUE(eventually([&] { return text.size() > 0 || (text += fifo.read()).size() > 0; }));
  fifo.reader.reset();
  EXPECT_TRUE(eventually([&] { return (*log)->dropped() > 0; }));
  fifo.open();
  text.clear();
  EXPECT_TRUE(eventually([&] { return (text += fifo.read()).size() > 4096; }));
  EXPECT_TRUE(text.starts_with("{\"time\"")) << text.substr(0, 80);
}

TEST(AccessLog, AFileThatCannotBeOpenedIsAnErrorOfTheStart) {
  EXPECT_FALSE(AccessLog::open("/nowhere/access.log", 1).has_value());
}

}  // namespace
}  // namespace edge::test
