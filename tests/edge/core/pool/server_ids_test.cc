#include "edge/core/pool/server_ids.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace edge::server_ids_test {
namespace {

std::string address(std::size_t n) { return "10.0." + std::to_string(n / 256) + "." + std::to_string(n % 256) + ":80"; }

TEST(ServerIds, StayByPoolAndName) {
  ServerIds ids;
  const auto lease = ids.begin_build();
  const ServerId first = *ids.id_of("web", "10.0.0.1:80", *lease);
  EXPECT_NE(first, *ids.id_of("api", "10.0.0.1:80", *lease));
  EXPECT_EQ(first, *ids.id_of("web", "10.0.0.1:80", *lease));
  EXPECT_EQ(first, *ids.id_of("web", "10.0.0.1:80", *ids.begin_build()));
  EXPECT_TRUE(ids.take_reassigned().empty());
}

// Each turn 64 servers join and 64 leave: for ever, in bounded room, and what is used is never given away.
TEST(ServerIds, NeverRunOutOverChangingNames) {
  constexpr std::size_t kStep = 64;
  ServerIds ids;
  std::vector<std::shared_ptr<ServerIds::Lease>> alive;
  std::size_t reassigned = 0;
  ServerId highest{};
  for (std::size_t turn = 0; turn * kStep < 3 * Live::kMaxServers; ++turn) {
    auto lease = ids.begin_build();
    std::set<ServerId> used;
    for (std::size_t n = turn * kStep; n < (turn + 2) * kStep; ++n) {
      const auto id = ids.id_of("web", "server-" + std::to_string(n), *lease);
      ASSERT_TRUE(id) << n;
      used.insert(*id);
      highest = std::max(highest, *id);
    }
    ASSERT_EQ(used.size(), 2 * kStep);
    for (const ServerId id : ids.take_reassigned()) {
      ++reassigned;
      ASSERT_TRUE(used.contains(id));
    }
    alive.push_back(std::move(lease));
    if (alive.size() > 2) alive.erase(alive.begin());
  }
  EXPECT_GT(reassigned, Live::kMaxServers);
  EXPECT_LT(static_cast<std::size_t>(highest), ServerIds::kRemembered + 5 * kStep);
}

TEST(ServerIds, OneThatComesBackSoonFindsItsOwn) {
  ServerIds ids;
  const ServerId first = *ids.id_of("web", "back", *ids.begin_build());
  for (std::size_t n = 0; n < ServerIds::kRemembered - 1; ++n) {
    const auto lease = ids.begin_build();
    EXPECT_NE(*ids.id_of("web", address(n), *lease), first);
  }
  EXPECT_EQ(*ids.id_of("web", "back", *ids.begin_build()), first);
  EXPECT_TRUE(ids.take_reassigned().empty());
}

// A long download holds the pools that it began with.
TEST(ServerIds, WhatAnOldBuildHoldsIsNotGivenAway) {
  ServerIds ids;
  const auto held = ids.begin_build();
  const ServerId mine = *ids.id_of("web", "old", *held);
  for (std::size_t n = 0; n < 4 * ServerIds::kRemembered; ++n) {
    const auto lease = ids.begin_build();
    EXPECT_NE(*ids.id_of("web", address(n), *lease), mine);
  }
  EXPECT_EQ(*ids.id_of("web", "old", *ids.begin_build()), mine);
}

TEST(ServerIds, AllInUseAtOnceIsTheEnd) {
  ServerIds ids;
  auto all = ids.begin_build();
  for (std::size_t n = 0; n < Live::kMaxServers; ++n) ASSERT_TRUE(ids.id_of("web", address(n), *all));
  EXPECT_FALSE(ids.id_of("web", "one more", *ids.begin_build()));
  all.reset();
  EXPECT_TRUE(ids.id_of("web", "one more", *ids.begin_build()));
  EXPECT_EQ(ids.take_reassigned().size(), 1U);
}

// The build of a name that comes back does not lose its id to a newcomer of the same build.
TEST(ServerIds, AFullHouseGivesAwayOnlyWhatNobodyHas) {
  ServerIds ids;
  {
    const auto all = ids.begin_build();
    for (std::size_t n = 0; n < Live::kMaxServers; ++n) ASSERT_TRUE(ids.id_of("web", address(n), *all));
  }
  const auto lease = ids.begin_build();
  std::set<ServerId> used;
  // The id that goes next, 2 n + 1, is the one whose own name has just come back.
  for (std::size_t n = 0; n < 1000; ++n) {
    const ServerId newcomer = *ids.id_of("web", "new " + std::to_string(n), *lease);
    ASSERT_EQ(static_cast<std::size_t>(newcomer), 2 * n);
    ASSERT_TRUE(used.insert(newcomer).second);
    const ServerId back = *ids.id_of("web", address(2 * n + 1), *lease);
    ASSERT_EQ(static_cast<std::size_t>(back), 2 * n + 1) << "it finds its own";
    ASSERT_TRUE(used.insert(back).second);
  }
}

TEST(PoolSlots, StayByName) {
  ServerIds ids;
  const auto first = ids.slot_of("web");
  EXPECT_NE(ids.slot_of("api"), first);
  EXPECT_EQ(ids.slot_of("web"), first);
}

}  // namespace
}  // namespace edge::server_ids_test
