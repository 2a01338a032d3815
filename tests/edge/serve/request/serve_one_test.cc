// serve_one over halves that are no connection: what it answers itself, errors, and a server's answer.
#include "edge/serve/request/serve_one.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <thread>

#include "edge/core/decide/explain.h"
#include "edge/core/message/explain_fields.h"
#include "edge/core/route/gate.h"
#include "tests/edge/serve/fake_server.h"
#include "tests/edge/serve/fakes.h"

namespace edge::test::serve_one_test {
namespace {

struct Answered {
  FakeSource source;
  FakeSink sink;

  Answered(FakeWorker& worker, const std::string& text) : source(text) {
    Served served(worker, source, sink);
    EXPECT_TRUE(served.done()) << text;
  }
};

TEST(ServeOne, AnswersItself) {
  FakeWorker worker;
  worker.add_route("/words", Respond{.status = 200, .body = "some words", .content_type = "text/x"});
  worker.add_route("/old", Redirect{.status = 301, .to = "https://{host}/new"});
  const Answered words(worker, get("/words"));
  EXPECT_EQ(words.sink.status, 200);
  EXPECT_EQ(words.sink.body, "some words");
  EXPECT_EQ(words.sink.content_type, "text/x");
  EXPECT_EQ(words.sink.ends, 1);
  const Answered moved(worker, get("/old"));
  EXPECT_EQ(moved.sink.status, 301);
  EXPECT_EQ(moved.sink.location, "https://shop.example/new");
  const Answered health(worker, get("/.meridian/health"));
  EXPECT_TRUE(health.sink.body.find("\"region\":\"eu\"") != std::string::npos) << health.sink.body;
  EXPECT_EQ(health.sink.content_type, "application/json");
  EXPECT_EQ(worker.context().counters.in_flight.read(), 0U);
  EXPECT_EQ(worker.context().counters.responses[2].read() + worker.context().counters.responses[5].read(), 2U);
}

TEST(ServeOne, HeadLeavesThePageOutAndSaysItsLength) {
  FakeWorker worker;
  worker.add_route("/words", Respond{.status = 200, .body = "some words"});
  worker.add_route("/nothing", Respond{.status = 204, .body = "some words"});
  const Answered head(worker, "HEAD /words HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(head.sink.length, 10U);
  EXPECT_EQ(head.sink.body, "");
  EXPECT_EQ(head.sink.ends, 1);
  EXPECT_EQ(Answered(worker, get("/nothing")).sink.body, "");
}

TEST(ServeOne, RefusalsCountAsWhatTheyAre) {
  FakeWorker worker;
  worker.routes.clear();
  worker.add_route("/closed", PoolId{0}).allow = PrefixSet();
  worker.add_route("/words", Respond{.status = 404, .body = "none of ours"});
  EXPECT_EQ(Answered(worker, get("/elsewhere")).sink.status, 404);
  EXPECT_EQ(Answered(worker, get("/closed")).sink.status, 403);
  const Answered malformed(worker, get("/%00"));
  EXPECT_EQ(malformed.sink.status, 400);
  EXPECT_TRUE(malformed.sink.distrusts) << "nothing else that comes on such a connection is believed";
  EXPECT_EQ(Answered(worker, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n").sink.status, 405);
  EXPECT_EQ(worker.errors(ErrorKind::no_route), 1U);
  EXPECT_EQ(worker.errors(ErrorKind::forbidden), 1U);
  EXPECT_EQ(worker.errors(ErrorKind::bad_request), 2U);
  EXPECT_EQ(Answered(worker, get("/words")).sink.status, 404);
  EXPECT_EQ(worker.errors(ErrorKind::no_route), 1U) << "a route said it";
}

TEST(ServeOne, APoolWithoutAServerIs503) {
  FakeWorker worker(0);
  const Answered asked(worker, get("/"));
  EXPECT_EQ(asked.sink.status, 503);
  EXPECT_EQ(asked.sink.body, "Service Unavailable");
  EXPECT_FALSE(asked.sink.distrusts);
  EXPECT_EQ(worker.errors(ErrorKind::no_server), 1U);
}

TEST(ServeOne, NobodyListensIs502) {
  FakeWorker worker;
  const Answered asked(worker, get("/"));
  EXPECT_EQ(asked.sink.status, 502);
  EXPECT_EQ(worker.live.server(ServerId{0}).failures.load(), 1U);
  EXPECT_EQ(worker.live.server(ServerId{0}).in_flight.load(), 0U);
}

TEST(ServeOne, APageWaitsForWhoTakesItSlowly) {
  FakeWorker worker;
  const std::string large(10000, 'x');
  worker.add_route("/large", Respond{.status = 200, .body = large});
  FakeSource source(get("/large"));
  FakeSink sink;
  sink.room = 4000;
  Served served(worker, source, sink);
  EXPECT_FALSE(served.done());
  EXPECT_EQ(sink.body.size(), 4000U);
  sink.room = 1 << 20;
  served.waiter().wake();
  EXPECT_TRUE(served.done());
  EXPECT_EQ(sink.body, large);
  EXPECT_EQ(sink.starts, 1);
  EXPECT_FALSE(sink.was_cut);
}

TEST(ServeOne, AServersAnswerComesThrough) {
  FakeWorker worker;
  FakeServer server(worker, 0);
  FakeSource source("POST /x HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\n");
  source.body = "hello";
  FakeSink sink;
  Served served(worker, source, sink);
  EXPECT_FALSE(served.done());
  const std::string request = server.heard();
  EXPECT_TRUE(request.starts_with("POST /x HTTP/1.1\r\n")) << request;
  EXPECT_TRUE(request.ends_with("\r\n\r\nhello")) << request;
  EXPECT_EQ(source.invited, 1);
  EXPECT_EQ(worker.live.server(ServerId{0}).in_flight.load(), 1U);
  server.say("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nyes");
  EXPECT_TRUE(served.done());
  EXPECT_EQ(sink.interims, std::vector<std::uint16_t>{103});
  EXPECT_EQ(sink.status, 201);
  EXPECT_EQ(sink.body, "yes");
  EXPECT_EQ(sink.ends, 1);
  EXPECT_EQ(worker.live.server(ServerId{0}).in_flight.load(), 0U);
  EXPECT_EQ(worker.context().counters.octets_in.read(), 5U);
}

TEST(ServeOne, AnAnswerThatBreaksOffIsCut) {
  FakeWorker worker;
  FakeServer server(worker, 0);
  FakeSource source(get("/"));
  FakeSink sink;
  Served served(worker, source, sink);
  server.heard();
  server.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  server.end.reset();
  EXPECT_TRUE(served.done());
  EXPECT_EQ(sink.body, "half");
  EXPECT_TRUE(sink.was_cut);
  EXPECT_EQ(sink.ends, 0);
  EXPECT_EQ(worker.errors(ErrorKind::upstream_reset), 1U);
}

TEST(ServeOne, AClientThatHasGoneIsNotAnswered) {
  FakeWorker worker;
  FakeServer server(worker, 0);
  FakeSource source(get("/"));
  FakeSink sink;
  Served served(worker, source, sink);
  EXPECT_FALSE(served.done());
  source.gone = true;
  served.waiter().wake();
  EXPECT_TRUE(served.done());
  EXPECT_EQ(sink.starts, 0);
  EXPECT_TRUE(sink.was_cut);
  EXPECT_EQ(worker.errors(ErrorKind::client_closed), 1U);
  EXPECT_EQ(worker.live.server(ServerId{0}).failures.load(), 0U) << "it says nothing of the server";
}

TEST(ServeOne, ABodyOfUnknownLengthIsBoundedByItsRoute) {
  const auto answered = [](std::size_t most) {
    FakeWorker worker;
    auto gate = std::make_shared<Gate>();
    gate->max_body = most;
    worker.routes.front().gate = std::move(gate);
    FakeServer server(worker, 0);
    FakeSource source("POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n");
    source.body = "hello";
    FakeSink sink;
    Served served(worker, source, sink);
    served.done();
    if (sink.starts == 0) server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(served.done());
    return sink.status;
  };
  EXPECT_EQ(answered(5), 200);
  EXPECT_EQ(answered(4), 413);
}

TEST(ServeOne, WhoMayBeToldHearsWhatIsDecided) {
  FakeWorker worker;
  const shared::Prefix ours = *shared::Prefix::parse("198.51.100.0/24");
  worker.settings.explain_to = PrefixSet({&ours, 1});
  worker.add_route("/words", Respond{.status = 200, .body = "some words"});
  const std::string asks = "X-Meridian-Explain: 1\r\n";
  const Answered own(worker, get("/words", asks));
  EXPECT_TRUE(own.sink.field(kExplainField).find("route /words") != std::string::npos) << own.sink.field(kExplainField);
  EXPECT_EQ(own.sink.field(kTraceField).size(), 32U) << "the id by which the log knows it";
  for (const std::string& says_nothing : {std::string(), std::string("X-Meridian-Explain: 0\r\n")}) {
    const Answered untold(worker, get("/words", says_nothing));
    EXPECT_EQ(untold.sink.field(kExplainField), "");
    EXPECT_EQ(untold.sink.field(kTraceField), "");
  }

  FakeServer server(worker, 0);
  FakeSource source(get("/", asks));
  FakeSink sink;
  Served served(worker, source, sink);
  EXPECT_FALSE(served.done());
  server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Meridian-Trace: a server's\r\n\r\n");
  EXPECT_TRUE(served.done());
  EXPECT_TRUE(sink.field(kExplainField).find("server web0") != std::string::npos) << sink.field(kExplainField);

  FakeSource stranger(get("/words", asks));
  stranger.asked.peer = *shared::IpAddress::parse("203.0.113.7");
  FakeSink to_stranger;
  EXPECT_TRUE(Served(worker, stranger, to_stranger).done());
  EXPECT_EQ(to_stranger.status, 200);
  EXPECT_EQ(to_stranger.field(kExplainField), "");
}

TEST(ServeOne, ALimitIsAnnouncedWhereItIsSaid) {
  const auto announced = [](bool announce) {
    FakeWorker worker;
    worker.add_route("/words", Respond{.status = 200, .body = "some words"})
        .limits.push_back(std::make_shared<const RateLimit>(
            RateLimitSettings{.name = "api", .rate = 0.001, .burst = 1, .announce = announce},
            std::make_shared<LimitLive>(4), 1));
    std::vector<std::string> said;
    for (int i = 0; i < 3; ++i) {
      const Answered got(worker, get("/words"));
      EXPECT_EQ(got.sink.status, i < 2 ? 200 : 429);
      said.push_back(got.sink.rate_limit.substr(0, got.sink.rate_limit.find(";t=")));
    }
    return said;
  };
  EXPECT_EQ(announced(true), (std::vector<std::string>{"\"api\";r=1", "\"api\";r=0", "\"api\";r=0"}));
  EXPECT_EQ(announced(false), (std::vector<std::string>{"", "", "\"api\";r=0"})) << "a refusal always says it";
}

TEST(ServeOne, WhoIsDelayedWaitsForHisTurn) {
  FakeWorker worker;
  worker.add_route("/words", Respond{.status = 200, .body = "some words"})
      .limits.push_back(std::make_shared<const RateLimit>(
          RateLimitSettings{.name = "api", .rate = 2, .burst = 3, .excess = Excess::delay},
          std::make_shared<LimitLive>(4), 1));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(Answered(worker, get("/words")).sink.status, 200) << "it is due at once";
  FakeSource source(get("/words"));
  source.asked.head_read = shared::Clock::now();  // its turn is counted from then on
  FakeSink sink;
  Served served(worker, source, sink);
  for (int i = 0; i < 10'000 && !served.done(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(sink.status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(490));
}

// A route whose clients have passwords: of "user" it is "right".
class ServeOnePassword : public testing::Test {
 protected:
  ServeOnePassword() { route().gate = gate("$5$rounds=1000$salt$jmWlX.WMmU0.rE0RvWQVpnv3gAtcUKsIbtS2DDkjkW."); }
  Route& route() { return worker.add_route("/words", Respond{.status = 200, .body = "some words"}); }
  std::shared_ptr<const Gate> gate(const std::string& hash) const {
    auto made = std::make_shared<Gate>();
    made->auth.push_back(std::make_shared<const AuthPolicy>(
        AuthSettings{.name = "staff",
                     .mode = mode,
                     .realm = "staff",
                     .user_field = {},
                     .by = PasswordUsers{.users = {{.name = "user", .hash = hash}}, .stand_in = hash}},
        live, CredentialKeys{shared::SipKey{1}, shared::SipKey{2}}));
    return made;
  }
  static bool over(Served& served) {
    for (int i = 0; i < 10'000 && !served.done(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return served.done();
  }
  struct Asking : FakeSource {
    explicit Asking(const std::string& credentials)
        : FakeSource(get("/words", "Authorization: Basic " + credentials + "\r\n")) {
      asked.head_read = shared::Clock::now();  // a check has its time from then on
    }
  };
  std::uint16_t status(const std::string& credentials) {
    Asking source(credentials);
    FakeSink sink;
    Served served(worker, source, sink);
    EXPECT_TRUE(over(served));
    return sink.status;
  }
  static constexpr const char* kRight = "dXNlcjpyaWdodA==";  // user:right
  static constexpr const char* kWrong = "dXNlcjp3cm9uZw==";  // user:wrong

  shared::Mode mode = shared::Mode::enforce;
  std::shared_ptr<AuthLive> live = std::make_shared<AuthLive>();
  FakeWorker worker;
};

TEST_F(ServeOnePassword, IsCheckedElsewhereAndRemembered) {
  EXPECT_EQ(status(kRight), 200);
  EXPECT_EQ(status(kWrong), 401);
  EXPECT_EQ(live->accepted, 1U);
  EXPECT_EQ(live->refused, 1U);
  Asking source(kRight);
  FakeSink sink;
  EXPECT_TRUE(Served(worker, source, sink).done()) << "it is known";
  EXPECT_EQ(sink.status, 200);
  EXPECT_EQ(worker.errors(ErrorKind::unauthorized), 1U);
}

TEST_F(ServeOnePassword, WhoseClientHasGoneIsNotWaitedFor) {
  worker.routes.back().gate = gate("$5$rounds=2000000$salt$jmWlX.WMmU0.rE0RvWQVpnv3gAtcUKsIbtS2DDkjkW.");
  Asking source(kRight);
  FakeSink sink;
  Served served(worker, source, sink);
  served.waiter().wake();
  EXPECT_FALSE(served.done()) << "its client is still there";
  source.gone = true;
  served.waiter().wake();
  EXPECT_TRUE(served.done());
  EXPECT_EQ(sink.starts, 0);
  EXPECT_EQ(worker.errors(ErrorKind::client_closed), 1U);
}

TEST_F(ServeOnePassword, ThatIsNotCheckedInTimeIsNotWaitedFor) {
  worker.routes.back().gate = gate("$5$rounds=2000000$salt$jmWlX.WMmU0.rE0RvWQVpnv3gAtcUKsIbtS2DDkjkW.");
  Asking source(kRight);
  source.asked.head_read -= shared::seconds(10);
  FakeSink sink;
  Served served(worker, source, sink);
  EXPECT_TRUE(over(served));
  EXPECT_EQ(sink.status, 503);
  EXPECT_EQ(worker.errors(ErrorKind::exhausted), 1U);
}

// What may stand before a sink: a copy of what passes, as a cache would take it.
struct Tee final : ResponseSink {
  explicit Tee(ResponseSink& to) : next(to) {}
  void interim(const http::ResponseHead& head) override { next.interim(head); }
  void start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) override {
    next.start(head, framing, rules);
  }
  void start(const OwnHead& head) override { next.start(head); }
  std::size_t write(std::string_view data) override {
    const std::size_t n = next.write(data);
    copy += data.substr(0, n);
    return n;
  }
  void end(std::string_view trailers) override {
    whole = true;
    next.end(trailers);
  }
  Sent flush() override { return next.flush(); }
  bool failed() const override { return next.failed(); }
  bool blocked() const override { return next.blocked(); }
  std::uint64_t octets_sent() const override { return next.octets_sent(); }
  void cut() override { next.cut(); }

  ResponseSink& next;
  std::string copy;
  bool whole = false;
};

TEST(ServeOne, SomethingMayStandBeforeTheSink) {
  FakeWorker worker;
  FakeServer server(worker, 0);
  FakeSource source(get("/"));
  FakeSink sink;
  Tee tee(sink);
  Served served(worker, source, tee);
  const std::string large(300000, 'x');
  server.say("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n");
  std::string_view rest = large;
  for (int turn = 0; turn < 100 && !rest.empty(); ++turn) {
    const ssize_t n = ::send(server.end.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
    served.done();
  }
  EXPECT_TRUE(served.done());
  EXPECT_EQ(sink.body.size(), large.size());
  EXPECT_TRUE(tee.copy == sink.body) << "nothing went past it";
  EXPECT_TRUE(tee.whole);
}

// The server of explain's answer is the one that the next request goes to, whatever the state of the servers.
TEST(ServeOne, GoesWhereExplainSays) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    FakeWorker worker(4);
    worker.pool.breaker = {.mode = shared::Mode::enforce, .failures = 1};
    worker.pool.retry.attempts = 1;
    if (random() % 2 == 0) worker.pool.when_all_down = WhenAllDown::refuse;
    WorkerContext& context = worker.context();
    worker.live.pool(worker.pool.slot).panic = random() % 4 == 0;
    for (const Server& server : worker.pool.servers) {
      ServerLive& live = worker.live.server(server.id);
      if (random() % 2 == 0) live.state.set_health(shared::HealthState::down);
      if (random() % 4 == 0) live.state.set_draining(true);
      if (random() % 4 == 0) live.state.set_ejected(true);
    }
    for (int request = 0; request < 6; ++request) {
      ExplainedRequest asked;
      asked.host = "shop.example";
      asked.client = *shared::IpAddress::parse("198.51.100.7");
      const auto said =
          explain(context.snapshots.current(), worker.live, asked, {.now = context.now(), .balance = context.balance});
      ASSERT_TRUE(said.has_value());
      const std::string text = to_text(*said);
      std::vector<std::uint64_t> before;
      for (const Server& server : worker.pool.servers) before.push_back(worker.live.server(server.id).requests.load());
      const Answered got(worker, get("/"));
      std::string reached = "503: no usable server in the pool\n";
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (worker.live.server(ServerId{static_cast<std::uint32_t>(i)}).requests.load() == before[i]) continue;
        reached = "server " + worker.pool.servers[i].name + "\n";
      }
      EXPECT_TRUE(text.ends_with(reached)) << text << "but went to: " << reached;
      EXPECT_EQ(got.sink.status == 503, reached.starts_with("503") || text.find("tried all") != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace edge::test::serve_one_test
