// Kept connections to servers: plain ones and those under a layer.
#include "edge/serve/upstream/upstreams.h"

#include <poll.h>

#include "shared/load/client_tls.h"
#include "shared/serve/os/socket.h"
#include "tests/edge/serve/sealed.h"

namespace edge::test::upstreams_test {
namespace {

constexpr ServerId kServer{0};

class UpstreamsTest : public testing::Test {
 protected:
  using Connection = std::unique_ptr<UpstreamConnection>;

  void SetUp() override {
    auto sockets = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
    ASSERT_TRUE(sockets);
    listener_ = std::move(sockets->front());
    endpoint_ = shared::local_endpoint(listener_.get());
  }

  template <class Holds>
  bool until(Holds holds) {
    for (int i = 0; i < 3000; ++i) {
      if (holds()) return true;
      loop_.poll();
      ::usleep(1000);
    }
    return false;
  }
  // One that is connected, and its server.
  std::pair<Connection, std::unique_ptr<Peer>> connected() {
    auto made = upstreams_.connect(kServer, endpoint_);
    EXPECT_TRUE(until([&] { return made.connection->stream().progress() == Progress::ready; }));
    return {std::move(made.connection), accept()};
  }
  std::pair<Connection, std::unique_ptr<Peer>> layered() {
    auto made = upstreams_.connect(kServer, endpoint_, std::make_unique<Sealed>());
    auto peer = std::unique_ptr<Peer>();
    EXPECT_TRUE(until([&] {
      if (peer == nullptr && made.connection->stream().progress() == Progress::waiting) peer = accept();
      return peer != nullptr;
    }));
    EXPECT_EQ(made.connection->stream().progress(), Progress::waiting) << "connected is not yet ready";
    peer->send(seal('h'));
    EXPECT_TRUE(until([&] { return made.connection->stream().progress() == Progress::ready; }));
    EXPECT_EQ(peer->record().first, 'h');
    return {std::move(made.connection), std::move(peer)};
  }
  std::unique_ptr<Peer> accept() {
    pollfd wait{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&wait, 1, 10'000), 1);
    return std::make_unique<Peer>(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  static bool peer_closed(const Peer& peer) {
    char octet = 0;
    return ::recv(peer.fd(), &octet, 1, MSG_DONTWAIT) == 0;
  }
  bool kept() {
    Connection taken = upstreams_.take_idle(kServer, endpoint_);
    if (taken == nullptr) return false;
    upstreams_.give_back(std::move(taken), settings_);
    return true;
  }
  void settle() {
    for (int i = 0; i < 20; ++i) {
      loop_.poll();
      ::usleep(1000);
    }
  }

  shared::WorkerLoop loop_;
  Counters counters_;
  IdleSettings settings_;
  Upstreams upstreams_{loop_, counters_};
  shared::UniqueFd listener_;
  shared::Endpoint endpoint_;
};

TEST_F(UpstreamsTest, TheLastOneGivenBackIsTakenFirst) {
  auto [first, first_peer] = connected();
  auto [second, second_peer] = connected();
  const UpstreamConnection* const last = second.get();
  upstreams_.give_back(std::move(first), settings_);
  upstreams_.give_back(std::move(second), settings_);
  EXPECT_EQ(upstreams_.take_idle(kServer, endpoint_).get(), last);
  EXPECT_EQ(counters_.upstream_connects.read(), 2U);
  EXPECT_EQ(counters_.upstream_reuses.read(), 1U);
}

TEST_F(UpstreamsTest, OnlyForTheSameServerAndAddress) {
  auto [one, peer] = connected();
  upstreams_.give_back(std::move(one), settings_);
  EXPECT_EQ(upstreams_.take_idle(ServerId{1}, endpoint_), nullptr);
  EXPECT_EQ(upstreams_.take_idle(kServer, *shared::Endpoint::parse("127.0.0.2:80")), nullptr);
  EXPECT_NE(upstreams_.take_idle(kServer, endpoint_), nullptr);
}

// Whoever got another one's would speak in his name, or to a server that was asked for by another.
TEST_F(UpstreamsTest, OnlyForWhomAndForWhatItWasMade) {
  const shared::ClientTls tls{};
  const auto taken = [&](const UpstreamTerms& terms) { return upstreams_.take_idle(kServer, endpoint_, terms); };
  auto [one, peer] = connected();
  one->told("client a");
  upstreams_.give_back(std::move(one), settings_);
  EXPECT_EQ(taken({}), nullptr);
  EXPECT_EQ(taken({.about = "client b"}), nullptr);
  EXPECT_NE(taken({.about = "client a"}), nullptr);
  auto [other, other_peer] = connected();
  other->speaks(std::shared_ptr<const shared::ClientTls>(std::shared_ptr<void>(), &tls), "a.example");
  upstreams_.give_back(std::move(other), settings_);
  EXPECT_EQ(taken({}), nullptr);
  EXPECT_EQ(taken({.name = "a.example"}), nullptr) << "not in clear text";
  EXPECT_EQ(taken({.tls = &tls, .name = "b.example"}), nullptr);
  EXPECT_NE(taken({.tls = &tls, .name = "a.example"}), nullptr);
}

TEST_F(UpstreamsTest, OverTheirNumberTheOldestGoes) {
  settings_.connections = 2;
  auto [first, first_peer] = connected();
  auto [second, second_peer] = connected();
  auto [third, third_peer] = connected();
  upstreams_.give_back(std::move(first), settings_);
  upstreams_.give_back(std::move(second), settings_);
  upstreams_.give_back(std::move(third), settings_);
  EXPECT_TRUE(peer_closed(*first_peer));
  EXPECT_FALSE(peer_closed(*second_peer));
  EXPECT_NE(upstreams_.take_idle(kServer, endpoint_), nullptr);
  EXPECT_NE(upstreams_.take_idle(kServer, endpoint_), nullptr);
  EXPECT_EQ(upstreams_.take_idle(kServer, endpoint_), nullptr);
  settings_.connections = 0;
  auto [none, none_peer] = connected();
  upstreams_.give_back(std::move(none), settings_);
  EXPECT_EQ(upstreams_.take_idle(kServer, endpoint_), nullptr);
}

TEST_F(UpstreamsTest, OneThatSpeaksUnaskedOrClosesIsDropped) {
  auto [speaks, speaking] = connected();
  upstreams_.give_back(std::move(speaks), settings_);
  speaking->send("HTTP/1.1 408 Request Timeout\r\n\r\n");
  EXPECT_TRUE(until([&] { return !kept(); }));
  auto [closes, closing] = connected();
  upstreams_.give_back(std::move(closes), settings_);
  settle();
  EXPECT_TRUE(kept());
  closing->close();
  EXPECT_TRUE(until([&] { return !kept(); }));
}

TEST_F(UpstreamsTest, OneWithSomethingLeftToReadIsNotKept) {
  auto [one, peer] = connected();
  peer->send("too much");
  ASSERT_TRUE(until([&] { return one->stream().readable(); }));
  upstreams_.give_back(std::move(one), settings_);
  EXPECT_EQ(upstreams_.take_idle(kServer, endpoint_), nullptr);
}

TEST_F(UpstreamsTest, IdleOnesAreClosedInTime) {
  settings_.timeout = shared::milliseconds(10);
  auto [one, peer] = connected();
  upstreams_.give_back(std::move(one), settings_);
  settings_.timeout = shared::milliseconds(1100);  // not at the first look, which is once a second
  auto [other, other_peer] = connected();
  upstreams_.give_back(std::move(other), settings_);
  EXPECT_TRUE(until([&] { return peer_closed(*peer); }));
  EXPECT_TRUE(until([&] { return peer_closed(*other_peer); }));
}

TEST_F(UpstreamsTest, AnAddressIsShunnedForAWhile) {
  EXPECT_FALSE(upstreams_.shunned(endpoint_));
  upstreams_.shun(endpoint_);
  EXPECT_TRUE(upstreams_.shunned(endpoint_));
  EXPECT_FALSE(upstreams_.shunned(*shared::Endpoint::parse("127.0.0.2:80")));
}

TEST_F(UpstreamsTest, ShunnedAreTheLastFew) {
  const auto address = [](int i) { return *shared::Endpoint::parse("127.0.1." + std::to_string(i) + ":80"); };
  for (int i = 0; i <= 64; ++i) upstreams_.shun(address(i));
  for (int i = 0; i < 3; ++i) upstreams_.shun(address(64));
  EXPECT_FALSE(upstreams_.shunned(address(0)));
  EXPECT_TRUE(upstreams_.shunned(address(1))) << "one that fails again takes no second place";
  EXPECT_TRUE(upstreams_.shunned(address(64)));
}

TEST_F(UpstreamsTest, WhereDescriptorsAreShortIdleOnesGo) {
  auto [first, first_peer] = connected();
  auto [second, second_peer] = connected();
  upstreams_.give_back(std::move(first), settings_);
  upstreams_.give_back(std::move(second), settings_);
  upstreams_.close_idle();
  EXPECT_TRUE(peer_closed(*first_peer) && peer_closed(*second_peer));
  EXPECT_FALSE(kept());
  auto [third, third_peer] = connected();
  upstreams_.give_back(std::move(third), settings_);
  EXPECT_TRUE(kept());
}

TEST_F(UpstreamsTest, UnderALayerATicketOnAKeptConnectionIsNotItsEnd) {
  auto [one, peer] = layered();
  const UpstreamConnection* const same = one.get();
  upstreams_.give_back(std::move(one), settings_);
  peer->send(seal('t') + seal('t') + seal('k'));
  settle();
  EXPECT_EQ(peer->record().first, 'K') << "the idle connection answers what is the layer's own";
  Connection again = upstreams_.take_idle(kServer, endpoint_);
  ASSERT_EQ(again.get(), same);
  const std::string request = "GET";
  const iovec part{.iov_base = const_cast<char*>(request.data()), .iov_len = request.size()};
  EXPECT_EQ(again->stream().send(std::span(&part, 1)).bytes, 3U);
  EXPECT_EQ(peer->record(), std::pair('d', request));
}

TEST_F(UpstreamsTest, UnderALayerAnEndOrDataOnAKeptConnectionAreItsEnd) {
  for (const char kind : {'e', 'd'}) {
    auto [one, peer] = layered();
    upstreams_.give_back(std::move(one), settings_);
    settle();
    EXPECT_TRUE(kept());
    peer->send(seal(kind, "x"));
    EXPECT_TRUE(until([&] { return !kept(); })) << kind;
  }
}

TEST_F(UpstreamsTest, UnderALayerWhatIsBufferedInsideIsLeftToRead) {
  auto [one, peer] = layered();
  peer->send(seal('d', "an answer and more"));
  ASSERT_TRUE(until([&] { return one->stream().readable(); }));
  char bytes[9];
  EXPECT_EQ(one->stream().receive(bytes).bytes, 9U);
  upstreams_.give_back(std::move(one), settings_);
  EXPECT_EQ(upstreams_.take_idle(kServer, endpoint_), nullptr);
}

}  // namespace
}  // namespace edge::test::upstreams_test
