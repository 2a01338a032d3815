#include "edge/serve/files/open_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <ctime>
#include <ostream>
#include <string>

#include "tests/edge/serve/files/root.h"

namespace edge {

static std::ostream& operator<<(std::ostream& out, OpenedFile::Kind kind) { return out << static_cast<int>(kind); }

}  // namespace edge

namespace edge::open_files_test {
namespace {

using Kind = OpenedFile::Kind;

class OpenFilesTest : public ::testing::Test {
 protected:
  OpenedFile open(const std::string& name, bool symlinks = false, bool variant = false) {
    const FileName wanted{.root = root_.path().string(), .name = name, .symlinks = symlinks, .variant = variant};
    const OpenedFile warm = files_.open(wanted, now_);
    // What is not in memory is the disk's.
    return warm.kind == Kind::cold ? open_cold(wanted) : warm;
  }

  test::Root root_;
  shared::WorkerLoop loop_;
  OpenFiles files_{loop_};
  shared::TimePoint now_{shared::seconds(1000)};
};

TEST_F(OpenFilesTest, RegularFilesBelowTheRootAreOpened) {
  root_.put("a.txt", "hello");
  root_.put("d/b.txt", "x");
  const OpenedFile a = open("a.txt");
  ASSERT_EQ(a.kind, Kind::file);
  EXPECT_EQ(a.file->facts.size, 5U);
  EXPECT_EQ(facts_of(a.file->fd.get()), a.file->facts);
  EXPECT_EQ(open("d/b.txt").kind, Kind::file);
  EXPECT_EQ(open("d").kind, Kind::directory);
  EXPECT_EQ(open("").kind, Kind::directory);
  EXPECT_EQ(open("none").kind, Kind::absent);
  EXPECT_EQ(open("a.txt/b").kind, Kind::absent);
  EXPECT_EQ(open(std::string(300, 'x')).kind, Kind::absent);
}

TEST_F(OpenFilesTest, NothingLeadsOut) {
  root_.put("a.txt", "hello");
  root_.put("../outside.txt", "secret");
  const auto link = [&](const std::string& to, const std::string& name) {
    std::filesystem::create_symlink(to, root_.path() / name);
  };
  link("../outside.txt", "escape");
  link((root_.path() / "../outside.txt").string(), "absolute");
  link("..", "up");
  link("/proc/self/root", "magic");
  link("loop", "loop");
  for (const char* const name : {"../outside.txt", "/etc/passwd", "d/../../outside.txt", "escape", "absolute",
                                 "up/outside.txt", "magic/etc/passwd", "loop"}) {
    EXPECT_EQ(open(name, false).kind, Kind::absent) << name;
    EXPECT_EQ(open(name, true).kind, Kind::absent) << name;
  }
}

TEST_F(OpenFilesTest, LinksAreFollowedWhereThatIsSaid) {
  root_.put("d/a.txt", "hello");
  std::filesystem::create_symlink("d/a.txt", root_.path() / "link");
  std::filesystem::create_directory_symlink("d", root_.path() / "dir");
  EXPECT_EQ(open("link", false).kind, Kind::absent);
  EXPECT_EQ(open("dir/a.txt", false).kind, Kind::absent);
  EXPECT_EQ(open("link", true).kind, Kind::file);
  EXPECT_EQ(open("dir/a.txt", true).kind, Kind::file);
}

TEST_F(OpenFilesTest, WhatIsNoRegularFileIsNotOpened) {
  ASSERT_EQ(::mkfifo((root_.path() / "fifo").c_str(), 0644), 0);
  EXPECT_EQ(open("fifo").kind, Kind::forbidden) << "and nothing waits for a writer";
  root_.put("locked", "x");
  ::chmod((root_.path() / "locked").c_str(), 0);
  if (::geteuid() == 0) return;  // who may read anything
  EXPECT_EQ(open("locked").kind, Kind::forbidden);
}

TEST_F(OpenFilesTest, ARootThatIsNotThereIsAFailure) {
  const FileName name{.root = (root_.path() / "nowhere").string(), .name = "a"};
  EXPECT_EQ(open_cold(name).kind, Kind::failed);
}

TEST_F(OpenFilesTest, StayOpenForASecondAndNoMoreOfThemThanTheBound) {
  root_.put("a.txt", "hello");
  ASSERT_EQ(open("a.txt").kind, Kind::file);
  const FileName wanted{.root = root_.path().string(), .name = "a.txt"};
  files_.keep(wanted, open("a.txt"), now_);
  const auto first = open("a.txt").file;
  EXPECT_EQ(open("a.txt").file, first);
  root_.put("new", "another");
  std::filesystem::rename(root_.path() / "new", root_.path() / "a.txt");
  EXPECT_EQ(open("a.txt").file, first);
  now_ += shared::seconds(1);
  EXPECT_NE(open("a.txt").file, first);
  for (std::size_t i = 0; i < OpenFiles::kKept + 20; ++i) {
    const std::string name = "f" + std::to_string(i);
    root_.put(name, "x");
    files_.keep({.root = root_.path().string(), .name = name}, open(name), now_);
  }
  EXPECT_EQ(files_.kept(), OpenFiles::kKept);
  files_.clear();
  EXPECT_EQ(files_.kept(), 0U);
}

TEST_F(OpenFilesTest, OnlyThatAVariantIsAbsentIsRemembered) {
  const FileName variant{.root = root_.path().string(), .name = "a.gz", .variant = true};
  files_.keep(variant, open_cold(variant), now_);
  EXPECT_EQ(files_.kept(), 1U);
  const FileName plain{.root = root_.path().string(), .name = "none"};
  files_.keep(plain, open_cold(plain), now_);
  EXPECT_EQ(files_.kept(), 1U) << "names that are made up push nothing out";
}

// As a file that nobody has touched for a while.
void wait_until_settled(const OpenFile& file) {
  const auto changed = facts_of(file.fd.get())->changed_ns;
  while (std::time(nullptr) * 1'000'000'000LL - changed < 2'000'000'000) ::usleep(20'000);
}

TEST_F(OpenFilesTest, OctetsOfSmallFilesThatAreAskedForAgainAreHeldWhileTheyAreTheFiles) {
  root_.put("a.txt", "hello");
  root_.put("large", std::string(OpenFiles::kHeld + 1, 'x'));
  const OpenedFile a = open("a.txt");
  const OpenedFile large = open("large");
  ASSERT_EQ(a.kind, Kind::file);
  const auto octets = [&] { return files_.octets(*a.file, *facts_of(a.file->fd.get())); };
  EXPECT_EQ(octets(), nullptr) << "the first time";
  EXPECT_EQ(octets(), nullptr) << "it was changed just now, and may be once more without a trace";
  wait_until_settled(*a.file);
  ASSERT_NE(octets(), nullptr);
  EXPECT_EQ(*octets(), "hello");
  EXPECT_EQ(octets(), octets());
  root_.put("a.txt", "HELLO");
  EXPECT_EQ(octets(), nullptr) << "it is another one";
  wait_until_settled(*a.file);
  ASSERT_NE(octets(), nullptr);
  EXPECT_EQ(*octets(), "HELLO");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(files_.octets(*large.file, large.file->facts), nullptr);
}

TEST_F(OpenFilesTest, FactsAreAskedForOnceInATurn) {
  root_.put("a.txt", "hello");
  const OpenedFile a = open("a.txt");
  EXPECT_EQ(files_.facts(*a.file, now_)->size, 5U);
  root_.put("a.txt", "hello again");
  EXPECT_EQ(files_.facts(*a.file, now_)->size, 5U);
  now_ += shared::milliseconds(1);
  EXPECT_EQ(files_.facts(*a.file, now_)->size, 11U);
}

}  // namespace
}  // namespace edge::open_files_test
