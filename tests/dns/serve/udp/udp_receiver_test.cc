// UdpReceiver by itself: its end, and that a thread that hangs is seen. What it answers: worker_test.cc.
#include "dns/serve/udp/udp_receiver.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <future>
#include <limits>
#include <optional>
#include <thread>

#include "dns/core/steer/policy_tables.h"
#include "dns/serve/worker/listeners.h"
#include "shared/serve/os/socket.h"
#include "tests/support/dns_message.h"
#include "tests/support/dns_world.h"

namespace dns::udp_receiver_test {
namespace {

using namespace std::chrono_literals;

class UdpReceiverTest : public testing::Test {
 protected:
  UdpReceiverTest() {
    shared::InheritedSockets none;
    auto listeners = listen_on(*shared::Endpoint::parse("127.0.0.1:0"), 1, none);
    EXPECT_TRUE(listeners);
    const auto where = shared::to_socket_address(listeners->endpoint);
    receiver_.emplace(std::move(listeners->udp.front()), responder_,
                      UdpReceiverSettings{.name = "udp-test",
                                          .core = std::nullopt,
                                          .beats = [this] { return ++beats_; },
                                          .ended = [this] { ended_.set_value(); }});
    EXPECT_EQ(::connect(client_.get(), reinterpret_cast<const sockaddr*>(where.bytes), where.length), 0);
  }

  static Publication publication() {
    auto snapshot = std::make_shared<Snapshot>(test::example_world());
    const auto& spec = snapshot->policies->spec();
    return {snapshot, std::make_shared<SteeringCounts>(spec.names.size(), spec.regions.size())};
  }

  void ask() {
    test::QueryBuilder builder;
    builder.name = "www.example.com";
    const auto query = builder.build();
    EXPECT_EQ(::send(client_.get(), query.data(), query.size(), 0), static_cast<ssize_t>(query.size()));
  }
  [[nodiscard]] bool answered() {
    std::array<std::uint8_t, 512> reply{};
    return ::recv(client_.get(), reply.data(), reply.size(), 0) > 12;
  }
  void wait_for_beats(std::uint64_t at_least) {
    while (receiver_->heartbeats() < at_least) std::this_thread::sleep_for(1ms);
  }

  std::atomic<std::uint64_t> beats_{0};
  std::promise<void> ended_;
  Responder responder_{publication(), 1, nullptr};
  shared::UniqueFd client_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  std::optional<UdpReceiver> receiver_;
};

TEST_F(UdpReceiverTest, BeatsWhenNobodyAsksAndAnswersWhoDoes) {
  receiver_->start();
  wait_for_beats(3);
  ask();
  EXPECT_TRUE(answered());
}

TEST_F(UdpReceiverTest, AThreadThatHangsBeatsNoMore) {
  receiver_->start();
  wait_for_beats(1);
  std::optional<Responder::Turn> turn(responder_);
  ask();
  std::uint64_t before = 0;
  do {  // until it waits for its turn: 0.3 s are three times what it would sleep
    before = receiver_->heartbeats();
    std::this_thread::sleep_for(300ms);
  } while (receiver_->heartbeats() != before);
  turn.reset();
  EXPECT_TRUE(answered());
  wait_for_beats(before + 1);
}

TEST_F(UdpReceiverTest, AnswersWhatIsQueuedBeforeItEnds) {
  for (int i = 0; i < 200; ++i) ask();
  receiver_->end();
  receiver_->start();
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(answered());
  ended_.get_future().wait();
  EXPECT_EQ(receiver_->heartbeats(), std::numeric_limits<std::uint64_t>::max());
  ask();
  EXPECT_FALSE(answered());  // refused: the socket is closed
}

}  // namespace
}  // namespace dns::udp_receiver_test
