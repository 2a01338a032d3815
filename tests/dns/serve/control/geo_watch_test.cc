#include "dns/serve/control/geo_watch.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/shared/serve/run_until.h"

namespace dns::geo_watch_test {
namespace {

using shared::test::run_for;
using shared::test::run_until;
using namespace std::chrono_literals;

class GeoWatchTest : public testing::Test {
 protected:
  GeoWatchTest() : file_(std::filesystem::path(testing::TempDir()) / ("geo_watch_" + std::to_string(::getpid()))) {
    put("first");
  }
  ~GeoWatchTest() override {
    builder_.stop();
    std::filesystem::remove(file_);
    std::filesystem::remove(other());
  }

  [[nodiscard]] std::filesystem::path other() const { return file_.string() + ".other"; }
  // By rename, as updaters do.
  void put(const std::string& text) const {
    const std::string draft = file_.string() + ".new";
    std::ofstream(draft) << text;
    std::filesystem::rename(draft, file_);
  }
  void watch(shared::Duration interval = 2ms) { watch_.watch(file_, *stamp_of(file_), interval); }

  shared::Loop loop_{shared::kOneThread};
  shared::Builder builder_;
  std::filesystem::path file_;
  int changes_ = 0;
  GeoWatch watch_{loop_, builder_, [this] { ++changes_; }};
};

TEST_F(GeoWatchTest, EachReplacementIsToldOnce) {
  watch();
  run_for(loop_, 20ms);
  EXPECT_EQ(changes_, 0) << "nothing has changed";
  put("the second");
  ASSERT_TRUE(run_until(loop_, [this] { return changes_ > 0; }));
  run_for(loop_, 20ms);
  EXPECT_EQ(changes_, 1);
  put("and the third one");
  ASSERT_TRUE(run_until(loop_, [this] { return changes_ > 1; }));
}

TEST_F(GeoWatchTest, AFileThatIsMissingForAMomentIsNoNews) {
  watch();
  std::filesystem::rename(file_, other());
  run_for(loop_, 20ms);
  std::filesystem::rename(other(), file_);
  run_for(loop_, 20ms);
  EXPECT_EQ(changes_, 0);
}

TEST_F(GeoWatchTest, WhatIsWatchedBeforeIsWatchedNoLonger) {
  watch();
  std::ofstream(other()) << "another one";
  watch_.watch(other(), *stamp_of(other()), 2ms);
  put("the second");
  run_for(loop_, 20ms);
  EXPECT_EQ(changes_, 0);
  std::ofstream(other()) << "longer than it was";
  ASSERT_TRUE(run_until(loop_, [this] { return changes_ > 0; }));
  watch_.watch({}, {}, 2ms);
  std::ofstream(other()) << "and longer still than that";
  run_for(loop_, 20ms);
  EXPECT_EQ(changes_, 1) << "none is watched";
}

// A look that is under way when another file is named says nothing of it.
TEST_F(GeoWatchTest, ALookAtTheFileBeforeIsForgotten) {
  std::ofstream(other()) << "another one";
  watch(1us);
  put("the second");
  loop_.run_one();  // the look begins
  watch_.watch(other(), *stamp_of(other()), 1h);
  run_for(loop_, 30ms);
  EXPECT_EQ(changes_, 0);
}

}  // namespace
}  // namespace dns::geo_watch_test
