// Sessions of UDP with real sockets, on a loop of the test's own; test_udp.py has the rest.
#include "edge/serve/client/datagrams.h"

#include <poll.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "shared/serve/os/socket.h"
#include "tests/edge/serve/fakes.h"

namespace edge::test::datagrams_test {
namespace {

shared::UniqueFd bound_socket(shared::Endpoint& where) {
  auto sockets = shared::bind_udp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
  if (!sockets) throw std::runtime_error(sockets.error().message);
  where = shared::local_endpoint(sockets->front().get());
  return std::move(sockets->front());
}

// How many epolls of this process watch this socket, by whatever descriptor.
int watched(const shared::UniqueFd& socket) {
  struct stat about{};
  EXPECT_EQ(::fstat(socket.get(), &about), 0);
  std::ostringstream ino;
  ino << "ino:" << std::hex << about.st_ino << ' ';
  int count = 0;
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream file(one.path());
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("tfd:") && line.find(ino.str()) != std::string::npos) ++count;
    }
  }
  return count;
}

class DatagramsTest : public testing::Test {
 protected:
  DatagramsTest() : worker_(1) {
    server_ = bound_socket(server_at_);
    worker_.addresses.set(ServerId{0}, {server_at_});
    PoolListener listener;
    listener.name = "udp:test";
    listener.pool = PoolId{0};
    listener.max_sessions = 2;
    auto next = std::make_shared<Snapshot>(worker_.context().snapshots.current());
    next->addresses = std::make_shared<Addresses>(worker_.addresses);
    next->listeners = std::make_shared<const PoolListeners>(PoolListeners{listener});
    worker_.context().snapshots.publish(std::move(next));
    shared::UniqueFd socket = bound_socket(at_);
    heir_.reset(::dup(socket.get()));
    datagrams_.emplace(worker_.context(), std::move(socket), 0);
  }

