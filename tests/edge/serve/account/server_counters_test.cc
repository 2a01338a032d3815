#include "edge/serve/account/server_counters.h"

#include <gtest/gtest.h>

namespace edge::server_counters_test {
namespace {

TEST(ServerCounterTable, AreMadeWhenAServerIsFirstMet) {
  ServerCounterTable table;
  EXPECT_EQ(table.find(ServerId{7}, 0), nullptr);
  table.of(ServerId{7}, 0).responses[2].add();
  ASSERT_NE(table.find(ServerId{7}, 0), nullptr);
  EXPECT_EQ(table.find(ServerId{7}, 0)->responses[2].read(), 1U);
  EXPECT_EQ(table.find(ServerId{8}, 0), nullptr);
}

TEST(ServerCounterTable, TheNextTenantOfAnIdBeginsAtZero) {
  ServerCounterTable table;
  ServerCounters& before = table.of(ServerId{1}, 4);
  before.responses[5].add();
  before.retries.add();
  before.latency.record(1000);
  EXPECT_EQ(table.find(ServerId{1}, 5), nullptr) << "not the other's";
  ServerCounters& after = table.of(ServerId{1}, 5);
  EXPECT_EQ(after.responses[5].read(), 0U);
  EXPECT_EQ(after.retries.read(), 0U);
  EXPECT_EQ(table.find(ServerId{1}, 4), nullptr);
  EXPECT_EQ(table.find(ServerId{1}, 5), &after);
}

TEST(ServerCounterTable, TheLastServersHaveRoom) {
  ServerCounterTable table;
  const ServerId last{static_cast<std::uint32_t>(Live::kMaxServers - 1)};
  table.of(last, 0).retries.add();
  EXPECT_EQ(table.find(last, 0)->retries.read(), 1U);
}

}  // namespace
}  // namespace edge::server_counters_test
