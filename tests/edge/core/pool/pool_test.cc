#include "edge/core/pool/pool.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace edge::pool_test {
namespace {

TEST(ServerSource, IsShownAsItIsWritten) {
  EXPECT_EQ(to_string(ServerSource{.kind = ServerSource::Kind::dns, .name = "backends.example", .port = 8080}),
            "backends.example:8080");
  EXPECT_EQ(to_string(ServerSource{.kind = ServerSource::Kind::srv, .name = "_http._tcp.backends.example"}),
            "_http._tcp.backends.example")
      << "the records bring the ports";
}

TEST(Pool, SaysWhyThereIsNoServer) {
  Pool pool;
  EXPECT_EQ(why_no_server(pool), "the pool has no server here");
  pool.sources.emplace_back();
  EXPECT_EQ(why_no_server(pool), "the DNS has not named the pool's servers yet");
  pool.servers.emplace_back();
  EXPECT_EQ(why_no_server(pool), "no usable server in the pool");
}

TEST(Pools, AreFoundByName) {
  std::vector<Pool> both(2);
  both[0].name = "web";
  both[1].name = "api";
  const Pools pools(std::move(both));
  ASSERT_NE(pools.find("api"), nullptr);
  EXPECT_EQ(pools.find("api")->name, "api");
  EXPECT_EQ(pools.find("ap"), nullptr);
}

TEST(Addresses, GrowWithTheIdsAndNobodyElsesChange) {
  Addresses addresses;
  const shared::Endpoint first{shared::IpAddress::v4(0xC0000201), 80};
  const shared::Endpoint second{shared::IpAddress::v4(0xC0000202), 80};
  addresses.set(ServerId{5}, {first, second});
  EXPECT_EQ(addresses.of(ServerId{5}).size(), 2U);
  EXPECT_TRUE(addresses.of(ServerId{4}).empty());
  EXPECT_TRUE(addresses.of(ServerId{6}).empty()) << "nobody has said anything of it";
  addresses.set(ServerId{1}, {first});
  EXPECT_EQ(addresses.of(ServerId{5}).size(), 2U);
  addresses.set(ServerId{5}, {});
  EXPECT_TRUE(addresses.of(ServerId{5}).empty());
}

}  // namespace
}  // namespace edge::pool_test
