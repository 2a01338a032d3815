#include <sys/resource.h>

#include "tests/edge/serve/harness.h"

namespace edge::test::failure_test {
namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// An address where nobody listens.
shared::Endpoint refusing() {
  auto sockets = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
  return shared::local_endpoint(sockets->front().get());
}

// No descriptor can be opened while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const shared::UniqueFd next(::dup(0));
    const rlimit none{.rlim_cur = static_cast<rlim_t>(next.get()), .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

std::uint64_t errors(const Edge& edge, ErrorKind kind) {
  return edge.worker->counters().errors[static_cast<std::size_t>(kind)].read();
}

TEST(Failure, RefusedServersAreSkipped) {
  Backend backend(answering(ok("x")));
  Edge edge({refusing(), backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 4; ++i) {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(client.read_exactly(1), "x");
  }
  EXPECT_GE(edge.worker->counters().retries.read(), 2U);
}

TEST(Failure, AllRefusedIs502) {
  Edge edge({refusing(), refusing()});
  edge.start();
  Conn client = edge.client();
  client.send(get());
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 502 "));
  EXPECT_EQ(edge.worker->counters().retries.read(), 1U);
}

TEST(Failure, NoServerUpIs503) {
  Edge edge({refusing()});
  edge.live.server(ServerId{0}).state.set_health(shared::HealthState::down);
  edge.start();
  Conn client = edge.client();
  client.send(get());
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(eventually([&] { return errors(edge, ErrorKind::no_server) == 1; }));
}

TEST(Failure, WhatWeLackSpeaksAgainstNoServer) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan opens a pipe to look at an object's type; the thread sanitizer's build runs this test";
#endif
  Backend one(answering(ok("x")));
  Backend two(answering(ok("x")));
  Edge edge({one.endpoint(), two.endpoint()});
  edge.pool.breaker = {.mode = shared::Mode::enforce, .failures = 1};
  edge.pool.idle.connections = 0;
  edge.route.path = "/known";
  edge.start();
  Conn client = edge.client();
  // It is accepted while there is a descriptor for it, and nothing is opened that could be closed later.
  client.send(get("/elsewhere"));
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 404 "));
  client.read_exactly(std::string_view("Not Found").size());
  {
    const NoDescriptors none;
    for (int i = 0; i < 4; ++i) {
      client.send(get("/known"));
      const std::string head = client.read_head();
      EXPECT_TRUE(head.starts_with("HTTP/1.1 503 ")) << head;
      client.read_exactly(std::string_view("Service Unavailable").size());
    }
  }
  for (const auto id : {ServerId{0}, ServerId{1}}) {
    EXPECT_EQ(edge.live.server(id).failures.load(), 0U);
    EXPECT_EQ(edge.live.server(id).state.breaker(), BreakerState::closed);
  }
  EXPECT_EQ(edge.worker->counters().retries.read(), 0U) << "the next server would not be reached either";
  EXPECT_TRUE(eventually([&] { return errors(edge, ErrorKind::exhausted) == 4; }));
  client.send(get("/known"));
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
}

Backend::Script closing() {
  return [](Conn& conn) { conn.read_head(); };
}

TEST(Failure, ClosedBeforeTheHeadGoesToAnotherServerWhenItMayBeDoneTwice) {
  Backend bad(closing());
  Backend good(answering(ok("x")));
  Edge edge({bad.endpoint(), good.endpoint()});
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 4; ++i) {
    client.send(get());
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(client.read_exactly(1), "x");
  }
  EXPECT_GE(bad.connections(), 1);
  EXPECT_EQ(edge.worker->counters().retries.read(), static_cast<std::uint64_t>(bad.connections()));
  Conn post = edge.client();
  int refused = 0;
  for (int i = 0; i < 2; ++i) {
    post.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    const std::string head = post.read_head();
    if (head.starts_with("HTTP/1.1 502 ")) ++refused;
    post.read_exactly(head.starts_with("HTTP/1.1 502 ") ? std::string_view("Bad Gateway").size() : 1);
  }
  EXPECT_EQ(refused, 1) << "a POST that the server may have seen is not sent again";
}

TEST(Failure, TheRetryBudgetIsABound) {
  Backend bad(closing());
  Edge edge({bad.endpoint(), bad.endpoint()});
  edge.pool.retry.budget_share = 0;
  edge.pool.retry.budget_rate = 0.2;  // two in a window of ten seconds
  edge.start();
  for (int i = 0; i < 5; ++i) {
    Conn client = edge.client();
    client.send(get());
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 502 "));
  }
  EXPECT_EQ(edge.worker->counters().retries.read(), 2U);
  EXPECT_EQ(edge.live.pool(PoolSlot{0}).budget_refusals.load(), 3U);
}

TEST(Failure, ASmallBodyIsSentAgainAsItWas) {
  Backend bad([](Conn& conn) {
    conn.read_head();
    conn.read_exactly(10);
  });
  std::atomic<int> whole{0};
  Backend good([&](Conn& conn) {
    while (!conn.read_head().empty()) {
      if (conn.read_exactly(10) == "0123456789") ++whole;
      if (!conn.send(ok("x"))) return;
    }
  });
  Edge edge({bad.endpoint(), good.endpoint()});
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 2; ++i) {
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
    client.send("56789");
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(client.read_exactly(1), "x");
    EXPECT_EQ(whole, i + 1);
  }
  edge.stop();
  edge.pool.retry.buffer = 9;
  edge.start();
  int refused = 0;
  for (int i = 0; i < 2; ++i) {
    Conn again = edge.client();
    again.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
    if (again.read_head().starts_with("HTTP/1.1 502 ")) ++refused;
  }
  EXPECT_EQ(refused, 1) << "too large to keep";
}

