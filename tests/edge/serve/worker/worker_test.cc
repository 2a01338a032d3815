#include "tests/edge/serve/harness.h"

namespace edge::test::worker_test {
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

}  // namespace
}  // namespace edge::test::worker_test
