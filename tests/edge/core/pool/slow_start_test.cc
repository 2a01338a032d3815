#include "edge/core/pool/slow_start.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace edge::slow_start_test {
namespace {

Pools pools_of(shared::milliseconds slow_start, std::initializer_list<unsigned> ids) {
  Pool pool;
  pool.name = "web";
  pool.slow_start = slow_start;
  for (const unsigned id : ids) {
    Server server;
    server.id = ServerId{id};
    pool.servers.push_back(std::move(server));
  }
  std::vector<Pool> pools;
  pools.push_back(std::move(pool));
  return Pools(std::move(pools));
}

class SlowStartOfAPool : public ::testing::Test {
 protected:
  SlowStartOfAPool() { live_.reserve(ServerId{9}); }
  [[nodiscard]] std::uint32_t share(unsigned id) const {
    return standing_of(live_.server(ServerId{id}).state, kSlow, now_).share;
  }

  static constexpr shared::milliseconds kSlow{10000};
  Live live_;
  shared::TimePoint now_{shared::seconds(1000)};
};

TEST_F(SlowStartOfAPool, BeginSlowlyAndTheOthersGoOn) {
  start_slowly(pools_of(kSlow, {1, 2}), pools_of(kSlow, {2, 3}), live_, now_);
  EXPECT_EQ(share(2), kFullShare);
  EXPECT_EQ(share(3), kFullShare / 16);
  now_ += kSlow;
  EXPECT_EQ(share(3), kFullShare);
}

TEST_F(SlowStartOfAPool, TheFirstOfAPoolAreAllAsWarm) {
  start_slowly(pools_of(kSlow, {}), pools_of(kSlow, {1, 2}), live_, now_);
  start_slowly(Pools(), pools_of(kSlow, {3}), live_, now_);
  EXPECT_EQ(share(1), kFullShare);
  EXPECT_EQ(share(3), kFullShare);
}

TEST_F(SlowStartOfAPool, OnlyWhereThePoolSaysSo) {
  const shared::milliseconds none{0};
  start_slowly(pools_of(none, {1}), pools_of(none, {2}), live_, now_);
  EXPECT_EQ(live_.server(ServerId{2}).state.word(), 0U);
}

}  // namespace
}  // namespace edge::slow_start_test
