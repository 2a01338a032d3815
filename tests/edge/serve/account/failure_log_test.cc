#include "edge/serve/account/failure_log.h"

#include <gtest/gtest.h>

namespace edge::failure_log_test {
namespace {

TEST(FailureLog, SaysOneInASecondAndCountsTheRest) {
  FailureLog log;
  const shared::TimePoint now(shared::seconds(1000));
  log.report("a:80", 502, "connect refused", now);
  EXPECT_EQ(log.unsaid(), 0U);
  for (int i = 0; i < 3; ++i) log.report("a:80", 502, "connect refused", now + shared::milliseconds(999));
  EXPECT_EQ(log.unsaid(), 3U);
  log.report("b:80", 504, "no byte in time", now + shared::seconds(1));  // which says the three
  EXPECT_EQ(log.unsaid(), 0U);
}

}  // namespace
}  // namespace edge::failure_log_test
