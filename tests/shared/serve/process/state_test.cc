#include "shared/serve/process/state.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace shared::state_test {
namespace {

class StateTest : public ::testing::Test {
 protected:
  StateTest() {
    std::string pattern = ::testing::TempDir() + "/meridian_state_XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    path_ = root_ / "state";
  }
  ~StateTest() override { std::filesystem::remove_all(root_); }

  std::filesystem::path root_;
  std::string path_;
};

TEST_F(StateTest, ReadsWhatWasWritten) {
  const auto state = StateDirectory::open(path_);
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(*state->read("health"), std::nullopt);
  ASSERT_TRUE(state->write("health", "one"));
  ASSERT_TRUE(state->write("health", "three"));
  EXPECT_EQ(*state->read("health"), "three");
  const std::string large(100'000, 'x');
  ASSERT_TRUE(state->write("health", large));
  EXPECT_EQ(*state->read("health"), large);
}

TEST_F(StateTest, SecondProcessIsAClearError) {
  const auto first = StateDirectory::open(path_);
  ASSERT_TRUE(first);
  const auto second = StateDirectory::open(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            "state directory " + path_ + " is in use by process " + std::to_string(::getpid()) +
                ": stop that server, take over from it with --upgrade, or give this one a state directory of its own");
}

TEST_F(StateTest, LockDiesWithItsHolder) {
  {
    const auto first = StateDirectory::open(path_);
  }
  EXPECT_TRUE(StateDirectory::open(path_));
}

// A process that is killed in the middle of writing leaves the old content or the new, never a part.
TEST_F(StateTest, KilledWriterLeavesAWholeFile) {
  const std::string old_content(50'000, 'o');
  const std::string new_content(50'000, 'n');
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto state = StateDirectory::open(path_);
      while (state) {
        if (!state->write("health", old_content) || !state->write("health", new_content)) break;
      }
      std::_Exit(1);
    }
    while (!std::filesystem::exists(path_ + "/health")) ::usleep(1000);
    ::usleep(static_cast<useconds_t>(1000 * (1 + round % 7)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto state = StateDirectory::open(path_);
    ASSERT_TRUE(state) << state.error().message;
    const auto content = state->read("health");
    ASSERT_TRUE(content && *content);
    EXPECT_TRUE(**content == old_content || **content == new_content);
  }
}

TEST_F(StateTest, FailuresSayWhatAndWhere) {
  const auto missing_parent = StateDirectory::open(path_ + "/a/b");
  ASSERT_FALSE(missing_parent);
  EXPECT_EQ(missing_parent.error().message,
            "cannot make the state directory " + path_ + "/a/b: No such file or directory");
  std::ofstream(path_) << "a file";
  const auto a_file = StateDirectory::open(path_);
  ASSERT_FALSE(a_file);
  EXPECT_EQ(a_file.error().message, "cannot open the state directory " + path_ + ": Not a directory");
}

TEST_F(StateTest, FailedWriteLeavesTheOldContent) {
  const auto state = StateDirectory::open(path_);
  ASSERT_TRUE(state);
  ASSERT_TRUE(state->write("health", "old"));
  std::filesystem::create_directory(path_ + "/.health.new." + std::to_string(::getpid()));  // in the way of the draft
  const auto written = state->write("health", "new");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find(path_ + "/health: Is a directory"), std::string::npos);
  EXPECT_EQ(*state->read("health"), "old");
}

TEST_F(StateTest, WhatAKilledWriterLeftIsRemoved) {
  ASSERT_TRUE(StateDirectory::open(path_));
  std::ofstream(path_ + "/.health.new.4711") << "half a";
  const auto state = StateDirectory::open(path_);
  ASSERT_TRUE(state);
  EXPECT_FALSE(std::filesystem::exists(path_ + "/.health.new.4711"));
  EXPECT_EQ(*state->read("health"), std::nullopt);
}

TEST_F(StateTest, TheLockIsHandedOn) {
  auto first = StateDirectory::open(path_);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->write("health", "old"));
  {
    const auto second = StateDirectory::adopt(path_, UniqueFd(::dup(first->lock())));
    ASSERT_TRUE(second);
    EXPECT_EQ(*second->read("health"), "old");
    ASSERT_TRUE(second->write("health", "new"));
    {
      const auto gone = std::move(*first);
    }
    EXPECT_FALSE(StateDirectory::open(path_)) << "the second holds it still";
  }
  EXPECT_TRUE(StateDirectory::open(path_));
}

TEST_F(StateTest, OthersMayNotRead) {
  const auto state = StateDirectory::open(path_);
  ASSERT_TRUE(state && state->write("health", "x"));
  struct stat info{};
  ASSERT_EQ(::stat((path_ + "/health").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0007, 0U);
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0007, 0U);
}

}  // namespace
}  // namespace shared::state_test
