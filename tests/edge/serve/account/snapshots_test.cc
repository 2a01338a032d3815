#include "edge/serve/account/snapshots.h"

#include <vector>

#include <gtest/gtest.h>

namespace edge::snapshots_test {
namespace {

using Generations = std::vector<std::uint64_t>;

class SnapshotsTest : public testing::Test {
 protected:
  static std::shared_ptr<const Snapshot> generation(std::uint64_t number) {
    auto made = std::make_shared<Snapshot>();
    made->generation = number;
    return made;
  }

  Generations discarded_;
  Snapshots snapshots_{generation(1),
                       [this](const std::shared_ptr<const Snapshot>& old) { discarded_.push_back(old->generation); }};
};

TEST_F(SnapshotsTest, WhatNobodyUsesIsDiscardedAtOnce) {
  snapshots_.publish(generation(2));
  EXPECT_EQ(snapshots_.current().generation, 2U);
  EXPECT_EQ(discarded_, Generations{1});
}

TEST_F(SnapshotsTest, ARequestKeepsTheOneItBeganWith) {
  {
    const Snapshots::Pin first = snapshots_.pin();
    snapshots_.publish(generation(2));
    {
      const Snapshots::Pin another = snapshots_.pin();
      EXPECT_EQ(another->generation, 2U);
    }
    snapshots_.publish(generation(3));
    EXPECT_EQ(first->generation, 1U);
    EXPECT_EQ(discarded_, Generations{2}) << "the second has no user any more, the first has one";
  }
  EXPECT_EQ(discarded_, (Generations{2, 1}));
}

TEST_F(SnapshotsTest, ThePresentOneIsKeptWithoutAUser) {
  {
    const Snapshots::Pin pin = snapshots_.pin();
  }
  EXPECT_TRUE(discarded_.empty());
  EXPECT_EQ(snapshots_.current().generation, 1U);
}

}  // namespace
}  // namespace edge::snapshots_test
