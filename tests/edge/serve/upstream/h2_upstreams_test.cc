#include "edge/serve/upstream/h2_upstreams.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/serve/os/socket.h"

namespace edge::h2_upstreams_test {
namespace {

using namespace std::string_view_literals;

TEST(H2Upstreams, AConnectionWhoseNumbersAreUsedUpTakesNoMoreRequests) {
  const shared::UniqueFd listener = std::move(shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1)->front());
  const shared::Endpoint address = shared::local_endpoint(listener.get());
  shared::WorkerLoop loop;
  Counters counters;
  Upstreams upstreams(loop, counters);
  BalanceState balance;
  H2Upstreams owner(loop, upstreams, counters, balance);
  Waiter waiter(loop);
  H2Upstream connection(owner, {.server = {},
                                .addresses = {address},
                                .tls = {},
                                .name = {},
                                .http2 = {},
                                .idle = {},
                                .limits = {},
                                .patience = shared::seconds(5)});
  connection.start();
  const shared::UniqueFd peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  constexpr std::string_view kSettings("\0\0\0\4\0\0\0\0\0", 9);
  ASSERT_EQ(::send(peer.get(), kSettings.data(), kSettings.size(), MSG_NOSIGNAL), 9);
  for (int i = 0; i < 1000 && !connection.stands(); ++i) loop.poll();
  ASSERT_TRUE(connection.stands());
  const UpstreamWay way{.addresses = {&address, 1}};
  EXPECT_TRUE(connection.takes(way));

  ASSERT_EQ(nghttp2_session_set_next_stream_id(connection.session(), std::numeric_limits<std::int32_t>::max()), 0);
  EXPECT_TRUE(connection.takes(way)) << "the last number is one";
  H2UpstreamStream last(connection, waiter);
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  last.begin(head, true);
  EXPECT_TRUE(last.begun());
  EXPECT_FALSE(connection.takes(way));
}

// Each name has its own; a server that says nothing but its SETTINGS.
class H2Kept : public testing::Test {
 protected:
  H2Kept() { pool_.idle.connections = 2; }

  std::unique_ptr<H2UpstreamStream> open(std::string_view name) {
    const H2Upstreams::Wish wish{.pool = pool_,
                                 .way = {.addresses = {&address_, 1}, .name = name},
                                 .limits = limits_,
                                 .patience = shared::seconds(60)};
    return owner_.open(wish, waiter_);
  }
  // A request for this name comes, and goes before it is sent; whether it was on what stood.
  bool visit(std::string_view name) {
    const auto stream = open(name);
    if (!stream->reused()) {
      constexpr std::string_view kSettings("\0\0\0\4\0\0\0\0\0", 9);
      peers_.emplace_back(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      EXPECT_EQ(::send(peers_.back().get(), kSettings.data(), kSettings.size(), MSG_NOSIGNAL), 9);
    }
    loop_.poll();  // who is there at once, too, is there in a turn of his own
    for (int i = 0; i < 1000 && stream->state() == H2UpstreamStream::State::waiting; ++i) loop_.poll();
    EXPECT_EQ(stream->state(), H2UpstreamStream::State::ready);
    return stream->reused();
  }
  // The edge has closed the one that was made as the n-th.
  bool closed(std::size_t n) {
    for (int i = 0; i < 10; ++i) loop_.poll();
    std::array<char, 4096> said;
    ssize_t size = 1;
    while (size > 0) size = ::recv(peers_[n].get(), said.data(), said.size(), MSG_DONTWAIT);
    return size == 0;
  }

  const shared::UniqueFd listener_ =
      std::move(shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 16)->front());
  const shared::Endpoint address_ = shared::local_endpoint(listener_.get());
  const http::HeadLimits limits_;
  Pool pool_;
  shared::WorkerLoop loop_;
  Counters counters_;
  Upstreams upstreams_{loop_, counters_};
  BalanceState balance_;
  H2Upstreams owner_{loop_, upstreams_, counters_, balance_};
  Waiter waiter_{loop_};
  std::vector<shared::UniqueFd> peers_;
};

TEST_F(H2Kept, WhoAsksForManyNamesEndsNoneThatIsInUse) {
  EXPECT_FALSE(visit("used.example"));
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(visit("n" + std::to_string(i) + ".example"));
    EXPECT_TRUE(visit("used.example"));
  }
  EXPECT_FALSE(closed(0));
  for (const std::size_t n : {1U, 2U, 3U, 4U}) EXPECT_TRUE(closed(n)) << n;
  EXPECT_FALSE(closed(5));
}

