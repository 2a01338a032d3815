// Connections that begin with a PROXY header, up to the protocol that follows: here one that only takes what is left.
#include "edge/serve/client/arrival.h"

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace edge::test::arrival_test {
namespace {

const std::string kHeader = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";

struct Met {
  std::string peer;
  std::string left;  // in the socket
};
std::vector<Met> met;

class Introduced final : public ClientConnection {
 public:
  Introduced(Clients& clients, const Newcomer& newcomer) : clients_(clients), fd_(newcomer.fd) {
    std::array<char, 100> left{};
    const ssize_t n = ::recv(fd_->get(), left.data(), left.size(), 0);
    met.push_back(
        {newcomer.peer.address.to_string(), std::string(left.data(), n > 0 ? static_cast<std::size_t>(n) : 0)});
  }
  void start() override {}
  [[nodiscard]] bool idle() const override { return true; }
  void close() override { clients_.remove(*this); }
  void drain() override { clients_.remove(*this); }
  [[nodiscard]] std::optional<double> waiting_rate() override { return std::nullopt; }

 private:
  Clients& clients_;
  std::shared_ptr<shared::UniqueFd> fd_;
};

std::unique_ptr<ClientConnection> make(WorkerContext& context, Clients& clients, const Newcomer& newcomer) {
  if (newcomer.awaits_header()) return std::make_unique<Arrival>(context, clients, newcomer);
  return std::make_unique<Introduced>(clients, newcomer);
}

class ArrivalTest : public testing::Test {
 protected:
  ArrivalTest() {
    met.clear();
    IntroductionRules rules;
    const std::array<shared::Prefix, 1> from{*shared::Prefix::parse("10.0.0.0/8")};
    rules.from = PrefixSet(from);
    rules.timeout = shared::milliseconds(60000);
    listener_->introductions = rules;
  }
  ~ArrivalTest() override { clients_.clear(); }

  static ClientsSettings settings() {
    ClientsSettings made;
    made.max_connections = 2;
    return made;
  }
  static std::shared_ptr<const Snapshot> snapshot() {
    auto made = std::make_shared<Snapshot>();
    made->settings = std::make_shared<Settings>();
    return made;
  }
  // The other end of a connection that was accepted.
  shared::UniqueFd come(const std::string& peer = "10.0.0.1:5", const std::string& said = {}) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    shared::UniqueFd other(ends[1]);
    say(other, said);
    clients_.offer({.fd = std::make_shared<shared::UniqueFd>(ends[0]),
                    .peer = *shared::Endpoint::parse(peer),
                    .listener = listener_});
    return other;
  }
  static void say(const shared::UniqueFd& to, std::string_view what) {
    EXPECT_EQ(::send(to.get(), what.data(), what.size(), MSG_NOSIGNAL), static_cast<ssize_t>(what.size()));
  }
  // What it said was not read: then the end looks like a reset.
  static bool closed(const shared::UniqueFd& end) {
    char octet = 0;
    const ssize_t n = ::recv(end.get(), &octet, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);
  }
  [[nodiscard]] const Counters& counters() const { return context_.counters; }

  std::shared_ptr<Listener> listener_ = std::make_shared<Listener>();
  shared::WorkerLoop loop_;
  Live live_;
  WorkerContext context_{{}, loop_, live_, nullptr, snapshot(), [](const std::shared_ptr<const Snapshot>&) {}};
  Clients clients_{context_, settings(), make};
};

TEST_F(ArrivalTest, AHeaderThatIsThereIsTakenAtOnceAndNothingBehindIt) {
  const auto client = come("10.0.0.1:5", kHeader + "GET /");
  ASSERT_EQ(met.size(), 1U);
  EXPECT_EQ(met[0].peer, "192.0.2.1");
  EXPECT_EQ(met[0].left, "GET /");
  loop_.poll();
  EXPECT_EQ(clients_.size(), 1U) << "the arrival has gone";
  EXPECT_EQ(counters().proxy_client.read(), 1U);
}

TEST_F(ArrivalTest, ComesInTwoPiecesAtEverySplit) {
  const std::string all = kHeader + "GET /";
  for (std::size_t split = 1; split < kHeader.size(); ++split) {
    const auto client = come();
    say(client, std::string_view(all).substr(0, split));
    loop_.poll();
    EXPECT_EQ(met.size(), split - 1);
    say(client, std::string_view(all).substr(split));
    loop_.poll();
    ASSERT_EQ(met.size(), split);
    EXPECT_EQ(met.back().left, "GET /");
  }
}

TEST_F(ArrivalTest, FromElsewhereNothingIsRead) {
  const auto client = come("11.0.0.1:5", "GET /");
  ASSERT_EQ(met.size(), 1U);
  EXPECT_EQ(met[0].peer, "11.0.0.1");
  EXPECT_EQ(met[0].left, "GET /");
}

TEST_F(ArrivalTest, BadHeadersAreClosedAndCounted) {
  const auto bad = come("10.0.0.1:5", "GET / HTTP/1.1\r\n");
  const auto cut = come("10.0.0.1:5", "PROXY TCP4 ");
  ::shutdown(cut.get(), SHUT_WR);
  const auto unsaid = come();
  ::shutdown(unsaid.get(), SHUT_WR);
  loop_.poll();
  EXPECT_TRUE(closed(bad) && closed(cut) && closed(unsaid));
  EXPECT_EQ(counters().proxy_bad.read(), 2U);
  EXPECT_EQ(counters().proxy_unsaid.read(), 1U);
  EXPECT_EQ(clients_.size(), 0U);
  EXPECT_TRUE(met.empty());
}

TEST_F(ArrivalTest, ALateOneIsClosed) {
  listener_->introductions->timeout = shared::milliseconds(1);
  const auto client = come("10.0.0.1:5", "PROXY ");
  for (int i = 0; i < 10000 && counters().proxy_late.read() == 0; ++i) {
    loop_.poll();
    ::usleep(1000);
  }
  EXPECT_EQ(counters().proxy_late.read(), 1U);
  EXPECT_TRUE(closed(client));
}

TEST_F(ArrivalTest, ADrainServesWhatHasComeAndEndsTheRest) {
  const auto silent = come();
  const auto spoken = come();
  say(spoken, kHeader + "GET /");  // no event has told of it yet
  bool done = false;
  clients_.wind_down([&] { done = true; });
  clients_.hasten();
  loop_.poll();
  ASSERT_EQ(met.size(), 1U);
  EXPECT_EQ(met[0].left, "GET /");
  EXPECT_TRUE(closed(silent) && done);
}

TEST_F(ArrivalTest, InACrowdTheOldestGoes) {
  const auto first = come();
  const auto second = come();
  const auto third = come("10.0.0.1:5", kHeader);
  loop_.poll();
  EXPECT_TRUE(closed(first));
  EXPECT_FALSE(closed(second));
  ASSERT_EQ(met.size(), 1U);
  EXPECT_EQ(counters().evicted_head.read(), 1U);
}

}  // namespace
}  // namespace edge::test::arrival_test
