#include "dns/serve/udp/udp_batch.h"

#include <gtest/gtest.h>

#include "shared/serve/os/unique_fd.h"

namespace dns::udp_batch_test {
namespace {

[[nodiscard]] int option(const shared::UniqueFd& fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(fd.get(), level, name, &value, &size), 0);
  return value;
}

// RFC 9715: a forged "packet too big" must not make us fragment, so the path MTU is left alone; nor may routers.
TEST(UdpSocket, HeedsNoPathMtu) {
  const shared::UniqueFd ipv4(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  configure_udp(ipv4.get(), shared::Family::ipv4);
  EXPECT_EQ(option(ipv4, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_PROBE);
  const shared::UniqueFd ipv6(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  configure_udp(ipv6.get(), shared::Family::ipv6);
  EXPECT_EQ(option(ipv6, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_OMIT);
}

}  // namespace
}  // namespace dns::udp_batch_test