TEST(Failure, AFrozenServerCostsOneTry) {
  Backend frozen([](Conn& conn) { conn.read_to_end(); });
  Backend good(answering(ok("x")));
  Edge edge({frozen.endpoint(), good.endpoint()});
  edge.route.timeouts.try_time = shared::milliseconds(80);
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 2; ++i) {
    client.send(get());
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(client.read_exactly(1), "x");
  }
  EXPECT_GE(edge.worker->counters().retries.read(), 1U);
}

TEST(Failure, TotalTimeBoundsAllTries) {
  Backend frozen([](Conn& conn) { conn.read_to_end(); });
  Edge edge({frozen.endpoint(), frozen.endpoint(), frozen.endpoint()});
  edge.route.timeouts.try_time = shared::milliseconds(100);
  edge.route.timeouts.total = shared::milliseconds(150);
  edge.start();
  Conn client = edge.client();
  client.send(get());
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 504 "));
  EXPECT_LE(edge.worker->counters().retries.read(), 1U) << "there is no time for a third";
}

TEST(Failure, TheBreakerKeepsRequestsAway) {
  Backend bad(closing());
  Backend good(answering(ok("x")));
  Edge edge({bad.endpoint(), good.endpoint()});
  edge.pool.breaker.mode = shared::Mode::enforce;
  edge.pool.breaker.failures = 3;
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 30; ++i) {
    client.send(get());
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(client.read_exactly(1), "x");
  }
  EXPECT_EQ(bad.connections(), 3);
  const ServerLive& live = edge.live.server(ServerId{0});
  EXPECT_EQ(live.state.breaker(), BreakerState::open);
  EXPECT_EQ(live.breaker_opened.load(), 1U);
  EXPECT_EQ(live.in_flight.load(), 0U);
}

TEST(Failure, AHedgeWinsOverASlowServer) {
  std::atomic<bool> slow{false};
  Backend sleepy([&](Conn& conn) {
    while (!conn.read_head().empty()) {
      if (slow) {
        conn.closed(60'000);
        return;
      }
      if (!conn.send(ok("x"))) return;
    }
  });
  Backend good(answering(ok("x")));
  Edge edge({sleepy.endpoint(), good.endpoint()});
  edge.pool.retry.hedge.mode = shared::Mode::enforce;
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 70; ++i) {
    slow = i >= 60;
    client.send(get());
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 ")) << i;
    EXPECT_EQ(client.read_exactly(1), "x");
  }
  EXPECT_GE(edge.live.pool(PoolSlot{0}).hedges_won.load(), 1U);
  EXPECT_TRUE(eventually([&] { return edge.live.server(ServerId{0}).in_flight == 0; })) << "the loser was let go";
}

