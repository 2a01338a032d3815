#include "shared/serve/loop/debounce.h"

#include <gtest/gtest.h>

#include "tests/shared/serve/run_until.h"

namespace shared::debounce_test {
namespace {

TEST(Debounce, CallsOnceForManyCauses) {
  Loop loop(kOneThread);
  int calls = 0;
  Debounce debounce(loop, {.quiet = milliseconds(20), .longest = seconds(20)}, [&] { ++calls; });
  for (int i = 0; i < 200; ++i) debounce.trigger();
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(test::run_until(loop, [&] { return calls > 0; }));
  test::run_for(loop, milliseconds(60));
  EXPECT_EQ(calls, 1);
  debounce.trigger();
  ASSERT_TRUE(test::run_until(loop, [&] { return calls == 2; }));
}

TEST(Debounce, DoesNotWaitForAQuietTimeThatNeverComes) {
  Loop loop(kOneThread);
  int calls = 0;
  Debounce debounce(loop, {.quiet = seconds(20), .longest = milliseconds(30)}, [&] { ++calls; });
  debounce.trigger();
  const bool called = test::run_until(loop, [&] {
    debounce.trigger();
    return calls > 0;
  });
  EXPECT_TRUE(called);
}

}  // namespace
}  // namespace shared::debounce_test
