// One connection of HTTP/2 to a server whose octets the test writes: how it begins, what makes it end, and what it
// says of the requests that were on it.
#include "edge/serve/upstream/h2_upstream.h"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "edge/serve/upstream/h2_upstreams.h"
#include "shared/serve/os/socket.h"

namespace edge::h2_upstream_test {
namespace {

using namespace std::string_view_literals;
using Stream = H2UpstreamStream;

class H2UpstreamTest : public testing::Test {
 protected:
  H2UpstreamTest() { plan_.addresses = {address_}; }

  void connect() {
    connection_ = std::make_unique<H2Upstream>(owner_, plan_);
    connection_->start();
    peer_ = shared::UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    turn();
  }
  void stand(std::string_view settings = kSettings) {
    connect();
    EXPECT_FALSE(connection_->stands());
    say(settings);
    ASSERT_TRUE(until([&] { return connection_->stands(); }));
  }
  void say(std::string_view octets) {
    // It may be told to go while it speaks.
    static_cast<void>(::send(peer_.get(), octets.data(), octets.size(), MSG_NOSIGNAL));
    turn();
  }
  void turn() {
    for (int i = 0; i < 20; ++i) loop_.poll();
  }
  template <class Holds>
  bool until(Holds holds) {
    for (int i = 0; i < 10'000 && !holds(); ++i) {
      loop_.poll();
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    return holds();
  }
  // How often this has come.
  int heard(std::string_view frame) {
    turn();
    listen();
    int times = 0;
    for (std::size_t at = heard_.find(frame); at != std::string::npos; at = heard_.find(frame, at + 1)) ++times;
    return times;
  }
  void listen() {
    std::array<char, 65536> space{};
    for (ssize_t n = 1; n > 0;) {
      n = ::recv(peer_.get(), space.data(), space.size(), MSG_DONTWAIT);
      if (n > 0) heard_.append(space.data(), static_cast<std::size_t>(n));
      gone_ = n == 0;
    }
  }
  [[nodiscard]] bool takes() const { return connection_->takes({.addresses = {&address_, 1}}); }
  void begin(Stream& stream) {
    head_ = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    ASSERT_EQ(stream.state(), Stream::State::ready);
    stream.begin(head_, true);
    turn();
  }

  static constexpr std::string_view kSettings{"\0\0\0\4\0\0\0\0\0", 9};
  static constexpr std::string_view kOneStream{"\0\0\6\4\0\0\0\0\0\0\3\0\0\0\1", 15};  // MAX_CONCURRENT_STREAMS: 1
  static constexpr std::string_view kPing{"\0\0\x8\6\0\0\0\0\0", 9};
  static constexpr std::string_view kPong{"\0\0\x8\6\1\0\0\0\0\0\0\0\0\0\0\0\0", 17};
  static constexpr std::string_view kGoodOf1{"\0\0\1\1\5\0\0\0\1\x88", 10};  // HEADERS, :status 200, END_STREAM

  const shared::UniqueFd listener_ = std::move(shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1)->front());
  const shared::Endpoint address_ = shared::local_endpoint(listener_.get());
  H2UpstreamPlan plan_{.server = {},
                       .addresses = {},
                       .tls = {},
                       .name = {},
                       .http2 = {},
                       .idle = {},
                       .limits = {},
                       .patience = shared::seconds(60)};
  shared::WorkerLoop loop_;
  Counters counters_;
  Upstreams upstreams_{loop_, counters_};
  BalanceState balance_;
  H2Upstreams owner_{loop_, upstreams_, counters_, balance_};
  Waiter waiter_{loop_};
  std::unique_ptr<H2Upstream> connection_;
  shared::UniqueFd peer_;
  std::string heard_;
  std::string head_;
  bool gone_ = false;
};

TEST_F(H2UpstreamTest, IsCountedAndSoAreItsRequests) {
  stand();
  EXPECT_EQ(counters_.h2_upstreams.read(), 1U);
  EXPECT_EQ(counters_.h2_upstreams_open.read(), 1U);
  EXPECT_EQ(counters_.h2_upstream_streams.read(), 0U);
  {
    Stream stream(*connection_, waiter_);
    begin(stream);
    EXPECT_EQ(counters_.h2_upstream_streams.read(), 1U);
    EXPECT_FALSE(connection_->kept());
    say(kGoodOf1);
    http::ResponseHead head;
    ASSERT_TRUE(stream.head_there() && stream.take_head(head));
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(stream.ended_with_head());
  }
  EXPECT_TRUE(connection_->kept());
  EXPECT_EQ(counters_.h2_upstream_unprocessed.read(), 0U);
  connection_.reset();
  EXPECT_EQ(counters_.h2_upstreams.read(), 1U);
  EXPECT_EQ(counters_.h2_upstreams_open.read(), 0U);
}

TEST_F(H2UpstreamTest, TakesAsManyAsItsPlanAndItsServerAllow) {
  plan_.http2.max_streams = 2;
  stand();
  const Stream first(*connection_, waiter_);
  EXPECT_TRUE(takes());
  const Stream second(*connection_, waiter_);
  EXPECT_FALSE(takes()) << "the plan has two";
}

TEST_F(H2UpstreamTest, TakesNoMoreThanItsServerSays) {
  stand(kOneStream);
  EXPECT_TRUE(takes());
  Stream first(*connection_, waiter_);
  EXPECT_FALSE(takes());
  begin(first);
  const Stream second(*connection_, waiter_);
  EXPECT_EQ(second.state(), Stream::State::crowded);
}

TEST_F(H2UpstreamTest, OfAnotherWayTakesNothing) {
  stand();
  EXPECT_TRUE(takes());
  EXPECT_FALSE(connection_->takes({.addresses = {&address_, 1}, .name = "other.example"}));
  shared::Endpoint moved = address_;
  ++moved.port;
  EXPECT_FALSE(connection_->takes({.addresses = {&moved, 1}})) << "the name leads elsewhere now";
}

TEST_F(H2UpstreamTest, WhoIsDoubtedTakesNothingUntilHeHasAnsweredAPing) {
  stand();
  EXPECT_EQ(heard(kPing), 0);
  connection_->doubt();
  EXPECT_FALSE(takes());
  EXPECT_EQ(heard(kPing), 1);
  connection_->doubt();
  EXPECT_EQ(heard(kPing), 1) << "one at a time";
  say(kPong);
  EXPECT_TRUE(takes());
  connection_->doubt();
  EXPECT_FALSE(takes());
  EXPECT_EQ(heard(kPing), 2) << "the first was answered";
}

TEST_F(H2UpstreamTest, WhoLeavesAPingUnansweredIsLeft) {
  plan_.patience = shared::milliseconds(300);
  stand();
  Stream stream(*connection_, waiter_);
  begin(stream);
  connection_->doubt();
  ASSERT_TRUE(until([&] { return connection_->over(); }));
  EXPECT_EQ(stream.state(), Stream::State::failed);
  EXPECT_EQ(stream.error().kind, ErrorKind::upstream_timeout);
  EXPECT_EQ(stream.error().detail, "upstream left a PING unanswered");
  EXPECT_FALSE(stream.unprocessed());
}

TEST_F(H2UpstreamTest, WhoAnswersHisPingsIsNotLeft) {
  plan_.http2.ping = shared::milliseconds(20);
  stand();
  Stream stream(*connection_, waiter_);
  begin(stream);
  for (int n = 1; n <= 3; ++n) {
    ASSERT_TRUE(until([&] { return heard(kPing) == n; })) << "it is quiet while a request waits";
    say(kPong);
  }
  EXPECT_FALSE(connection_->over());
  EXPECT_TRUE(takes());
}

TEST_F(H2UpstreamTest, NobodyIsAskedWhileNoRequestWaits) {
  plan_.http2.ping = shared::milliseconds(1);
  plan_.idle.timeout = shared::milliseconds(300);
  stand();
  ASSERT_TRUE(until([&] { return connection_->over(); }));
  EXPECT_EQ(heard(kPing), 0);
  EXPECT_EQ(connection_->error().detail, "idle");
  EXPECT_EQ(heard("\0\0\x8\7\0\0\0\0\0\0\0\0\0\0\0\0\0"sv), 1) << "GOAWAY, NO_ERROR";
  EXPECT_TRUE(gone_);
}

TEST_F(H2UpstreamTest, IsIdleSinceTheEndOfItsLastRequest) {
  plan_.idle.timeout = shared::milliseconds(300);
  stand();
  auto end = shared::Clock::now();
  {
    Stream stream(*connection_, waiter_);
    begin(stream);
    std::this_thread::sleep_for(std::chrono::milliseconds(350));
    turn();
    EXPECT_FALSE(connection_->over());
    say(kGoodOf1);
    end = loop_.now();
  }
  EXPECT_GE(connection_->idle_since(), end);
  EXPECT_TRUE(until([&] { return connection_->over(); }));
}

TEST_F(H2UpstreamTest, WhoSaysNoSettingsInTimeIsLeft) {
  plan_.patience = shared::milliseconds(300);
  connect();
  const Stream stream(*connection_, waiter_);
  EXPECT_EQ(stream.state(), Stream::State::waiting);
  ASSERT_TRUE(until([&] { return connection_->over(); }));
  EXPECT_EQ(stream.state(), Stream::State::failed);
  EXPECT_EQ(stream.error().kind, ErrorKind::connect_timeout);
}

TEST_F(H2UpstreamTest, WhoGoesAwayAnswersWhatHeHasHadAndTakesNothingMore) {
  stand();
  Stream first(*connection_, waiter_);
  Stream second(*connection_, waiter_);
  begin(first);
  begin(second);
  say("\0\0\x8\7\0\0\0\0\0\0\0\0\1\0\0\0\0"sv);  // the last one that he has looked at: 1
  EXPECT_EQ(counters_.h2_upstream_goaways.read(), 1U);
  EXPECT_FALSE(takes());
  EXPECT_TRUE(second.unprocessed());
  EXPECT_FALSE(first.unprocessed());
  EXPECT_EQ(counters_.h2_upstream_unprocessed.read(), 1U);
  say(kGoodOf1);
  http::ResponseHead head;
  ASSERT_TRUE(first.head_there() && first.take_head(head));
  EXPECT_EQ(head.status, 200);
}

TEST_F(H2UpstreamTest, ARefusedRequestWasNotLookedAt) {
  stand();
  Stream refused(*connection_, waiter_);
  begin(refused);
  say("\0\0\4\3\0\0\0\0\1\0\0\0\7"sv);  // RST_STREAM, REFUSED_STREAM
  EXPECT_TRUE(refused.unprocessed());
  EXPECT_TRUE(refused.answered());
  EXPECT_EQ(counters_.h2_upstream_unprocessed.read(), 1U);
  Stream cancelled(*connection_, waiter_);
  begin(cancelled);
  say("\0\0\4\3\0\0\0\0\3\0\0\0\2"sv);  // INTERNAL_ERROR
  EXPECT_TRUE(cancelled.closed());
  EXPECT_FALSE(cancelled.unprocessed());
  EXPECT_EQ(counters_.h2_upstream_unprocessed.read(), 1U);
}

TEST_F(H2UpstreamTest, ARequestThatNobodyWaitsForIsCancelled) {
  stand();
  {
    Stream stream(*connection_, waiter_);
    begin(stream);
  }
  EXPECT_EQ(heard("\0\0\4\3\0\0\0\0\1\0\0\0\x8"sv), 1);
  EXPECT_TRUE(takes());
}

// Each of these is fine some times, and a flood many times.
TEST_F(H2UpstreamTest, WhoFloodsIsLeft) {
  const std::pair<const char*, std::string_view> floods[] = {{"PING", "\0\0\x8\6\0\0\0\0\0abcdefgh"sv},
                                                             {"SETTINGS", kSettings},
                                                             {"RST_STREAM", "\0\0\4\3\0\0\0\0\1\0\0\0\x8"sv},
                                                             {"WINDOW_UPDATE", "\0\0\4\x8\0\0\0\0\0\0\0\0\1"sv}};
  for (const auto& [name, frame] : floods) {
    stand();
    if (name == std::string_view("RST_STREAM")) {
      Stream gone(*connection_, waiter_);
      begin(gone);
    }
    for (int i = 0; i < 20; ++i) say(frame);
    EXPECT_FALSE(connection_->over()) << name;
    for (int i = 0; i < 10'000 && !connection_->over(); ++i) {
      say(frame);
      listen();
      heard_.clear();
    }
    EXPECT_TRUE(connection_->over()) << name;
    EXPECT_EQ(connection_->error().detail, "upstream floods the connection") << name;
    EXPECT_EQ(connection_->error().kind, ErrorKind::bad_response) << name;
  }
}

}  // namespace
}  // namespace edge::h2_upstream_test
