#include "shared/serve/process/state_writer.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "tests/shared/serve/run_until.h"

namespace shared::state_writer_test {
namespace {

StateWriter::Text text(std::string words) {
  return [words = std::move(words)] { return words; };
}

class StateWriterTest : public ::testing::Test {
 protected:
  StateWriterTest() {
    std::string pattern = ::testing::TempDir() + "/meridian_writer_XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    auto opened = StateDirectory::open((root_ / "state").string());
    EXPECT_TRUE(opened) << opened.error().message;
    state_.emplace(std::move(*opened));
  }
  ~StateWriterTest() override { std::filesystem::remove_all(root_); }

  // A folder in the place of a file: no write can replace it.
  void block(const std::string& file) { std::filesystem::create_directories(root_ / "state" / file / "x"); }
  void unblock(const std::string& file) { std::filesystem::remove_all(root_ / "state" / file); }
  [[nodiscard]] std::string kept(const std::string& file) const {
    const auto read = state_->read(file);
    return read ? read->value_or("") : "";
  }

  const LogCapture log_;
  std::filesystem::path root_;
  Loop loop_{kOneThread};
  std::optional<StateDirectory> state_;
};

TEST_F(StateWriterTest, WritesAndTells) {
  StateWriter writer(loop_, &*state_);
  std::optional<bool> told;
  writer.write("words", text("one"), [&](const Result<void>& written) { told = written.has_value(); });
  EXPECT_FALSE(told) << "not before it is written";
  ASSERT_TRUE(test::run_until(loop_, [&] { return told.has_value(); }));
  EXPECT_TRUE(*told);
  EXPECT_EQ(kept("words"), "one");
}

// However fast things change, nothing queues up: what comes while it writes is one more write, of the newest.
TEST_F(StateWriterTest, TheNewestTextOfEachFileIsWritten) {
  StateWriter writer(loop_, &*state_);
  std::promise<void> go;
  int made = 0;
  int told = 0;
  writer.run(
      [&] {
        go.get_future().wait();
        return 0;
      },
      [](int) {});
  const auto tell = [&](const Result<void>&) { ++told; };
  for (int i = 0; i < 50; ++i) {
    writer.write(
        "words",
        [&made, i] {
          ++made;
          return std::to_string(i);
        },
        tell);
  }
  writer.write("health", text("well"), tell);
  go.set_value();
  ASSERT_TRUE(test::run_until(loop_, [&] { return told == 51; }));
  EXPECT_EQ(kept("words"), "49");
  EXPECT_EQ(kept("health"), "well");
  EXPECT_LE(made, 2);
}

TEST_F(StateWriterTest, WhatCouldNotBeWrittenIsTriedAgainAndToldOnce) {
  block("words");
  StateWriter writer(loop_, &*state_, {.again = milliseconds(5), .slow = seconds(60)});
  int refused = 0;
  writer.write("words", text("one"), [&](const Result<void>& written) { refused += written ? 0 : 1; });
  ASSERT_TRUE(test::run_until(loop_, [&] { return refused == 1; }));
  EXPECT_NE(writer.problem().find("cannot replace"), std::string::npos) << writer.problem();
  test::run_for(loop_, milliseconds(50));
  EXPECT_EQ(refused, 1) << "the first try is told of";
  unblock("words");
  ASSERT_TRUE(test::run_until(loop_, [&] { return writer.problem().empty(); }));
  EXPECT_EQ(kept("words"), "one");
  EXPECT_TRUE(log_.contains("state_unwritten") && log_.contains("state_written"));
  EXPECT_EQ(log_.lines().size(), 2U) << "not once for each try";
}

TEST_F(StateWriterTest, ANewerTextTakesThePlaceOfOneThatWaits) {
  block("words");
  StateWriter writer(loop_, &*state_, {.again = milliseconds(5), .slow = seconds(60)});
  writer.write("words", text("old"));
  ASSERT_TRUE(test::run_until(loop_, [&] { return !writer.problem().empty(); }));
  unblock("words");
  bool told = false;
  writer.write("words", text("new"), [&](const Result<void>&) { told = true; });
  ASSERT_TRUE(test::run_until(loop_, [&] { return told; }));
  test::run_for(loop_, milliseconds(30));
  EXPECT_EQ(kept("words"), "new");
}

TEST_F(StateWriterTest, SaysThatTheDirectoryHangsAndThatItDoesNoMore) {
  StateWriter writer(loop_, &*state_, {.again = milliseconds(5), .slow = milliseconds(5)});
  std::promise<void> go;
  writer.run(
      [&] {
        go.get_future().wait();
        return 0;
      },
      [](int) {});
  std::vector<std::string> told;
  writer.write("words", text("one"),
               [&](const Result<void>& written) { told.push_back(written ? "written" : written.error().message); });
  ASSERT_TRUE(test::run_until(loop_, [&] { return writer.problem() == "the state directory hangs"; }));
  EXPECT_TRUE(log_.contains("state_hangs"));
  EXPECT_EQ(told, std::vector<std::string>{"the state directory hangs"}) << "nobody waits for it";
  go.set_value();
  ASSERT_TRUE(test::run_until(loop_, [&] { return writer.problem().empty(); }));
  ASSERT_TRUE(test::run_until(loop_, [&] { return kept("words") == "one"; }));
  EXPECT_TRUE(log_.contains("state_hangs_no_more"));
}

TEST_F(StateWriterTest, WritesNothingWhenTheDirectoryIsAnothers) {
  StateWriter writer(loop_, &*state_);
  writer.handed_over();
  bool told = false;
  writer.write("words", text("one"), [&](const Result<void>& written) { told = written.has_value(); });
  EXPECT_TRUE(told);
  test::run_for(loop_, milliseconds(20));
  EXPECT_EQ(kept("words"), "");
}

TEST_F(StateWriterTest, WorkThatFailsIsTriedAgainUntilItSucceedsOrNewerHasCome) {
  StateWriter writer(loop_, &*state_, {.again = milliseconds(1), .rarely = milliseconds(2), .slow = seconds(60)});
  std::vector<bool> tries;
  const auto tell = [&tries](const Result<void>& result) { tries.push_back(result.has_value()); };
  std::atomic<int> left = 3;
  writer.keep([&left] { return left-- > 0 ? Result<void>(fail("broken")) : Result<void>(); }, tell);
  ASSERT_TRUE(test::run_until(loop_, [&] { return tries.size() == 4; }));
  EXPECT_EQ(tries, (std::vector{false, false, false, true}));
  test::run_for(loop_, milliseconds(20));
  EXPECT_EQ(tries.size(), 4U) << "what has succeeded is done";

  std::atomic<int> old = 0, fresh = 0;
  writer.keep(
      [&old] {
        ++old;
        return Result<void>(fail("broken"));
      },
      tell);
  ASSERT_TRUE(test::run_until(loop_, [&] { return old == 2; }));
  writer.keep(
      [&fresh] {
        ++fresh;
        return Result<void>();
      },
      tell);
  ASSERT_TRUE(test::run_until(loop_, [&] { return fresh == 1; }));
  const int before = old;
  test::run_for(loop_, milliseconds(20));
  EXPECT_EQ(old, before) << "newer work has taken its place";
  EXPECT_EQ(fresh, 1);

  writer.keep(
      [&old] {
        ++old;
        return Result<void>(fail("broken"));
      },
      tell);
  writer.handed_over();
  test::run_for(loop_, milliseconds(20));
  EXPECT_LE(old, before + 1) << "the directory is another's";
}

TEST_F(StateWriterTest, WithoutADirectoryNobodyWaits) {
  StateWriter writer(loop_, nullptr);
  bool told = false;
  writer.write("words", text("one"), [&](const Result<void>& written) { told = written.has_value(); });
  EXPECT_TRUE(told);
  EXPECT_EQ(writer.problem(), "");
}

}  // namespace
}  // namespace shared::state_writer_test
