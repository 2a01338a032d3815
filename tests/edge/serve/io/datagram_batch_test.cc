// Datagrams come in batches and go to one peer unchanged, from the address that was asked.
#include "edge/serve/io/datagram_batch.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cerrno>
#include <string>

#include "shared/serve/os/socket.h"
#include "shared/serve/os/unique_fd.h"

namespace edge::test::datagram_batch_test {
namespace {

// A bound socket, and one that is connected to it by way of `asked`.
struct Pair {
  shared::UniqueFd server;
  shared::UniqueFd client;

  Pair(const std::string& bound, const std::string& asked) {
    auto sockets = shared::bind_udp(*shared::Endpoint::parse(bound), 1);
    if (!sockets) return;
    server = std::move(sockets->front());
    shared::Endpoint at = *shared::Endpoint::parse(asked);
    at.port = shared::local_endpoint(server.get()).port;
    const auto address = shared::to_socket_address(at);
    const int family = at.address.family == shared::Family::ipv4 ? AF_INET : AF_INET6;
    client.reset(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.length), 0);
  }
  void ask(const std::string& text) const {
    ASSERT_EQ(::send(client.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  // Waits for one.
  std::string answer() const {
    pollfd wait{.fd = client.get(), .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, 10'000) != 1) return "none came";
    std::string text(70'000, '\0');
    const ssize_t n = ::recv(client.get(), text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }
  void wait_for_one() const {
    pollfd wait{.fd = server.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&wait, 1, 10'000), 1);
  }
};

TEST(DatagramBatch, TakesManyAtOnceAndSendsThemBackInOrder) {
  const Pair pair("127.0.0.1:0", "127.0.0.1:0");
  const std::string long_one(60'000, 'l');
  for (const std::string& text : {std::string("one"), std::string(), long_one}) pair.ask(text);
  pair.wait_for_one();
  DatagramBatch batch;
  ASSERT_EQ(batch.receive(pair.server.get()), 3U);
  EXPECT_EQ(batch.datagram(0).size(), 3U);
  EXPECT_EQ(batch.peer(0), shared::local_endpoint(pair.client.get()));
  EXPECT_EQ(batch.send(pair.server.get(), 3, batch.path(0)), 3U);
  EXPECT_EQ(pair.answer(), "one");
  EXPECT_EQ(pair.answer(), "");
  EXPECT_EQ(pair.answer(), long_one);
  EXPECT_EQ(batch.receive(pair.server.get()), 0U);
  EXPECT_EQ(errno, EAGAIN);
}

// The client is connected: it hears of nobody but the address that it asked.
TEST(DatagramBatch, AnswersLeaveFromTheAddressThatWasAsked) {
  for (const auto& [bound, asked] : {std::pair<std::string, std::string>{"0.0.0.0:0", "127.3.2.1:0"},
                                     std::pair<std::string, std::string>{"[::]:0", "[::1]:0"}}) {
    const Pair pair(bound, asked);
    if (!pair.server.valid()) continue;  // a machine without IPv6
    pair.ask("x");
    pair.wait_for_one();
    DatagramBatch batch;
    ASSERT_EQ(batch.receive(pair.server.get()), 1U);
    EXPECT_EQ(batch.send(pair.server.get(), 1, batch.path(0)), 1U);
    EXPECT_EQ(pair.answer(), "x") << asked;
  }
}

}  // namespace
}  // namespace edge::test::datagram_batch_test
