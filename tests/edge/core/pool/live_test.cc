#include "edge/core/pool/live.h"

#include <gtest/gtest.h>

namespace edge::live_test {
namespace {

TEST(Live, CellsStay) {
  const ServerId first{0};
  Live live;
  live.reserve(ServerId{3});
  ServerLive* cell = &live.server(first);
  cell->requests = 7;
  live.reserve(ServerId{Live::kChunk + 1});
  EXPECT_EQ(&live.server(first), cell);
  EXPECT_EQ(live.server(ServerId{Live::kChunk + 1}).requests.load(), 0u);
}

TEST(Live, ATenantBeginsAnew) {
  Live live;
  live.reserve(ServerId{0});
  ServerLive& cell = live.server(ServerId{0});
  const std::uint32_t before = cell.tenant;
  cell.requests = 7;
  cell.failures = 3;
  cell.in_flight = 2;
  cell.failures_in_a_row = 4;
  for (auto* counter : {&cell.breaker_opened, &cell.breaker_shadowed, &cell.ejections}) *counter = 4;
  const BreakerSettings one_is_enough{.mode = shared::Mode::enforce, .failures = 1};
  (void)cell.breaker.leave(cell.breaker.enter(one_is_enough, {}, cell.state), BreakerOutcome::failure, one_is_enough,
                           {}, 1, cell.state);
  ASSERT_NE(cell.breaker.word(), 0U);
  cell.state.set_health(shared::HealthState::down);
  cell.state.set_draining(true);
  cell.state.set_breaker(BreakerState::open);
  cell.response_time.observe(shared::seconds(1), shared::TimePoint(shared::seconds(9)), shared::seconds(1));
  live.begin_tenancy(ServerId{0});
  EXPECT_EQ(cell.requests.load(), 0U);
  EXPECT_EQ(cell.failures.load(), 0U);
  EXPECT_EQ(cell.in_flight.load(), 0U);
  EXPECT_EQ(cell.failures_in_a_row.load(), 0U);
  EXPECT_EQ(cell.breaker_opened.load(), 0U);
  EXPECT_EQ(cell.breaker_shadowed.load(), 0U);
  EXPECT_EQ(cell.ejections.load(), 0U);
  EXPECT_EQ(cell.state.word(), 0U);
  EXPECT_EQ(cell.breaker.word(), 0U);
  EXPECT_EQ(cell.response_time.mean_us(shared::TimePoint(shared::seconds(9)), shared::seconds(1)), 0);
  EXPECT_NE(cell.tenant.load(), before);
}

}  // namespace
}  // namespace edge::live_test
