#include "edge/core/protect/retry.h"

#include <gtest/gtest.h>

namespace edge::retry_test {
namespace {

TEST(SafeToRetry, OnlyWhileNobodyCanNotice) {
  const FailedTry get{
      .side = Side::upstream, .connected = true, .answering = false, .idempotent = true, .replayable = true};
  EXPECT_TRUE(safe_to_retry(get));
  FailedTry one = get;
  one.answering = true;
  EXPECT_FALSE(safe_to_retry(one)) << "the client has a part of the answer";
  one = get;
  one.replayable = false;
  EXPECT_FALSE(safe_to_retry(one)) << "a part of the body is gone";
  one = get;
  one.side = Side::client;
  EXPECT_FALSE(safe_to_retry(one));
  one = get;
  one.idempotent = false;
  EXPECT_FALSE(safe_to_retry(one)) << "a POST that the server may have seen";
  one.connected = false;
  EXPECT_TRUE(safe_to_retry(one)) << "a POST that no server has seen";
  one.replayable = false;
  EXPECT_FALSE(safe_to_retry(one));
}

}  // namespace
}  // namespace edge::retry_test
