#include "edge/serve/request/attempt.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "edge/core/decide/decide.h"
#include "edge/core/protect/retry.h"
#include "tests/edge/serve/fake_server.h"
#include "tests/edge/serve/fakes.h"

namespace edge::test::attempt_test {
namespace {

// A request that has been decided, and one attempt of it at the first server.
class OneAttempt {
 public:
  explicit OneAttempt(FakeWorker& worker, const std::string& text = get("/"), const std::string& body = "")
      : worker_(worker), source_(text), waiter_(worker.loop), exchange_{source_, sink_, waiter_, work_} {
    source_.body = body;
    source_.asked.head_read = worker.context().now();
    request_ = std::make_unique<Request>(exchange_, worker.context());
    shared::NullTrace trace;
    const Asked asked{.head = source_.head, .peer = source_.asked.peer, .now = request_->now()};
    const DecideState state{.scratch = work_.target, .balance = worker.context().balance};
    request_->decision = decide(*request_->snapshot, worker.live, asked, state, trace);
    EXPECT_EQ(request_->decision.kind, Decision::Kind::pool);
    request_->body.emplace(source_, work_.kept_body, 1024);
    request_->attempts = 1;
  }
  // At this server, whoever was decided on.
  Attempt& at(std::size_t server, Attempt::Connection connection = Attempt::Connection::any) {
    const Attempt::Target target{.server = &request_->pool().servers[server],
                                 .permit = {.kind = BreakerPermit::Kind::normal, .era = 0},
                                 .connection = connection};
    attempt_ = std::make_unique<Attempt>(*request_, target, upstream_work_);
    attempt_->begin();
    return *attempt_;
  }
  // Turns of the loop, with a step after each, until it has ended.
  Attempt& run() {
    for (int turn = 0; turn < 200 && attempt_->waiting(); ++turn) {
      worker_.loop.poll();
      attempt_->step(Wake::event);
    }
    return *attempt_;
  }
  void cancel() { attempt_.reset(); }
  FakeSink& sink() { return sink_; }
  FakeSource& source() { return source_; }
  Request& request() { return *request_; }