TEST(Failure, WhatChangesSomethingIsNotHedged) {
  std::atomic<int> changes{0};
  std::atomic<bool> slow{false};
  const auto script = [&](Conn& conn) {
    for (std::string head = conn.read_head(); !head.empty(); head = conn.read_head()) {
      if (!head.starts_with("GET")) ++changes;
      // Long after a hedge would have begun.
      while (slow && !conn.silent(300)) return;
      if (!conn.send(ok("x"))) return;
    }
  };
  Backend one(script);
  Backend two(script);
  Edge edge({one.endpoint(), two.endpoint()});
  edge.pool.retry.hedge.mode = shared::Mode::enforce;
  edge.start();
  Conn client = edge.client();
  int sent = 0;
  for (int i = 0; i < 62; ++i) {
    slow = i >= 60;
    client.send(i < 60    ? get()
                : i == 60 ? "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"
                          : "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    if (i >= 60) ++sent;
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 ")) << i;
    EXPECT_EQ(client.read_exactly(1), "x");
  }
  EXPECT_EQ(changes, sent);
  EXPECT_EQ(edge.live.pool(PoolSlot{0}).hedges.load(), 0U);
}

// Serves one request, then closes when the second one comes: what a keep-alive timeout looks like from outside.
Backend::Script one_then_close() {
  return [](Conn& conn) {
    conn.read_head();
    conn.send(ok("x"));
    conn.read_head();
  };
}

TEST(Failure, AReusedConnectionThatDiesIsRetriedForIdempotentRequests) {
  Backend first(one_then_close());
  Edge edge({first.endpoint()});
  edge.pool.retry.attempts = 1;  // a dead connection was no try
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 4; ++i) {
    client.send(get());
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 ")) << i;
    EXPECT_EQ(client.read_exactly(1), "x");
  }
  EXPECT_EQ(edge.worker->counters().retries.read(), 3U);
}