TEST_F(H2Kept, AsManyGoAsAreTooMany) {
  pool_.idle.connections = 3;
  for (const std::string_view name : {"a.example", "b.example", "c.example"}) EXPECT_FALSE(visit(name));
  const auto first = open("d.example");
  const auto second = open("e.example");
  EXPECT_TRUE(closed(0));
  EXPECT_FALSE(closed(1)) << "the two are not kept yet";
  pool_.idle.connections = 1;
  const auto third = open("f.example");
  EXPECT_TRUE(closed(1));
  EXPECT_TRUE(closed(2));
}

// A connection whose server says what the test does.
class H2Tunnels : public testing::Test {
 protected:
  void stand(std::string_view settings) {
    connection_.start();
    peer_ = shared::UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    say(settings);
    for (int i = 0; i < 1000 && !connection_.stands(); ++i) loop_.poll();
    ASSERT_TRUE(connection_.stands());
  }

  void say(std::string_view octets) {
    ASSERT_EQ(::send(peer_.get(), octets.data(), octets.size(), MSG_NOSIGNAL), static_cast<ssize_t>(octets.size()));
  }

  void turn() {
    for (int i = 0; i < 100; ++i) loop_.poll();
  }

  void begin(H2UpstreamStream& stream) {
    stream.begin_tunnel(head_, "accept");
    turn();
  }

  // All that has come so far.
  const std::string& heard() {
    turn();
    std::array<char, 4096> space{};
    ssize_t n = 0;
    while ((n = ::recv(peer_.get(), space.data(), space.size(), MSG_DONTWAIT)) > 0) {
      heard_.append(space.data(), static_cast<std::size_t>(n));
    }
    return heard_;
  }
  [[nodiscard]] bool heard(std::string_view frame) { return heard().find(frame) != std::string::npos; }

  static constexpr std::string_view kTakes{"\0\0\6\4\0\0\0\0\0\0\x8\0\0\0\1", 15};
  static constexpr std::string_view kGood{"\0\0\1\1\4\0\0\0\1\x88", 10};      // HEADERS, :status 200
  static constexpr std::string_view kNotFound{"\0\0\1\1\5\0\0\0\1\x8d", 10};  // :status 404, END_STREAM
  static constexpr std::string_view kEnd{"\0\0\0\0\1\0\0\0\1", 9};            // DATA, END_STREAM
  static constexpr std::string_view kCancel{"\0\0\4\3\0\0\0\0\1\0\0\0\x8", 13};
  static constexpr std::string_view kHead =
      "GET /chat HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

  shared::UniqueFd listener_ = std::move(shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1)->front());
  shared::WorkerLoop loop_;
  Counters counters_;
  Upstreams upstreams_{loop_, counters_};
  BalanceState balance_;
  H2Upstreams owner_{loop_, upstreams_, counters_, balance_};
  Waiter waiter_{loop_};
  H2Upstream connection_{owner_,
                         {.server = {},
                          .addresses = {shared::local_endpoint(listener_.get())},
                          .tls = {},
                          .name = {},
                          .http2 = {},
                          .idle = {},
                          .limits = {},
                          .patience = shared::seconds(5)}};
  shared::UniqueFd peer_;
  std::string heard_;
  std::string head_{kHead};
  http::ResponseHead answer_;
};

TEST_F(H2Tunnels, AreForServersThatSaySo) {
  stand(std::string_view("\0\0\0\4\0\0\0\0\0", 9));
  const H2UpstreamStream stream(connection_, waiter_);
  EXPECT_FALSE(stream.may_tunnel());
}

