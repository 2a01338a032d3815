#include "shared/serve/probe/prober.h"

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_peer.h"

namespace shared::prober_test {
namespace {

using test::run_for;
using test::run_until;
using test::TestPeer;

struct Seen {
  ProbeTargetId id;
  ProbeOutcome outcome;
  std::string reason;
  std::uint16_t status;
  std::string body;
  bool silent = false;
};

constexpr seconds kNever{3600};  // an interval that no test reaches: what is probed again was probed early

class ProberTest : public ::testing::Test {
 protected:
  void start(ProberSettings settings = {}) {
    // A slow machine must not look like a stalled loop, unless the test is about that.
    if (settings.stall_threshold == ProberSettings().stall_threshold) settings.stall_threshold = seconds(60);
    prober_ = Prober::make(loop_, settings, [this](const ProbeReport& report) {
      seen_.push_back({report.id, report.outcome, std::string(report.reason), report.status, std::string(report.body),
                       report.silent});
    });
  }

  ProbeTarget target(const TestPeer& peer, ProbeKind kind = ProbeKind::http) {
    ProbeTarget out;
    out.id = ProbeTargetId{7};
    out.name = "peer";
    out.endpoint = peer.endpoint();
    out.kind = kind;
    out.host = "www.example.com";
    out.path = "/health";
    out.interval = kNever;
    out.timeout = seconds(20);
    return out;
  }

  ProbeTarget over_tls(const TestPeer& peer) {
    ProbeTarget out = target(peer);
    out.tls.emplace();
    return out;
  }

  void probe(const ProbeTarget& one) { prober_->set_targets({one}); }

  // Runs until `count` reports have come and returns the last.
  Seen report(std::size_t count) {
    EXPECT_TRUE(run_until(loop_, [&] { return seen_.size() >= count; }));
    return seen_.empty() ? Seen{} : seen_.back();
  }

