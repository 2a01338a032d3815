#include "shared/serve/os/log.h"

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace shared::log_test {
namespace {

std::string format(std::initializer_list<LogField> fields) {
  return format_event(Level::info, "region_down", std::span(fields.begin(), fields.size()));
}

TEST(LogTest, PlainValuesStandBare) {
  EXPECT_EQ(format({{"region", "us-east"}, {"fall", 3}, {"up", false}, {"share", 0.25}}),
            "level=info event=region_down region=us-east fall=3 up=false share=0.25");
}

TEST(LogTest, ValuesAreQuotedWhereTheyNeedIt) {
  EXPECT_EQ(format({{"reason", "connection refused"}}), R"(level=info event=region_down reason="connection refused")");
  EXPECT_EQ(format({{"a", ""}, {"b", "x=y"}}), R"(level=info event=region_down a="" b="x=y")");
}

TEST(LogTest, NothingThatAClientSaysForgesALine) {
  EXPECT_EQ(format({{"name", "a\nlevel=error \"\\\x01\xff"}}),
            R"(level=info event=region_down name="a\nlevel=error \"\\\x01\xff")");
}

TEST(LogTest, NumbersOfManyKinds) {
  EXPECT_EQ(format({{"a", 1.0}, {"b", 2.5}, {"c", 0.0004}, {"d", std::numeric_limits<std::uint64_t>::max()}}),
            "level=info event=region_down a=1 b=2.5 c=0 d=18446744073709551615");
}

TEST(LogTest, LevelsHaveNames) {
  for (const Level level : {Level::debug, Level::info, Level::warn, Level::error}) {
    EXPECT_EQ(parse_level(to_string(level)), level);
  }
  EXPECT_EQ(parse_level("warning"), std::nullopt);
}

TEST(LogTest, LessThanTheLevelIsNotWritten) {
  const LogCapture capture;
  log_event(Level::debug, "unheard");
  log_event(Level::warn, "heard", {{"n", 1}});
  set_log_level(Level::error);
  log_event(Level::warn, "unheard");
  set_log_level(Level::info);
  EXPECT_EQ(capture.lines(), std::vector<std::string>{"level=warn event=heard n=1"});
  EXPECT_TRUE(capture.contains("event=heard"));
  EXPECT_FALSE(capture.contains("unheard"));
}

TEST(LogTest, StandardErrorGetsTheTime) {
  ::testing::internal::CaptureStderr();
  log_event(Level::info, "started");
  const std::string out = ::testing::internal::GetCapturedStderr();
  // 2026-11-22T14:00:00.123Z level=info event=started
  ASSERT_GT(out.size(), 25U);
  EXPECT_EQ(out[10], 'T');
  EXPECT_EQ(out.substr(23), "Z level=info event=started\n");
}

TEST(LogTest, ThreadsDoNotInterleave) {
  const LogCapture capture;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 50; ++i) log_event(Level::info, "tick", {{"text", "one two three"}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = capture.lines();
  EXPECT_EQ(lines.size(), 200U);
  for (const std::string& line : lines) EXPECT_EQ(line, R"(level=info event=tick text="one two three")");
}

}  // namespace
}  // namespace shared::log_test
