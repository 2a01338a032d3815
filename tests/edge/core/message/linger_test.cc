#include "edge/core/message/linger.h"

#include <gtest/gtest.h>

namespace edge::linger_test {
namespace {

using shared::milliseconds;
using shared::seconds;

const shared::TimePoint kStart{seconds(1000)};

TEST(Linger, EndsInSilence) {
  Linger linger;
  linger.begin(kStart, seconds(30));
  EXPECT_EQ(linger.deadline(), kStart + Linger::kSilence);
  linger.read(1, kStart + seconds(3));
  EXPECT_EQ(linger.deadline(), kStart + seconds(3) + Linger::kSilence);
  linger.read(0, kStart + seconds(4));
  EXPECT_EQ(linger.deadline(), kStart + seconds(3) + Linger::kSilence) << "nothing is silence";
}

TEST(Linger, EndsForATrickle) {
  Linger linger;
  linger.begin(kStart, seconds(30));
  for (int i = 1; i <= 29; ++i) linger.read(1, kStart + seconds(i));
  EXPECT_EQ(linger.deadline(), kStart + seconds(30));
}

TEST(Linger, GoesOnAtARateButNotForEver) {
  Linger linger;
  linger.begin(kStart, seconds(30));
  for (int i = 1; i <= 100; ++i) linger.read(2 * Linger::kRate, kStart + seconds(i));
  EXPECT_EQ(linger.deadline(), kStart + seconds(100) + Linger::kSilence);
  linger.read(std::uint64_t{1} << 40, kStart + seconds(299));
  EXPECT_EQ(linger.deadline(), kStart + seconds(300));
}

TEST(Linger, NoTimeIsNone) {
  Linger linger;
  linger.begin(kStart, milliseconds(0));
  EXPECT_EQ(linger.deadline(), kStart);
}

}  // namespace
}  // namespace edge::linger_test