  Loop loop_{kOneThread};
  std::vector<Seen> seen_;
  std::unique_ptr<Prober> prober_;
};

TEST_F(ProberTest, AnswerIsSuccess) {
  start();
  TestPeer peer(loop_);
  peer.script = [](const std::string&) { return test::ok_answer(R"({"draining":true})"); };
  probe(target(peer));
  const Seen seen = report(1);
  EXPECT_EQ(seen.outcome, ProbeOutcome::success);
  EXPECT_EQ(seen.id, ProbeTargetId{7});
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.body, R"({"draining":true})");
  EXPECT_EQ(peer.requests.front().substr(0, 46), "GET /health HTTP/1.1\r\nHost: www.example.com\r\nU");
}

TEST_F(ProberTest, KeepsItsConnection) {
  start();
  TestPeer peer(loop_);
  ProbeTarget one = target(peer);
  one.interval = milliseconds(5);
  probe(one);
  report(5);
  EXPECT_EQ(peer.accepted, 1U);
  EXPECT_GE(peer.requests.size(), 5U);
}

TEST_F(ProberTest, UnexpectedStatusIsOneFailureWithItsBody) {
  start();
  TestPeer peer(loop_);
  peer.script = [](const std::string&) { return "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\ndown"; };
  probe(target(peer));
  const Seen seen = report(1);
  EXPECT_EQ(seen.outcome, ProbeOutcome::failure);
  EXPECT_EQ(seen.reason, "status 503");
  EXPECT_EQ(seen.status, 503);
  EXPECT_EQ(seen.body, "down");
}

TEST_F(ProberTest, ExpectedStatusIsARange) {
  start();
  TestPeer peer(loop_);
  peer.script = [](const std::string&) { return "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"; };
  ProbeTarget one = target(peer);
  one.expected = {200, 399};
  probe(one);
  EXPECT_EQ(report(1).outcome, ProbeOutcome::success);
}

TEST_F(ProberTest, NobodyListeningIsRefused) {
  start();
  TestPeer peer(loop_);
  peer.refuse();
  probe(target(peer));
  const Seen seen = report(1);
  EXPECT_EQ(seen.outcome, ProbeOutcome::refused);
  EXPECT_FALSE(seen.silent) << "its host has answered";
}

TEST_F(ProberTest, HalfAnAnswerIsNoSilence) {
  start();
  TestPeer peer(loop_);
  peer.script = [](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"; };
  ProbeTarget one = target(peer);
  one.timeout = milliseconds(30);
  probe(one);
  const Seen seen = report(1);
  EXPECT_EQ(seen.outcome, ProbeOutcome::failure);
  EXPECT_FALSE(seen.silent);
}

// A killed peer: its kernel closes the connection and refuses the next one. With an interval of an hour, only the watch
// on the kept connection can have seen it.
TEST_F(ProberTest, DeathBetweenProbesIsSeenAtOnce) {
  for (const auto ending : {TestPeer::Ending::close, TestPeer::Ending::reset}) {
    seen_.clear();
    start();
    TestPeer peer(loop_);
    probe(target(peer));
    ASSERT_EQ(report(1).outcome, ProbeOutcome::success);
    peer.refuse();
    peer.end_all(ending);
    EXPECT_EQ(report(2).outcome, ProbeOutcome::refused);
  }
}

TEST_F(ProberTest, DeathWhileAskedIsSeenAtOnce) {
  start();
  TestPeer peer(loop_);
  peer.script = [&](const std::string&) -> std::optional<std::string> {
    asio::post(loop_, [&] {
      peer.refuse();
      peer.end_all(TestPeer::Ending::reset);
    });
    return std::nullopt;
  };
  probe(target(peer));
  EXPECT_EQ(report(1).outcome, ProbeOutcome::refused);
}

TEST_F(ProberTest, RestartIsASuccessAtOnce) {
  start();
  TestPeer peer(loop_);
  probe(target(peer));
  report(1);
  peer.end_all(TestPeer::Ending::close);
  EXPECT_EQ(report(2).outcome, ProbeOutcome::success);
  EXPECT_EQ(peer.accepted, 2U);
}

TEST_F(ProberTest, ResetAfterReconnectingIsOneFailure) {
  start();
  TestPeer peer(loop_);
  peer.script = [&](const std::string&) -> std::optional<std::string> {
    asio::post(loop_, [&] { peer.end_all(TestPeer::Ending::reset); });
    return std::nullopt;
  };
  probe(target(peer));
  const Seen seen = report(1);
  EXPECT_EQ(seen.outcome, ProbeOutcome::failure);
  EXPECT_EQ(seen.reason, "connection closed");
  EXPECT_EQ(peer.accepted, 2U);
}

TEST_F(ProberTest, SilenceCostsTheTimeout) {
  start();
  TestPeer peer(loop_);
  peer.script = [](const std::string&) { return std::nullopt; };
  ProbeTarget one = target(peer);
  one.timeout = milliseconds(30);
  probe(one);
  const Seen seen = report(1);
  EXPECT_EQ(seen.outcome, ProbeOutcome::failure);
  EXPECT_EQ(seen.reason, "no answer in 30 ms");
  EXPECT_TRUE(seen.silent);
  // What was silent is not kept.
  EXPECT_TRUE(run_until(loop_, [&] { return peer.accepted > 0 && peer.ended == peer.accepted; }));
}

TEST_F(ProberTest, ALostAttemptIsMadeAgainOnANewConnection) {
  start();
  TestPeer peer(loop_);
  int asked = 0;
  peer.script = [&](const std::string&) -> std::optional<std::string> {
    if (++asked == 2) return std::nullopt;
    return test::ok_answer();
  };
  ProbeTarget one = target(peer);
  one.interval = milliseconds(10);
  one.timeout = seconds(2);
  probe(one);
  ASSERT_TRUE(run_until(loop_, [&] { return asked >= 3; }));
  EXPECT_EQ(report(2).outcome, ProbeOutcome::success);
  for (const Seen& seen : seen_) EXPECT_EQ(seen.outcome, ProbeOutcome::success);
  EXPECT_EQ(peer.accepted, 2U);
  EXPECT_TRUE(run_until(loop_, [&] { return peer.ended == 1; }));  // the silent one
}

TEST_F(ProberTest, ASuspiciousRoundMakesFiveAttempts) {
  start();
  TestPeer peer(loop_);
  peer.script = [&](const std::string&) -> std::optional<std::string> {
    if (peer.requests.size() < 5) return std::nullopt;
    return test::ok_answer();
  };
  ProbeTarget one = target(peer);
  one.timeout = seconds(4);  // the fifth attempt begins after two
  probe(one);
  EXPECT_EQ(report(1).outcome, ProbeOutcome::success);
  EXPECT_EQ(peer.accepted, 5U);
}

TEST_F(ProberTest, SilentThenWellIsProbedOnANewConnection) {
  start();
  TestPeer peer(loop_);
  peer.script = [](const std::string&) { return std::nullopt; };
  ProbeTarget one = target(peer);
  one.timeout = milliseconds(30);
  one.interval = milliseconds(60);
  probe(one);
  report(1);
  peer.script = [](const std::string&) { return test::ok_answer(); };
  EXPECT_TRUE(run_until(loop_, [&] { return seen_.back().outcome == ProbeOutcome::success; }));
}

TEST_F(ProberTest, GarbageIsOneFailure) {
  start();
  TestPeer peer(loop_);
  peer.script = [](const std::string&) { return "220 mail.example.com ESMTP\r\n"; };
  probe(target(peer));
  EXPECT_EQ(report(1).reason, "bad answer: no HTTP status line");
}

TEST_F(ProberTest, ConnectionCloseIsHonoured) {
  start();
  TestPeer peer(loop_);
  peer.script = [](const std::string&) { return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"; };
  probe(target(peer));
  EXPECT_EQ(report(1).outcome, ProbeOutcome::success);
  EXPECT_TRUE(run_until(loop_, [&] { return peer.ended == 1; }));
  run_for(loop_, milliseconds(50));
  EXPECT_EQ(seen_.size(), 1U);  // closing it ourselves is not news
}

// A server that ends every connection without saying so is asked early, but ever less so.
TEST_F(ProberTest, ServerThatAlwaysClosesIsNotHammered) {
  start();
  TestPeer peer(loop_);
  peer.after = TestPeer::After::close;
  probe(target(peer));
  report(3);
  const auto begin = Clock::now();
  report(6);  // early by 100, 200 and 400 ms at least
  EXPECT_GE(Clock::now() - begin, milliseconds(600));
  for (const Seen& seen : seen_) EXPECT_EQ(seen.outcome, ProbeOutcome::success);
}

TEST_F(ProberTest, UnaskedBytesEndTheConnection) {
  start();
  TestPeer peer(loop_);
  probe(target(peer));
  report(1);
  peer.say_to_all("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(report(2).outcome, ProbeOutcome::success);
  EXPECT_EQ(peer.accepted, 2U);
}

TEST_F(ProberTest, TcpConnectIsSuccessAndIsWatched) {
  start();
  TestPeer peer(loop_);
  peer.greeting = "hello\r\n";
  probe(target(peer, ProbeKind::tcp));
  EXPECT_EQ(report(1).outcome, ProbeOutcome::success);
  ASSERT_TRUE(run_until(loop_, [&] { return peer.open() == 1; }));
  peer.refuse();
  peer.end_all(TestPeer::Ending::close);
  EXPECT_EQ(report(2).outcome, ProbeOutcome::refused);
}

TEST_F(ProberTest, TcpServerThatClosesIdleConnectionsIsUp) {
  start();
  TestPeer peer(loop_);
  probe(target(peer, ProbeKind::tcp));
  for (std::size_t round = 1; round <= 3; ++round) {
    EXPECT_EQ(report(round).outcome, ProbeOutcome::success);
    ASSERT_TRUE(run_until(loop_, [&] { return peer.accepted == round; }));
    peer.end_all(TestPeer::Ending::close);
  }
}

TEST_F(ProberTest, TcpIsProbedByANewConnectionAndKeepsOne) {
  start();
  TestPeer peer(loop_);
  ProbeTarget one = target(peer, ProbeKind::tcp);
  one.interval = milliseconds(5);
  probe(one);
  report(4);
  EXPECT_GE(peer.accepted, 3U);
  EXPECT_TRUE(run_until(loop_, [&] { return peer.open() <= 2; }));
}

TEST_F(ProberTest, TlsWithoutVerifyingIsTheDefault) {
  start();
  TestPeer peer(loop_);
  peer.use_tls("other.example.net");
  probe(over_tls(peer));
  EXPECT_EQ(report(1).outcome, ProbeOutcome::success);
  EXPECT_EQ(peer.server_name, "www.example.com");
  peer.refuse();
  peer.end_all(TestPeer::Ending::close);
  EXPECT_EQ(report(2).outcome, ProbeOutcome::refused);
}

// What a peer of this certificate name gets that is probed so.
struct TlsCase {
  std::string certificate;
  std::string host;
  std::string server_name;
  ProbeOutcome outcome;
  std::string sni;
};

TEST_F(ProberTest, TlsVerifiesTheNameWhenTold) {
  const std::vector<TlsCase> cases = {
      {"www.example.com", "www.example.com", "", ProbeOutcome::success, "www.example.com"},
      {"www.example.com", "www.example.com:8443", "", ProbeOutcome::success, "www.example.com"},
      {"other.example.net", "www.example.com", "", ProbeOutcome::failure, "www.example.com"},
      {"other.example.net", "www.example.com", "other.example.net", ProbeOutcome::success, "other.example.net"},
      {"www.example.com", "127.0.0.1:443", "", ProbeOutcome::failure, ""},
      {"www.example.com", "[::1]:443", "", ProbeOutcome::failure, ""},
      {"www.example.com", "127.0.0.1:443", "www.example.com", ProbeOutcome::success, "www.example.com"},
  };
  for (const TlsCase& one : cases) {
    SCOPED_TRACE(one.certificate + " asked as " + one.host + " " + one.server_name);
    seen_.clear();
    start();
    TestPeer peer(loop_);
    ProbeTarget probed = over_tls(peer);
    probed.host = one.host;
    probed.tls->verify = true;
    probed.tls->authorities = std::make_shared<const std::string>(peer.use_tls(one.certificate));
    probed.tls->server_name = one.server_name;
    probe(probed);
    EXPECT_EQ(report(1).outcome, one.outcome) << seen_.back().reason;
    EXPECT_TRUE(run_until(loop_, [&] { return peer.server_name == one.sni; })) << peer.server_name;
  }
}

TEST_F(ProberTest, TlsOfAnUnknownAuthorityIsAFailure) {
  TestPeer another(loop_);
  for (const auto& authorities : {std::shared_ptr<const std::string>(),  // the system's
                                  std::make_shared<const std::string>(another.use_tls("www.example.com"))}) {
    seen_.clear();
    start();
    TestPeer peer(loop_);
    peer.use_tls("www.example.com");
    ProbeTarget probed = over_tls(peer);
    probed.tls = ClientTls{.verify = true, .authorities = authorities, .server_name = ""};
    probe(probed);
    EXPECT_EQ(report(1).outcome, ProbeOutcome::failure);
    EXPECT_THAT(seen_.back().reason, ::testing::HasSubstr("certificate verify failed"));
  }
}

TEST_F(ProberTest, DeadTlsCostsTheTimeout) {
  start();
  TestPeer peer(loop_);
  peer.use_tls("www.example.com");
  peer.mute_tls = true;
  ProbeTarget one = over_tls(peer);
  one.timeout = milliseconds(30);
  probe(one);
  EXPECT_EQ(report(1).reason, "no answer in 30 ms");
}

TEST_F(ProberTest, PlainServerBehindHttpsIsAFailure) {
  start();
  TestPeer peer(loop_);
  peer.greeting = "HTTP/1.1 400 Bad Request\r\n\r\n";
  probe(over_tls(peer));
  EXPECT_EQ(report(1).outcome, ProbeOutcome::failure);
}

TEST_F(ProberTest, WhatThisMachineLacksIsNotTheTargetsFault) {
  const LogCapture log;
  start();
  TestPeer peer(loop_);
  ProbeTarget one = target(peer, ProbeKind::tcp);
  one.interval = milliseconds(20);
  probe(one);  // of an object of a class that it meets for the first time UBSan makes sure through a pipe
  EXPECT_EQ(report(1).outcome, ProbeOutcome::success);
  log_event(Level::warn, "descriptors_end",
            {{"reason", error_code(EMFILE, boost::system::system_category()).message()}});
  seen_.clear();
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int next = ::dup(0);
  ::close(next);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  EXPECT_TRUE(run_until(loop_, [&] { return prober_->discarded() >= 5; }));
  EXPECT_TRUE(seen_.empty());
  EXPECT_TRUE(log.contains("event=checks_discarded target=peer"));
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(report(1).outcome, ProbeOutcome::success);
}

TEST_F(ProberTest, WhoHasRefusedIsProbedAgainSoonUntilItIsBelieved) {
  ProberSettings settings;
  settings.after_refusal = milliseconds(1);
  start(settings);
  TestPeer peer(loop_);
  peer.refuse();
  probe(target(peer));
  EXPECT_EQ(report(4).outcome, ProbeOutcome::refused);
  peer.listen_again();
  ASSERT_TRUE(run_until(loop_, [&] { return seen_.back().outcome == ProbeOutcome::success; }));
  EXPECT_EQ(report(seen_.size() + 3).outcome, ProbeOutcome::success);
}

TEST_F(ProberTest, WhoHasRefusedIsNotHammered) {
  ProberSettings settings;
  settings.after_refusal = milliseconds(1);
  start(settings);
  TestPeer peer(loop_);
  peer.refuse();
  probe(target(peer));
  run_for(loop_, milliseconds(300));
  EXPECT_LE(seen_.size(), 9U) << "each wait is twice as long as the one before";
}

TEST_F(ProberTest, ManyTargetsShareFewConnections) {
  ProberSettings settings;
  settings.most_connections = 4;
  start(settings);
  TestPeer peer(loop_);
  std::vector<ProbeTarget> many;
  for (std::uint32_t i = 0; i < 40; ++i) {
    many.push_back(target(peer));
    many.back().id = ProbeTargetId{i};
    many.back().path = "/" + std::to_string(i);
  }
  prober_->set_targets(many);
  std::size_t most = 0;
  EXPECT_TRUE(run_until(loop_, [&] {
    most = std::max(most, peer.open());
    return seen_.size() >= many.size();
  }));
  for (const Seen& seen : seen_) EXPECT_EQ(seen.outcome, ProbeOutcome::success);
  // The peer may not have heard yet that one is closed.
  EXPECT_LE(most, 2 * settings.most_connections);
}

TEST_F(ProberTest, ManyTargetsDoNotBeginAtOnce) {
  start();
  TestPeer peer(loop_);
  std::vector<ProbeTarget> many;
  for (std::uint32_t i = 0; i < 50; ++i) {
    many.push_back(target(peer));
    many.back().path = "/" + std::to_string(i);
  }
  const TimePoint began = Clock::now();
  prober_->set_targets(many);
  report(many.size());
  EXPECT_GE(Clock::now() - began, milliseconds(49)) << "a thousand a second";
}

TEST_F(ProberTest, RoundOfAStalledLoopIsDiscarded) {
  ProberSettings settings;
  settings.stall_threshold = milliseconds(100);
  start(settings);
  TestPeer peer(loop_);
  int asked = 0;
  peer.script = [&](const std::string&) -> std::optional<std::string> {
    if (++asked == 1) return std::nullopt;
    return test::ok_answer();
  };
  ProbeTarget one = target(peer);
  one.timeout = milliseconds(400);
  probe(one);
  ASSERT_TRUE(run_until(loop_, [&] { return asked == 1; }));
  std::this_thread::sleep_for(milliseconds(800));
  EXPECT_EQ(report(1).outcome, ProbeOutcome::success);
  EXPECT_GE(prober_->discarded(), 1U);
}

TEST_F(ProberTest, LoopThatAlwaysStallsIsNotBlindForEver) {
  ProberSettings settings;
  settings.stall_threshold = milliseconds(20);
  start(settings);
  TestPeer peer(loop_);
  peer.script = [](const std::string&) { return std::nullopt; };
  ProbeTarget one = target(peer);
  one.timeout = milliseconds(300);  // every round spans a stall below
  probe(one);
  for (int i = 0; i < 100 && seen_.empty(); ++i) {
    run_for(loop_, milliseconds(20));
    std::this_thread::sleep_for(milliseconds(200));
  }
  EXPECT_EQ(report(1).outcome, ProbeOutcome::failure);
  EXPECT_EQ(prober_->discarded(), 3U);
}

TEST_F(ProberTest, UnchangedTargetsKeepTheirConnectionUnderANewId) {
  start();
  TestPeer peer(loop_);
  TestPeer other(loop_);
  ProbeTarget one = target(peer);
  probe(one);
  report(1);
  one.id = ProbeTargetId{9};
  ProbeTarget two = target(other);
  prober_->set_targets({two, one});
  EXPECT_EQ(report(2).id, ProbeTargetId{7});  // the new one is probed, the old one is not
  EXPECT_EQ(peer.requests.size(), 1U);
  peer.refuse();
  peer.end_all(TestPeer::Ending::close);
  const Seen seen = report(3);
  EXPECT_EQ(seen.id, ProbeTargetId{9});
  EXPECT_EQ(seen.outcome, ProbeOutcome::refused);
}

TEST_F(ProberTest, RemovedAndChangedTargetsCloseTheirConnection) {
  start();
  TestPeer peer(loop_);
  ProbeTarget one = target(peer);
  probe(one);
  report(1);
  one.path = "/other";
  probe(one);
  report(2);
  EXPECT_EQ(peer.accepted, 2U);
  prober_->set_targets({});
  EXPECT_TRUE(run_until(loop_, [&] { return peer.ended == 2; }));
  run_for(loop_, milliseconds(20));
  EXPECT_EQ(seen_.size(), 2U);
}

TEST_F(ProberTest, TargetsMayBeReplacedFromTheReport) {
  TestPeer peer(loop_);
  const ProbeTarget one = target(peer);
  int reports = 0;
  prober_ = Prober::make(loop_, {}, [&](const ProbeReport&) {
    ++reports;
    prober_->set_targets({});
  });
  probe(one);
  EXPECT_TRUE(run_until(loop_, [&] { return peer.ended == 1; }));
  EXPECT_EQ(reports, 1);
}

TEST_F(ProberTest, NothingIsReportedAfterItIsGone) {
  start();
  TestPeer peer(loop_);
  probe(target(peer));
  ASSERT_TRUE(run_until(loop_, [&] { return peer.accepted == 1; }));
  prober_.reset();
  run_for(loop_, milliseconds(20));
  EXPECT_TRUE(seen_.empty());
}

}  // namespace
}  // namespace shared::prober_test