  shared::UniqueFd client() const {
    shared::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto address = shared::to_socket_address(at_);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.length), 0);
    return fd;
  }
  static void send(const shared::UniqueFd& from, std::string_view text) {
    ASSERT_EQ(::send(from.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  // What comes there, while the loop turns; "-": nothing.
  std::string received(const shared::UniqueFd& at, sockaddr_in* from = nullptr) {
    char text[100];
    socklen_t size = sizeof(sockaddr_in);
    for (int i = 0; i < 1000; ++i) {
      worker_.loop.poll();
      const ssize_t n = ::recvfrom(at.get(), text, sizeof text, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(from),
                                   from != nullptr ? &size : nullptr);
      if (n >= 0) return {text, static_cast<std::size_t>(n)};
      ::usleep(1000);
    }
    return "-";
  }
  template <class Holds>
  bool until(Holds holds) {
    for (int i = 0; i < 10000; ++i) {
      if (holds()) return true;
      worker_.loop.poll();
      ::usleep(1000);
    }
    return false;
  }
  [[nodiscard]] const Counters& counters() { return worker_.context().counters; }
  [[nodiscard]] std::uint64_t open() {
    return counters().sessions[static_cast<std::size_t>(Transport::udp)].open.read();
  }

  FakeWorker worker_;
  shared::Endpoint server_at_;
  shared::Endpoint at_;
  shared::UniqueFd server_;
  shared::UniqueFd heir_;  // the listening socket, as another process has it
  std::optional<Datagrams> datagrams_;
};

TEST_F(DatagramsTest, ASessionTakesDatagramsBothWays) {
  const auto first = client();
  const auto second = client();
  sockaddr_in from_first{};
  sockaddr_in from_second{};
  send(first, "one");
  EXPECT_EQ(received(server_, &from_first), "one");
  send(second, "two");
  EXPECT_EQ(received(server_, &from_second), "two");
  EXPECT_NE(from_first.sin_port, from_second.sin_port);
  EXPECT_EQ(open(), 2U);
  ::sendto(server_.get(), "for two", 7, 0, reinterpret_cast<const sockaddr*>(&from_second), sizeof from_second);
  EXPECT_EQ(received(second), "for two");
  send(first, "again");
  sockaddr_in again{};
  EXPECT_EQ(received(server_, &again), "again");
  EXPECT_EQ(again.sin_port, from_first.sin_port);
  EXPECT_EQ(worker_.live.server(ServerId{0}).in_flight.load(), 2U);
}

TEST_F(DatagramsTest, WithoutRoomANewcomerIsDropped) {
  const auto first = client();
  const auto second = client();
  const auto third = client();
  send(first, "1");
  send(second, "2");
  ASSERT_TRUE(until([&] { return open() == 2; }));
  send(third, "3");
  ASSERT_TRUE(until([&] { return counters().datagrams_dropped.read() == 1; }));
  EXPECT_EQ(open(), 2U);
}

TEST_F(DatagramsTest, AnUnreachableServerEndsItsSession) {
  server_.reset();
  const auto asker = client();
  send(asker, "x");
  ASSERT_TRUE(until([&] { return worker_.errors(ErrorKind::connect_refused) == 1; }));
  EXPECT_EQ(open(), 0U);
  EXPECT_EQ(worker_.live.server(ServerId{0}).failures.load(), 1U);
  EXPECT_EQ(worker_.live.server(ServerId{0}).in_flight.load(), 0U);
}

// What the first has brought back, the second one finds at its socket: that goes to a server like a new client's.
TEST_F(DatagramsTest, OneThatIsRefusedAsItIsSentGoesToAnother) {
  server_.reset();
  const auto asker = client();
  send(asker, "1");
  send(asker, "2");
  ASSERT_TRUE(until([&] { return worker_.errors(ErrorKind::connect_refused) == 2; }));
  EXPECT_EQ(counters().datagrams_dropped.read(), 0U);
  EXPECT_EQ(open(), 0U);
  EXPECT_EQ(worker_.live.server(ServerId{0}).failures.load(), 2U);
}

// It may be open elsewhere: closing it here does not end the watching.
TEST_F(DatagramsTest, ASocketThatNobodyReadsIsNotWatched) {
  EXPECT_EQ(watched(heir_), 1);
  datagrams_->wind_down(Heir::none, [] {});
  EXPECT_EQ(watched(heir_), 1) << "the last clients are heard";
  datagrams_.reset();
  EXPECT_EQ(watched(heir_), 0);
}

TEST_F(DatagramsTest, NorIsOneThatAnHeirReads) {
  datagrams_->wind_down(Heir::accepts, [] {});
  EXPECT_EQ(watched(heir_), 0);
  datagrams_.reset();
  EXPECT_EQ(watched(heir_), 0);
}

TEST_F(DatagramsTest, WindsDownAtOnceWithoutSessions) {
  bool done = false;
  datagrams_->wind_down(Heir::none, [&] { done = true; });
  EXPECT_TRUE(done);
  const auto late = client();
  send(late, "x");
  ASSERT_TRUE(until([&] { return counters().datagrams_dropped.read() == 1; })) << "nobody new is let in";
}

TEST_F(DatagramsTest, AnHeirReadsAndWhoWaitsGetsItsAnswer) {
  const auto asker = client();
  sockaddr_in session{};
  send(asker, "x");
  ASSERT_EQ(received(server_, &session), "x");
  bool done = false;
  datagrams_->wind_down(Heir::accepts, [&] { done = true; });
  send(asker, "for the heir");
  EXPECT_EQ(received(heir_), "for the heir");
  ::sendto(server_.get(), "late", 4, 0, reinterpret_cast<const sockaddr*>(&session), sizeof session);
  EXPECT_EQ(received(asker), "late");
  EXPECT_TRUE(until([&] { return done; })) << "and then it ends";
}

}  // namespace
}  // namespace edge::test::datagrams_test