TEST(Failure, AReusedConnectionThatDiesIsNotRetriedForPost) {
  Backend first(one_then_close());
  Edge edge({first.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send(get());
  client.read_head();
  client.read_exactly(1);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 502 "));
}

TEST(Failure, ClosedInsideTheHeadGoesToAnotherServerOnce) {
  Backend bad([](Conn& conn) {
    conn.read_head();
    conn.send("HTTP/1.1 200 OK\r\nContent-Le");
  });
  Edge edge({bad.endpoint(), bad.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send(get());
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 502 "));
  EXPECT_EQ(bad.connections(), 2);
}

TEST(Failure, AfterAnInterimAnswerNothingIsSentAgain) {
  Backend bad([](Conn& conn) {
    conn.read_head();
    conn.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  });
  Edge edge({bad.endpoint(), bad.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send(get());
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 103 "));
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 502 "));
  EXPECT_EQ(bad.connections(), 1);
}

TEST(Failure, ATruncatedBodyLooksTruncated) {
  Backend bad([](Conn& conn) {
    const std::string head = conn.read_head();
    if (has(head, "/length")) conn.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    if (has(head, "/chunks")) conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n");
  });
  Edge edge({bad.endpoint()});
  edge.start();
  Conn length = edge.client();
  length.send(get("/length"));
  length.read_head();
  EXPECT_EQ(length.read_to_end(), "short");
  Conn chunks = edge.client();
  chunks.send(get("/chunks"));
  chunks.read_head();
  EXPECT_EQ(chunks.read_to_end(), "5\r\nshort\r\n");
  EXPECT_TRUE(eventually([&] { return errors(edge, ErrorKind::upstream_reset) == 2; }));
}

TEST(Failure, GarbageFromTheUpstreamIs502AndNeverPooled) {
  for (const std::string garbage :
       {"nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Field: 1\r\n\r\n"}) {
    Backend bad(answering(garbage));
    Edge edge({bad.endpoint()});
    edge.start();
    for (int i = 0; i < 2; ++i) {
      Conn client = edge.client();
      client.send(get());
      EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 502 ")) << garbage;
    }
    EXPECT_EQ(bad.connections(), 2) << garbage;
  }
}

TEST(Failure, BytesAfterTheResponseAreNeverPooled) {
  Backend bad(answering(ok("x") + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
  Edge edge({bad.endpoint()});
  edge.start();
  Conn client = edge.client();
  for (int i = 0; i < 3; ++i) {
    client.send(get());
    EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(client.read_exactly(1), "x");
    EXPECT_TRUE(client.silent(20));
  }
  EXPECT_EQ(bad.connections(), 3);
}

TEST(Failure, ASilentServerIs504) {
  Backend silent([](Conn& conn) { conn.read_to_end(); });
  Edge edge({silent.endpoint()});
  edge.route.timeouts.read = shared::milliseconds(80);
  edge.start();
  Conn client = edge.client();
  client.send(get());
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 504 "));
  EXPECT_TRUE(eventually([&] { return errors(edge, ErrorKind::upstream_timeout) == 1; }));
}

TEST(Failure, AClientThatBreaksOffFreesTheServer) {
  std::promise<void> freed;
  Backend backend([&](Conn& conn) {
    if (conn.read_head().empty()) return;
    conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    if (conn.closed()) freed.set_value();
  });
  Edge edge({backend.endpoint()});
  edge.start();
  Conn client = edge.client();
  client.send(get());
  client.read_head();
  client.reset();
  EXPECT_EQ(freed.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_TRUE(eventually([&] { return edge.live.server(ServerId{0}).in_flight == 0; }));
}

// It may be answering at the time, or thinking.
TEST(Failure, AClientThatLeavesWithAFinFreesTheServer) {
  for (const std::string_view begun : {"", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"}) {
    std::promise<void> asked;
    std::promise<void> freed;
    Backend backend([&](Conn& conn) {
      if (conn.read_head().empty() || conn.read_exactly(4) != "body") return;
      conn.send(begun);
      asked.set_value();
      if (conn.closed()) freed.set_value();
    });
    Edge edge({backend.endpoint()});
    edge.start();
    Conn client = edge.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    asked.get_future().wait();
    if (!begun.empty()) client.read_head();
    client.shutdown_send();
    EXPECT_EQ(freed.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
    EXPECT_TRUE(eventually([&] { return errors(edge, ErrorKind::client_closed) == 1; }));
    EXPECT_TRUE(eventually([&] { return edge.live.server(ServerId{0}).in_flight == 0; }));
    EXPECT_EQ(edge.live.server(ServerId{0}).failures, 0U) << "it says nothing about the server";
  }
}

TEST(Failure, AHalfClosingClientIsAnsweredWhereThatIsAllowed) {
  Backend backend(answering(ok("x")));
  Edge edge({backend.endpoint()}, [](Settings& s) { s.half_close = HalfClose::allow; });
  edge.start();
  Conn client = edge.client();
  client.send(get());
  client.shutdown_send();
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(client.read_to_end(), "x");
}

TEST(Failure, AClientThatStopsInsideItsBodyIsToldSo) {
  Backend backend([](Conn& conn) { conn.read_to_end(); });
  Edge edge({backend.endpoint()}, [](Settings& s) { s.timeouts.body = shared::milliseconds(80); });
  edge.start();
  Conn client = edge.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 408 "));
  client.read_to_end();
}

TEST(Failure, ABodyOverTheLimitIs413) {
  Backend backend([](Conn& conn) { conn.read_to_end(); });
  Edge edge({backend.endpoint()}, [](Settings& s) { s.max_body = 8; });
  edge.start();
  Conn length = edge.client();
  length.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
  EXPECT_TRUE(length.read_head().starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(backend.connections(), 0);
  Conn chunks = edge.client();
  chunks.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n012345678\r\n0\r\n\r\n");
  EXPECT_TRUE(chunks.read_head().starts_with("HTTP/1.1 413 "));
}

}  // namespace
}  // namespace edge::test::failure_test
