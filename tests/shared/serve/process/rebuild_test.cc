#include "shared/serve/process/rebuild.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/shared/serve/run_until.h"

namespace shared::rebuild_test {
namespace {

// A world is a number; all that happens to it is noted.
class RebuildTest : public ::testing::Test {
 protected:
  using Job = Rebuild<int>::Job;

  // Adopts what `build` makes of the present world, unless a step of the job says otherwise.
  Job job(int next) {
    Job job;
    job.build = [next](const int&, load::Diagnostics&) { return std::optional(next); };
    job.adopt = [this](std::shared_ptr<const int> made) { world_ = std::move(made); };
    job.done = [this](Rebuilt end, const load::Diagnostics& diagnostics) {
      ends_.push_back(end);
      said_ = diagnostics.render();
    };
    return job;
  }
  void run(Job job) {
    const std::size_t before = ends_.size();
    rebuild_.run(std::move(job));
    ASSERT_TRUE(test::run_until(loop_, [&] { return ends_.size() > before; }));
  }
  using Ends = std::vector<Rebuilt>;

  Loop loop_{kOneThread};
  Builder builder_;
  std::shared_ptr<const int> world_ = std::make_shared<const int>(1);
  Rebuild<int> rebuild_{loop_, builder_, [this] { return world_; }};
  Ends ends_;
  std::string said_;
};

TEST_F(RebuildTest, AdoptsWhatIsBuiltOverThePresentWorld) {
  Job next = job(0);
  next.build = [](const int& before, load::Diagnostics&) { return std::optional(before + 1); };
  run(std::move(next));
  EXPECT_EQ(*world_, 2);
  EXPECT_EQ(ends_, Ends{Rebuilt::adopted});
}

TEST_F(RebuildTest, WhatCannotBeBuiltChangesNothingAndSaysWhy) {
  Job next = job(2);
  next.build = [](const int&, load::Diagnostics& diagnostics) -> std::optional<int> {
    diagnostics.error({}, "no such file");
    return std::nullopt;
  };
  run(std::move(next));
  EXPECT_EQ(*world_, 1);
  EXPECT_EQ(ends_, Ends{Rebuilt::refused});
  EXPECT_NE(said_.find("no such file"), std::string::npos);
}

TEST_F(RebuildTest, TheJudgeAndThePermissionRefuseWithAnErrorAndAWarningDoesNot) {
  for (const bool judge : {true, false}) {
    Job next = job(2);
    const auto refuse = [](const int& before, const int& made, load::Diagnostics& diagnostics) {
      diagnostics.error({}, std::to_string(before) + " to " + std::to_string(made) + " is too much");
    };
    (judge ? next.judge : next.permit) = refuse;
    run(std::move(next));
    EXPECT_EQ(*world_, 1);
    EXPECT_NE(said_.find("1 to 2 is too much"), std::string::npos);
  }
  EXPECT_EQ(ends_, (Ends{Rebuilt::refused, Rebuilt::refused}));
  Job next = job(2);
  next.judge = [](const int&, const int&, load::Diagnostics& diagnostics) { diagnostics.warning({}, "much"); };
  run(std::move(next));
  EXPECT_EQ(*world_, 2);
  EXPECT_NE(said_.find("much"), std::string::npos);
}

TEST_F(RebuildTest, WhatWasBuiltOverAnotherWorldIsOutdated) {
  Job next = job(2);
  next.holds = [this](const std::shared_ptr<const int>& before) { return before == world_; };
  rebuild_.run(std::move(next));
  world_ = std::make_shared<const int>(7);  // meanwhile
  ASSERT_TRUE(test::run_until(loop_, [&] { return !ends_.empty(); }));
  EXPECT_EQ(ends_, Ends{Rebuilt::outdated});
  EXPECT_EQ(*world_, 7);
}

// What is to be adopted or refused is noted before it is.
TEST_F(RebuildTest, NotesWhatComes) {
  Job next = job(2);
  std::vector<int> noted;
  next.note = [&](const int* made, const load::Diagnostics&) { noted = {made == nullptr ? 0 : *made, *world_}; };
  run(std::move(next));
  EXPECT_EQ(noted, (std::vector{2, 1}));
}

// A large world dies on the Builder, whoever held it last.
TEST_F(RebuildTest, TheWorldBeforeDiesOnTheBuilder) {
  std::thread::id died_on;
  world_ = std::shared_ptr<const int>(new int(1), [&](const int* old) {
    died_on = std::this_thread::get_id();
    delete old;
  });
  Job next = job(2);
  next.adopt = [this](std::shared_ptr<const int> made) { builder_.dispose(std::exchange(world_, std::move(made))); };
  run(std::move(next));
  builder_.stop();
  EXPECT_NE(died_on, std::thread::id());
  EXPECT_NE(died_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace shared::rebuild_test
