// Of a server's several addresses the next one is connected to if one cannot be reached.
#include "edge/serve/upstream/connector.h"

#include <unistd.h>

#include "shared/serve/os/socket.h"
#include "tests/edge/serve/sealed.h"

namespace edge::test {
namespace {

constexpr ServerId kServer{0};

class ConnectorTest : public testing::Test {
 protected:
  void SetUp() override {
    auto sockets = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
    ASSERT_TRUE(sockets);
    listener_ = std::move(sockets->front());
    there_ = shared::local_endpoint(listener_.get());
    auto closed = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
    ASSERT_TRUE(closed);
    nobody_ = shared::local_endpoint(closed->front().get());
  }
  // Until it is no longer connecting.
  Connector::State run(Connector& connector) {
    connector.connect(shared::seconds(20));
    for (int i = 0; i < 3000 && connector.state() == Connector::State::connecting; ++i) {
      connector.step(Wake::event);
      loop_.poll();
      ::usleep(1000);
    }
    return connector.state();
  }

  shared::WorkerLoop loop_;
  Counters counters_;
  Upstreams upstreams_{loop_, counters_};
  Waiter waiter_{loop_};
  BalanceState balance_;
  shared::UniqueFd listener_;
  shared::Endpoint there_;
  shared::Endpoint nobody_;
};

TEST_F(ConnectorTest, ReachesAServer) {
  const std::vector<shared::Endpoint> addresses{there_};
  Connector connector(upstreams_, waiter_, kServer, addresses, balance_);
  EXPECT_EQ(connector.take_idle(), nullptr);
  ASSERT_EQ(run(connector), Connector::State::connected);
  const auto connection = connector.take();
  ASSERT_NE(connection, nullptr);
  EXPECT_EQ(connection->endpoint(), there_);
}

TEST_F(ConnectorTest, OneAddressOfSeveralIsEnough) {
  const std::vector<shared::Endpoint> addresses{nobody_, there_};
  for (int i = 0; i < 8; ++i) {
    Connector connector(upstreams_, waiter_, kServer, addresses, balance_);
    ASSERT_EQ(run(connector), Connector::State::connected);
    EXPECT_EQ(connector.take()->endpoint(), there_);
  }
  EXPECT_TRUE(upstreams_.shunned(nobody_)) << "others go first for a while";
}

TEST_F(ConnectorTest, NoneThatAnswersIsToldAsRefused) {
  const std::vector<shared::Endpoint> addresses{nobody_, nobody_};
  Connector connector(upstreams_, waiter_, kServer, addresses, balance_);
  ASSERT_EQ(run(connector), Connector::State::failed);
  EXPECT_EQ(connector.error().kind, ErrorKind::connect_refused);
  EXPECT_EQ(connector.error().side, Side::upstream);
}

TEST_F(ConnectorTest, WhatTakesTooLongIsToldAsThat) {
  const std::vector<shared::Endpoint> addresses{there_};
  Connector connector(upstreams_, waiter_, kServer, addresses, balance_);
  connector.connect(shared::milliseconds(-1));
  EXPECT_LT(connector.deadline(), loop_.now());
  connector.step(Wake::deadline);  // before any event of the loop
  EXPECT_EQ(connector.state(), Connector::State::failed);
  EXPECT_EQ(connector.error().kind, ErrorKind::connect_timeout);
}

}  // namespace
}  // namespace edge::test
