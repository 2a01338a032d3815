// A worker's clients, with a protocol of the test's own: who is let in, who has to go, and how it all ends.
#include "edge/serve/client/clients.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace edge::test::clients_test {
namespace {

// A client by its address; what the worker wanted of it.
struct Seen {
  ClientConnection* connection = nullptr;
  std::string heard;  // "start", "close", "drain", as they come
};

std::map<std::string, Seen> seen;

class FakeConnection final : public ClientConnection {
 public:
  FakeConnection(Clients& clients, std::string name) : clients_(clients), name_(std::move(name)) {
    seen[name_].connection = this;
  }
  ~FakeConnection() override { seen[name_].connection = nullptr; }
  void start() override { seen[name_].heard += "start "; }
  [[nodiscard]] bool idle() const override { return state == ClientState::idle; }
  void close() override {
    seen[name_].heard += "close ";
    clients_.remove(*this);
  }
  void drain() override {
    seen[name_].heard += "drain ";
    if (idle()) clients_.remove(*this);
  }
  [[nodiscard]] std::optional<double> waiting_rate() override { return rate; }

  void stand(ClientState next) {
    state = next;
    clients_.stand(*this, next);
  }
  ClientState state = ClientState::head;
  std::optional<double> rate;

 private:
  Clients& clients_;
  std::string name_;
};

std::unique_ptr<ClientConnection> make_fake(WorkerContext& /*context*/, Clients& clients, const Newcomer& newcomer) {
  return std::make_unique<FakeConnection>(clients, newcomer.peer.address.to_string());
}

class ClientsTest : public testing::Test {
 protected:
  explicit ClientsTest(std::size_t most = 2) : clients_(context_, settings(most), make_fake) { seen.clear(); }
  ~ClientsTest() override { clients_.clear(); }

  static ClientsSettings settings(std::size_t most) {
    ClientsSettings made;
    made.max_connections = most;
    return made;
  }
  static std::shared_ptr<const Snapshot> snapshot() {
    auto made = std::make_shared<Snapshot>();
    auto settings = std::make_shared<Settings>();
    settings->min_rate = 100;
    made->settings = settings;
    return made;
  }
  // A client of its own network.
  FakeConnection* come(const std::string& address) {
    clients_.offer({.fd = std::make_shared<shared::UniqueFd>(),
                    .peer = *shared::Endpoint::parse(address + ":1"),
                    .listener = std::make_shared<const Listener>()});
    return static_cast<FakeConnection*>(seen[address].connection);
  }

  shared::WorkerLoop loop_;
  Live live_;
  WorkerContext context_{{}, loop_, live_, nullptr, snapshot(), [](const std::shared_ptr<const Snapshot>&) {}};
  Clients clients_;
};

TEST_F(ClientsTest, LetsInAndLetsGo) {
  FakeConnection* const one = come("10.1.0.1");
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(seen["10.1.0.1"].heard, "start ");
  EXPECT_EQ(context_.counters.connections_open.read(), 1U);
  clients_.remove(*one);
  EXPECT_NE(seen["10.1.0.1"].connection, nullptr) << "it may be on the stack: it lives to the end of the turn";
  loop_.poll();
  EXPECT_EQ(seen["10.1.0.1"].connection, nullptr);
  EXPECT_EQ(context_.counters.connections_open.read(), 0U);
}

TEST_F(ClientsTest, FullAnIdleOneGoesAndNobodyWhoIsServed) {
  come("10.1.0.1")->stand(ClientState::busy);
  come("10.2.0.1")->stand(ClientState::idle);
  ASSERT_NE(come("10.3.0.1"), nullptr);
  EXPECT_EQ(seen["10.1.0.1"].heard, "start ");
  EXPECT_EQ(seen["10.2.0.1"].heard, "start close ");
  EXPECT_EQ(context_.counters.evicted_idle.read(), 1U);
}

TEST_F(ClientsTest, FullASlowOneGoesBeforeAnIdleOne) {
  FakeConnection* const slow = come("10.1.0.1");
  slow->stand(ClientState::busy);
  slow->rate = 3;
  come("10.2.0.1")->stand(ClientState::idle);
  ASSERT_NE(come("10.3.0.1"), nullptr);
  EXPECT_EQ(seen["10.1.0.1"].heard, "start close ");
  EXPECT_EQ(context_.counters.evicted_slow.read(), 1U);
}

TEST_F(ClientsTest, WhenAllAreServedANewcomerIsSentAway) {
  come("10.1.0.1")->stand(ClientState::busy);
  FakeConnection* const quick = come("10.2.0.1");
  quick->stand(ClientState::busy);
  quick->rate = 1000;
  EXPECT_EQ(come("10.3.0.1"), nullptr);
  EXPECT_EQ(context_.counters.connections_refused.read(), 1U);
  EXPECT_EQ(clients_.size(), 2U);
}

TEST_F(ClientsTest, WhenDescriptorsRunOutOneThatDoesNothingGoes) {
  come("10.1.0.1")->stand(ClientState::busy);
  EXPECT_FALSE(clients_.give_up_one());
  come("10.2.0.1")->stand(ClientState::idle);
  EXPECT_TRUE(clients_.give_up_one());
  EXPECT_EQ(seen["10.2.0.1"].heard, "start close ");
}

TEST_F(ClientsTest, ItIsFinishedWhenTheLastOneHasGone) {
  FakeConnection* const busy = come("10.1.0.1");
  busy->stand(ClientState::busy);
  come("10.2.0.1")->stand(ClientState::idle);
  bool finished = false;
  clients_.wind_down([&] { finished = true; });
  EXPECT_TRUE(clients_.winding_down());
  EXPECT_EQ(seen["10.2.0.1"].heard, "start ") << "idle ones may stay";
  clients_.hasten();
  EXPECT_EQ(seen["10.1.0.1"].heard, "start drain ");
  EXPECT_EQ(seen["10.2.0.1"].heard, "start drain ");
  loop_.poll();
  EXPECT_FALSE(finished);
  clients_.remove(*busy);
  loop_.poll();
  EXPECT_TRUE(finished);
}

TEST_F(ClientsTest, WhoComesIntoADrainIsToldSo) {
  clients_.hasten();
  ASSERT_NE(come("10.1.0.1"), nullptr);
  EXPECT_EQ(seen["10.1.0.1"].heard, "start drain ");
}

}  // namespace
}  // namespace edge::test::clients_test