TEST_F(H2Tunnels, OneThatTheServerHasEndedIsEndedInReturn) {
  stand(kTakes);
  {
    H2UpstreamStream stream(connection_, waiter_);
    ASSERT_TRUE(stream.may_tunnel());
    begin(stream);
    stream.end({});
    EXPECT_EQ(stream.flush(), Sent::all) << "the request is out";
    EXPECT_FALSE(heard(kEnd)) << "and yet has no end";
    say(kGood);
    turn();
    ASSERT_TRUE(stream.head_there() && stream.take_head(answer_));
    EXPECT_EQ(answer_.status, 101);
    EXPECT_EQ(answer_.fields.find("Sec-WebSocket-Accept")->value, "accept");
    EXPECT_EQ(stream.write("word"), 4U);
    EXPECT_TRUE(heard("word"));
    say(kEnd);
    turn();
    EXPECT_EQ(stream.peek().state, BodyState::end);
    EXPECT_FALSE(heard(kEnd));
  }
  EXPECT_TRUE(heard(kEnd));
  EXPECT_FALSE(heard(kCancel));
}

TEST_F(H2Tunnels, OneThatEndsHereWaitsForTheServersEnd) {
  stand(kTakes);
  H2UpstreamStream stream(connection_, waiter_);
  begin(stream);
  say(kGood);
  turn();
  ASSERT_TRUE(stream.take_head(answer_));
  stream.end({});
  EXPECT_TRUE(heard(kEnd));
  EXPECT_EQ(stream.peek().state, BodyState::wait);
  say(kEnd);
  turn();
  EXPECT_EQ(stream.peek().state, BodyState::end);
  EXPECT_TRUE(stream.closed());
}

TEST_F(H2Tunnels, OneThatNobodyWaitsForIsReset) {
  stand(kTakes);
  {
    H2UpstreamStream stream(connection_, waiter_);
    begin(stream);
    say(kGood);
    turn();
    ASSERT_TRUE(stream.take_head(answer_));
  }
  EXPECT_TRUE(heard(kCancel)) << "RFC 8441 5";
  EXPECT_FALSE(heard(kEnd));
}

TEST_F(H2Tunnels, ARefusalIsTheAnswerThatItIs) {
  stand(kTakes);
  {
    H2UpstreamStream stream(connection_, waiter_);
    begin(stream);
    say(kNotFound);
    turn();
    ASSERT_TRUE(stream.take_head(answer_));
    EXPECT_EQ(answer_.status, 404);
    EXPECT_EQ(answer_.fields.size(), 0U);
  }
  EXPECT_TRUE(heard(kEnd));
  EXPECT_FALSE(heard(kCancel));
}

// The library does not look at the length of an answer to a CONNECT.
class H2Refusals : public H2Tunnels {
 protected:
  // What becomes of a 404 of three octets, after these.
  BodyState behind(std::string_view body) {
    stand(kTakes);
    H2UpstreamStream stream(connection_, waiter_);
    begin(stream);
    say("\0\0\5\1\4\0\0\0\1\x8d\x0f\x0d\1"
        "3"sv);
    say(body);
    turn();
    EXPECT_TRUE(stream.head_there() && stream.take_head(answer_));
    const BodyPiece piece = stream.peek();
    if (piece.state == BodyState::data) stream.consume(piece.data.size());
    turn();
    return stream.peek().state;
  }

  static constexpr std::string_view kBroken{"\0\0\4\3\0\0\0\0\1\0\0\0\1", 13};  // PROTOCOL_ERROR
};

TEST_F(H2Refusals, PassWhereTheyAreAsLongAsTheySay) {
  EXPECT_EQ(behind("\0\0\3\0\1\0\0\0\1abc"sv), BodyState::end);
  EXPECT_FALSE(heard(kBroken));
}

TEST_F(H2Refusals, AreBrokenWhereTheyAreLonger) {
  EXPECT_EQ(behind("\0\0\3\0\0\0\0\0\1abc\0\0\1\0\1\0\0\0\1d"sv), BodyState::failed);
  EXPECT_TRUE(heard(kBroken));
}

TEST_F(H2Refusals, AreBrokenWhereTheyAreShorter) {
  EXPECT_EQ(behind("\0\0\2\0\1\0\0\0\1ab"sv), BodyState::failed);
  EXPECT_TRUE(heard(kBroken));
}

}  // namespace
}  // namespace edge::h2_upstreams_test
