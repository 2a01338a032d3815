#include "edge/serve/upstream/h2_upstreams.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <limits>
#include <string>
#include <string_view>

#include "shared/serve/os/socket.h"

namespace edge {
namespace {

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

}  // namespace
}  // namespace edge
