#include "shared/serve/os/socket.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace shared::socket_test {
namespace {

Endpoint loopback(std::uint16_t port = 0) { return {IpAddress::v4(0x7F000001), port}; }

UniqueFd connect_to(const Endpoint& endpoint, int type) {
  UniqueFd fd(::socket(endpoint.address.family == Family::ipv4 ? AF_INET : AF_INET6, type, 0));
  const SocketAddress address = to_socket_address(endpoint);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(address.bytes), address.length) != 0) fd.reset();
  return fd;
}

// How many of the sockets have something to read.
std::size_t ready(const std::vector<UniqueFd>& sockets) {
  std::size_t out = 0;
  for (const UniqueFd& fd : sockets) {
    pollfd one{fd.get(), POLLIN, 0};
    if (::poll(&one, 1, 100) == 1) ++out;
  }
  return out;
}

int int_option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  ::getsockopt(fd, level, name, &value, &size);
  return value;
}

TEST(SocketTest, KnowsTheAddressesOfThisMachine) {
  for (const char* text : {"127.0.0.1", "127.9.8.7", "0.0.0.0"}) EXPECT_TRUE(is_own_address(*IpAddress::parse(text)));
  for (const char* text : {"192.0.2.1", "2001:db8::1"}) EXPECT_FALSE(is_own_address(*IpAddress::parse(text))) << text;
}

TEST(SocketTest, WorkersShareOnePort) {
  const auto sockets = listen_tcp(loopback(), 3);
  ASSERT_TRUE(sockets) << sockets.error().message;
  ASSERT_EQ(sockets->size(), 3U);
  const Endpoint where = local_endpoint(sockets->front().get());
  EXPECT_NE(where.port, 0);
  for (const UniqueFd& fd : *sockets) EXPECT_EQ(local_endpoint(fd.get()), where);
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 60; ++i) clients.push_back(connect_to(where, SOCK_STREAM));
  EXPECT_EQ(ready(*sockets), 3U);  // each got some of 60
}

TEST(SocketTest, DatagramsAreSpreadOverWorkers) {
  const auto sockets = bind_udp(loopback(), 3);
  ASSERT_TRUE(sockets) << sockets.error().message;
  const Endpoint where = local_endpoint(sockets->front().get());
  for (int i = 0; i < 60; ++i) {
    const UniqueFd client = connect_to(where, SOCK_DGRAM);
    ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  }
  EXPECT_EQ(ready(*sockets), 3U);
}

TEST(SocketTest, UdpAndTcpMayHaveTheSamePort) {
  // The TCP port of a UDP port that was free may be somebody's: a few tries.
  bool both = false;
  for (int i = 0; i < 20 && !both; ++i) {
    const auto udp = bind_udp(loopback(), 1);
    ASSERT_TRUE(udp);
    both = listen_tcp(local_endpoint(udp->front().get()), 1).has_value();
  }
  EXPECT_TRUE(both);
}

TEST(SocketTest, PortInUseIsAnErrorInThisProcessToo) {
  const auto tcp = listen_tcp(loopback(), 2);
  ASSERT_TRUE(tcp);
  const Endpoint where = local_endpoint(tcp->front().get());
  const auto again = listen_tcp(where, 2);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message, "cannot listen on " + where.to_string() +
                                       " (TCP): Address already in use; another process has it: `ss -lntup` shows "
                                       "which");
  const auto udp = bind_udp(loopback(), 2);
  ASSERT_TRUE(udp);
  EXPECT_FALSE(bind_udp(local_endpoint(udp->front().get()), 2));
}

TEST(SocketTest, PortInUseByAnotherProcessIsAnError) {
  const auto udp = bind_udp(loopback(), 2);
  const auto tcp = listen_tcp(loopback(), 2);
  ASSERT_TRUE(udp && tcp);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool refused =
        !bind_udp(local_endpoint(udp->front().get()), 2) && !listen_tcp(local_endpoint(tcp->front().get()), 2);
    std::_Exit(refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(SocketTest, PortIsFreeAgainAtOnce) {
  Endpoint where;
  {
    const auto sockets = listen_tcp(loopback(), 1);
    ASSERT_TRUE(sockets);
    where = local_endpoint(sockets->front().get());
    const UniqueFd client = connect_to(where, SOCK_STREAM);
    const UniqueFd server(::accept(sockets->front().get(), nullptr, nullptr));
    ASSERT_TRUE(server.valid());
  }  // the server's side closes first: TIME_WAIT is ours
  EXPECT_TRUE(listen_tcp(where, 2));
}

TEST(SocketTest, AddressOfAnotherMachineSaysSo) {
  const auto sockets = listen_tcp({*IpAddress::parse("192.0.2.1"), 0}, 1);
  ASSERT_FALSE(sockets);
  EXPECT_EQ(sockets.error().message,
            "cannot listen on 192.0.2.1:0 (TCP): Cannot assign requested address; no interface of this machine has "
            "that address");
}

TEST(SocketTest, Ipv6DoesNotTakeIpv4) {
  const auto v6 = bind_udp({*IpAddress::parse("::"), 0}, 1);
  if (!v6) GTEST_SKIP() << v6.error().message;
  const std::uint16_t port = local_endpoint(v6->front().get()).port;
  EXPECT_TRUE(bind_udp({*IpAddress::parse("0.0.0.0"), port}, 1));
  EXPECT_EQ(int_option(v6->front().get(), IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
}

TEST(SocketTest, WildcardUdpTellsTheAddressThatWasAsked) {
  const auto wildcard = bind_udp({*IpAddress::parse("0.0.0.0"), 0}, 2);
  const auto exact = bind_udp(loopback(), 1);
  ASSERT_TRUE(wildcard && exact);
  for (const UniqueFd& fd : *wildcard) EXPECT_EQ(int_option(fd.get(), IPPROTO_IP, IP_PKTINFO), 1);
  EXPECT_EQ(int_option(exact->front().get(), IPPROTO_IP, IP_PKTINFO), 0);
}

TEST(SocketTest, AddressesSurviveTheRoundTrip) {
  for (const char* text : {"192.0.2.1:53", "[2001:db8::1]:853"}) {
    const Endpoint endpoint = *Endpoint::parse(text);
    EXPECT_EQ(from_socket_address(to_socket_address(endpoint).bytes), endpoint);
  }
}

}  // namespace
}  // namespace shared::socket_test