 private:
  FakeWorker& worker_;
  FakeSource source_;
  FakeSink sink_;
  Waiter waiter_;
  Work work_;
  Exchange exchange_;
  std::unique_ptr<Request> request_;
  UpstreamWork upstream_work_;
  std::unique_ptr<Attempt> attempt_;
};

ServerLive& live_of(FakeWorker& worker, std::size_t server = 0) {
  return worker.live.server(ServerId{static_cast<std::uint32_t>(server)});
}

std::string answer(std::string_view status, std::string_view more = "Content-Length: 2\r\n\r\nok") {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(more);
}

TEST(Attempt, AGoodAnswerEndsItAndTheConnectionIsKept) {
  FakeWorker worker;
  FakeServer server(worker, 0);
  OneAttempt one(worker);
  Attempt& attempt = one.at(0);
  EXPECT_TRUE(attempt.waiting());
  EXPECT_TRUE(attempt.connected());
  EXPECT_FALSE(attempt.heard());
  EXPECT_TRUE(server.heard().starts_with("GET / HTTP/1.1\r\n"));
  server.say(answer("200 OK"));
  EXPECT_TRUE(one.run().done());
  EXPECT_TRUE(attempt.responding());
  EXPECT_EQ(attempt.status(), 200);
  attempt.settle();
  EXPECT_EQ(live_of(worker).failures, 0U);
  EXPECT_FALSE(one.request().blamed);
  one.cancel();
  EXPECT_EQ(live_of(worker).in_flight, 0U);
  EXPECT_NE(worker.context().upstreams.take_idle(ServerId{0}, FakeWorker::endpoint(0)), nullptr) << "it is kept";
}

TEST(Attempt, AnAnswerThatEndsWithItsConnectionIsNotKept) {
  FakeWorker worker;
  FakeServer server(worker, 0);
  OneAttempt one(worker);
  one.at(0);
  server.say(answer("200 OK", "Connection: close\r\nContent-Length: 2\r\n\r\nok"));
  ASSERT_TRUE(one.run().done());
  one.run().settle();
  EXPECT_EQ(worker.context().upstreams.take_idle(ServerId{0}, FakeWorker::endpoint(0)), nullptr);
}

// Nobody listens at 127.0.0.1:1.
TEST(Attempt, ARefusedConnectionIsTheServersFailureAndNothingWasSent) {
  FakeWorker worker;
  OneAttempt one(worker);
  one.at(0);
  Attempt& attempt = one.run();
  EXPECT_FALSE(attempt.done());
  EXPECT_FALSE(attempt.connected()) << "a POST may be sent to another";
  EXPECT_EQ(attempt.error().kind, ErrorKind::connect_refused);
  EXPECT_EQ(attempt.error().side, Side::upstream);
  attempt.settle();
  EXPECT_EQ(live_of(worker).failures, 1U);
  EXPECT_TRUE(one.request().blamed);
}

TEST(Attempt, WhoseClientHasNoMoreTimeEndsByThatAndSpeaksAgainstNobody) {
  FakeWorker worker;
  FakeServer server(worker, 0);
  OneAttempt one(worker);
  one.request().deadline = one.request().now();
  Attempt& attempt = one.at(0);
  ASSERT_TRUE(attempt.waiting());
  EXPECT_EQ(attempt.deadline(), one.request().deadline);
  attempt.step(Wake::deadline);
  EXPECT_FALSE(attempt.waiting());
  EXPECT_EQ(attempt.error().kind, ErrorKind::deadline);
  EXPECT_EQ(attempt.error().side, Side::client);
  attempt.settle();
  EXPECT_EQ(live_of(worker).failures, 0U);
}

TEST(Attempt, ATryHasItsTimeUntilTheHeadOfTheAnswer) {
  FakeWorker worker;
  worker.routes.front().timeouts.try_time = shared::milliseconds(1);
  FakeServer server(worker, 0);
  OneAttempt one(worker);
  Attempt& attempt = one.at(0);
  EXPECT_LE(attempt.deadline(), one.request().now() + shared::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  worker.loop.poll();
  attempt.step(Wake::deadline);
  EXPECT_EQ(attempt.error().kind, ErrorKind::upstream_timeout);
  EXPECT_EQ(attempt.error().detail, "no answer within the time of a try");
  attempt.settle();
  EXPECT_EQ(live_of(worker).failures, 1U);

  FakeServer another(worker, 0);
  OneAttempt heard(worker);
  heard.at(0);
  another.say(answer("200 OK", "Content-Length: 2\r\n\r\no"));
  Attempt& responding = heard.run();
  EXPECT_TRUE(responding.responding());
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_GT(responding.deadline(), heard.request().now() + shared::seconds(1)) << "a body has as long as it moves";
}

TEST(Attempt, TheEndOfACallSaysMoreThanIts200) {
  const auto failures = [](bool grpc, std::string_view status) {
    FakeWorker worker;
    FakeServer server(worker, 0);
    OneAttempt one(worker);
    one.request().grpc = grpc;
    one.at(0);
    server.say(answer("200 OK", "Content-Type: application/grpc\r\nGrpc-Status: " + std::string(status) +
                                    "\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_TRUE(one.run().done());
    one.run().settle();
    return live_of(worker).failures.load();
  };
  EXPECT_EQ(failures(true, "14"), 1U) << "UNAVAILABLE";
  EXPECT_EQ(failures(true, "0"), 0U);
  EXPECT_EQ(failures(false, "14"), 0U) << "it is no call";
}

// A request that one server has failed at speaks against itself at the next.
TEST(Attempt, OnlyTheFirstServerOfARequestIsBlamed) {
  FakeWorker worker(2);
  OneAttempt one(worker);
  one.at(0);
  one.run().settle();
  one.request().attempts = 2;
  one.at(1);
  one.run().settle();
  EXPECT_EQ(live_of(worker, 0).failures, 1U);
  EXPECT_EQ(live_of(worker, 1).failures, 0U);
}

TEST(Attempt, AKeptConnectionThatWasDeadIsNoFailure) {
  FakeWorker worker;
  auto server = std::make_unique<FakeServer>(worker, 0);
  OneAttempt one(worker);
  Attempt& attempt = one.at(0);
  server.reset();  // it closed just as the request was sent
  EXPECT_FALSE(one.run().done());
  EXPECT_TRUE(attempt.stale());
  EXPECT_FALSE(attempt.heard());
  attempt.settle();
  EXPECT_EQ(live_of(worker).failures, 0U);
  EXPECT_FALSE(one.request().blamed);
}

TEST(Attempt, OneThatWasHeardAndThenCutIsAFailureAndNotStale) {
  FakeWorker worker;
  auto server = std::make_unique<FakeServer>(worker, 0);
  OneAttempt one(worker);
  Attempt& attempt = one.at(0);
  server->say("HTTP/1.1 200 OK\r\nContent-Le");
  EXPECT_TRUE(one.run().waiting());
  EXPECT_TRUE(attempt.heard());
  server.reset();
  EXPECT_FALSE(one.run().done());
  EXPECT_FALSE(attempt.stale());
  EXPECT_FALSE(attempt.answering()) << "the client was told nothing";
  attempt.settle();
  EXPECT_EQ(live_of(worker).failures, 1U);
}

TEST(Attempt, AFreshConnectionIsNotAKeptOne) {
  FakeWorker worker;
  FakeServer kept(worker, 0);
  OneAttempt one(worker);
  one.at(0, Attempt::Connection::fresh);
  EXPECT_EQ(one.run().error().kind, ErrorKind::connect_refused) << "it went to the server's own address";
  EXPECT_EQ(kept.heard(), "");
}

// 502 to 504 speak against their server though the answer is whole; what the application says does not.
TEST(Attempt, ABadStatusIsAFailureAndReachesTheClient) {
  for (const auto& [status, failures] :
       std::initializer_list<std::pair<const char*, std::uint64_t>>{{"200 OK", 0},
                                                                    {"404 Not Found", 0},
                                                                    {"500 Internal Server Error", 0},
                                                                    {"502 Bad Gateway", 1},
                                                                    {"504 Gateway Timeout", 1}}) {
    FakeWorker worker;
    FakeServer server(worker, 0);
    OneAttempt one(worker);
    one.at(0);
    server.say(answer(status));
    ASSERT_TRUE(one.run().done()) << status;
    one.run().settle();
    EXPECT_EQ(live_of(worker).failures, failures) << status;
    EXPECT_EQ(std::to_string(one.sink().status), std::string(status).substr(0, 3));
  }
}

TEST(Attempt, ThatIsCancelledSaysNothingOfItsServerAndGivesEverythingBack) {
  FakeWorker worker;
  FakeServer server(worker, 0);
  OneAttempt one(worker);
  one.at(0);
  EXPECT_EQ(live_of(worker).in_flight, 1U);
  one.cancel();
  EXPECT_EQ(live_of(worker).in_flight, 0U);
  EXPECT_EQ(live_of(worker).failures, 0U);
  EXPECT_EQ(worker.context().upstreams.take_idle(ServerId{0}, FakeWorker::endpoint(0)), nullptr)
      << "half of an answer may come on it";
}

TEST(Attempt, TheTimeOfATryBeginsWhenTheServerHasTheWholeRequest) {
  FakeWorker worker;
  worker.routes.back().timeouts.try_time = shared::milliseconds(50);
  FakeServer server(worker, 0);
  OneAttempt one(worker, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "he");
  one.source().whole = false;
  Attempt& attempt = one.at(0);
  EXPECT_TRUE(one.run().waiting());
  EXPECT_GT(attempt.deadline(), one.request().now() + shared::seconds(1)) << "the client is still sending";
  one.source().body = "llo";
  one.source().whole = true;
  attempt.step(Wake::event);
  EXPECT_LE(attempt.deadline(), one.request().now() + shared::milliseconds(50));
}

TEST(Attempt, TheTotalTimeCountsFromTheRequestsHead) {
  FakeWorker worker;
  worker.routes.back().timeouts.total = shared::milliseconds(80);
  FakeServer server(worker, 0);
  OneAttempt one(worker);
  Attempt& attempt = one.at(0);
  EXPECT_EQ(attempt.deadline(), one.source().asked.head_read + shared::milliseconds(80));
  server.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  EXPECT_TRUE(one.run().waiting());
  EXPECT_GT(attempt.deadline(), one.source().asked.head_read + shared::milliseconds(80)) << "a body may take its time";
}

// The session's cookie goes out with the answer, unless the request came with it or only races another server.
TEST(Attempt, ASessionIsRememberedWhereItIsNew) {
  FakeWorker worker;
  worker.pool.retry.buffer = 0;
  FakeServer server(worker, 0);
  OneAttempt one(worker);
  one.at(0);
  EXPECT_TRUE(one.request().pool().sticky.set_cookies.empty()) << "this pool has no sessions";
  server.say(answer("200 OK"));
  EXPECT_TRUE(one.run().done());
}

}  // namespace
}  // namespace edge::test::attempt_test
