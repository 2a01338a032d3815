#include "shared/serve/process/last_good.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace shared::last_good_test {
namespace {

namespace fs = std::filesystem;

class LastGoodTest : public ::testing::Test {
 protected:
  LastGoodTest() {
    std::string pattern = ::testing::TempDir() + "/meridian_last_good_XXXXXX";
    root_ = load::noted_path(::mkdtemp(pattern.data()));  // TempDir() may end with a slash
    state_ = std::make_unique<StateDirectory>(std::move(*StateDirectory::open((root_ / "state").string())));
    fs::create_directories(root_ / "zones/more");
  }
  ~LastGoodTest() override { fs::remove_all(root_); }

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / name) << text;
    return root_ / name;
  }
  // As a load would: everything is read, then what was read is kept.
  Result<void> keep(const std::vector<std::string>& names) const {
    return save_last_good(*state_, (root_ / names.front()).string(), note(names), load::FreshTexts());
  }
  load::FileNotes note(const std::vector<std::string>& names) const {
    load::FileNotes notes;
    load::FreshTexts unwanted;
    const load::Files files = load::noting(load::disk(), {notes, unwanted, nullptr});
    for (const std::string& name : names) EXPECT_TRUE(files.read(root_ / name, {})) << name;
    return notes;
  }
  [[nodiscard]] std::shared_ptr<const LastGood> copy() const {
    auto opened = LastGood::open(root_ / "state");
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? *opened : nullptr;
  }
  [[nodiscard]] std::string kept(const std::string& name) const {
    return copy()->read((root_ / name).string()).value_or("(nothing)");
  }
  [[nodiscard]] std::size_t packs() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(root_ / "state")) {
      if (entry.path().filename().string().starts_with("last-good.")) ++count;
    }
    return count;
  }

  fs::path root_;
  std::unique_ptr<StateDirectory> state_;
};

TEST_F(LastGoodTest, HoldsEveryFileAsItWasRead) {
  EXPECT_EQ(copy(), nullptr);
  write("c.yaml", "one");
  write("zones/a.zone", "a");
  write("zones/empty.zone", "");
  write("zones/more/b.zone", std::string(100'000, 'b'));
  ASSERT_TRUE(keep({"c.yaml", "zones/a.zone", "zones/empty.zone", "zones/more/b.zone"}));
  write("c.yaml", "broken");
  fs::remove(root_ / "zones/a.zone");
  EXPECT_EQ(copy()->config(), (root_ / "c.yaml").string());
  EXPECT_EQ(kept("c.yaml"), "one");
  EXPECT_EQ(kept("zones/a.zone"), "a");
  EXPECT_EQ(kept("zones/empty.zone"), "");
  EXPECT_EQ(kept("zones/more/b.zone"), std::string(100'000, 'b'));
  EXPECT_FALSE(copy()->read((root_ / "zones/new.zone").string()));
  const auto list = files_of(copy()).list(root_ / "zones");
  ASSERT_TRUE(list);
  EXPECT_EQ(*list, (std::vector<fs::path>{root_ / "zones/a.zone", root_ / "zones/empty.zone"}));
  struct stat facts{};
  ASSERT_EQ(::stat((root_ / "state/last-good.1").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_F(LastGoodTest, CostsWhatHasChanged) {
  std::vector<std::string> names{"c.yaml"};
  write("c.yaml", "c");
  for (int i = 0; i < 300; ++i) {
    names.push_back("zones/" + std::to_string(i));
    write(names.back(), std::string(10'000, 'x') + names.back());
  }
  ASSERT_TRUE(keep(names));
  const auto first = fs::last_write_time(root_ / "state/last-good");
  ASSERT_TRUE(keep(names));
  EXPECT_EQ(fs::last_write_time(root_ / "state/last-good"), first) << "nothing has changed: nothing is written";
  write("zones/7", "seven");
  ASSERT_TRUE(keep(names));
  EXPECT_EQ(packs(), 2U);
  EXPECT_EQ(fs::file_size(root_ / "state/last-good.2"), 5U);
  EXPECT_EQ(kept("zones/7"), "seven");
  EXPECT_EQ(kept("zones/8"), std::string(10'000, 'x') + "zones/8");
}

TEST_F(LastGoodTest, WhatIsGoneIsGivenBack) {
  write("c.yaml", "c");
  for (int round = 0; round < 40; ++round) {
    write("zones/a.zone", std::string(1'000'000, static_cast<char>('a' + round % 26)) + std::to_string(round));
    ASSERT_TRUE(keep({"c.yaml", "zones/a.zone"}));
  }
  EXPECT_EQ(kept("zones/a.zone"), std::string(1'000'000, 'n') + "39");
  std::uintmax_t octets = 0;
  for (const auto& entry : fs::directory_iterator(root_ / "state")) octets += fs::file_size(entry.path());
  EXPECT_LT(octets, 10'000'000U);
  EXPECT_LE(packs(), 9U);
}

TEST_F(LastGoodTest, AFileThatHasChangedSinceItWasReadLeavesTheCopyAsItWas) {
  write("c.yaml", "one");
  ASSERT_TRUE(keep({"c.yaml"}));
  write("c.yaml", "two");
  const auto notes = note({"c.yaml"});
  write("c.yaml", "something else");
  const auto saved = save_last_good(*state_, (root_ / "c.yaml").string(), notes, load::FreshTexts());
  ASSERT_FALSE(saved);
  EXPECT_NE(saved.error().message.find("has changed since it was read"), std::string::npos) << saved.error().message;
  EXPECT_EQ(kept("c.yaml"), "one");
}

TEST_F(LastGoodTest, WhatWasReadIsKeptWhateverHasBecomeOfTheFile) {
  write("c.yaml", "one");
  load::FileNotes notes;
  load::FreshTexts fresh;
  const load::Files files = load::noting(load::disk(), {notes, fresh, [](const load::FileNote&) { return false; }});
  ASSERT_TRUE(files.read(root_ / "c.yaml", {}));
  write("c.yaml", "something else");
  ASSERT_TRUE(save_last_good(*state_, (root_ / "c.yaml").string(), notes, fresh));
  EXPECT_EQ(kept("c.yaml"), "one");
  const auto is_kept = load::contents_of(notes);
  EXPECT_TRUE(is_kept(notes.front()));
  EXPECT_FALSE(is_kept({notes.front().path, 3, 4}));
}

TEST_F(LastGoodTest, TheOneBeforeStaysWhole) {
  const auto before = [this]() -> std::string {
    const auto copy = LastGood::open(root_ / "state", LastGood::Which::before);
    if (!copy || *copy == nullptr) return "(nothing)";
    return (*copy)->read((root_ / "c.yaml").string()).value_or("(lost)") +
           (*copy)->read((root_ / "zones/a.zone").string()).value_or("(lost)");
  };
  write("zones/a.zone", "a");
  write("c.yaml", "one");
  ASSERT_TRUE(keep({"c.yaml", "zones/a.zone"}));
  ASSERT_TRUE(keep({"c.yaml", "zones/a.zone"}));
  EXPECT_EQ(before(), "(nothing)") << "the same again is none before";
  for (int round = 2; round < 40; ++round) {  // packs come and are made one of all
    const std::string was = kept("c.yaml");
    write("c.yaml", std::to_string(round));
    ASSERT_TRUE(keep({"c.yaml", "zones/a.zone"}));
    EXPECT_EQ(kept("c.yaml"), std::to_string(round));
    EXPECT_EQ(before(), was + "a");
  }
  write("state/last-good", "damaged");
  write("c.yaml", "mended");
  ASSERT_TRUE(keep({"c.yaml", "zones/a.zone"}));
  EXPECT_EQ(kept("c.yaml"), "mended");
  EXPECT_EQ(before(), "38a") << "what was last is damaged: the one before stays";
}

TEST_F(LastGoodTest, DamageIsSeenAndMendedByTheNextSave) {
  write("c.yaml", "one");
  ASSERT_TRUE(keep({"c.yaml"}));
  {
    std::fstream manifest(root_ / "state/last-good", std::ios::in | std::ios::out);
    manifest.seekp(30);
    manifest << "XX";
  }
  EXPECT_FALSE(LastGood::open(root_ / "state"));
  ASSERT_TRUE(keep({"c.yaml"}));
  EXPECT_EQ(kept("c.yaml"), "one");
  write("state/last-good.1", "two");
  EXPECT_EQ(kept("c.yaml"), "(nothing)") << "another content than was kept";
  fs::remove(root_ / "state/last-good.1");
  EXPECT_FALSE(LastGood::open(root_ / "state"));
}

// Who may write there can make any sum fit.
TEST_F(LastGoodTest, AManifestOfNothingIsDamaged) {
  for (const std::string text : {"meridian last-good 1", "meridian last-good 1\n", "meridian last-good 1 5", ""}) {
    write("state/last-good", text + "end " + std::to_string(load::hash_of_content(text)) + "\n");
    const auto opened = LastGood::open(root_ / "state");
    ASSERT_FALSE(opened) << text;
    EXPECT_NE(opened.error().message.find("it is damaged"), std::string::npos) << opened.error().message;
  }
}

TEST_F(LastGoodTest, NoEntryIsLargerThanItsPack) {
  write("state/last-good.1", "content");
  const std::string text = "meridian last-good 1 5 /c.yaml\n7 18446744073709551615 1 1 /c.yaml\n";
  write("state/last-good", text + "end " + std::to_string(load::hash_of_content(text)) + "\n");
  const auto kept = copy()->read("/c.yaml");
  ASSERT_FALSE(kept);
  EXPECT_NE(kept.error().message.find("it is cut off"), std::string::npos) << kept.error().message;
}

TEST_F(LastGoodTest, OnlyAFileIsAManifest) {
  fs::create_directory(root_ / "state/last-good");
  const auto opened = LastGood::open(root_ / "state");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("not a regular file"), std::string::npos) << opened.error().message;
}

// Who may write there puts another's manifest in the place of his own, back and forth: owner and content stay one
// file's.
TEST_F(LastGoodTest, OwnerAndContentAreOfOneFile) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  write("a.yaml", "a");
  write("b.yaml", "b");
  const fs::path manifest = root_ / "state/last-good";
  for (const std::string name : {"a", "b"}) {
    ASSERT_TRUE(keep({name + ".yaml"}));
    fs::copy_file(manifest, root_ / name);
    ASSERT_EQ(::chown((root_ / name).c_str(), name == "a" ? 1 : 2, 0), 0);
  }
  fs::remove(manifest);
  fs::create_hard_link(root_ / "a", manifest);
  std::atomic<bool> stop{false};
  std::thread swaps([&] {
    while (!stop) {
      for (const char* name : {"a", "b"}) {
        const fs::path next = root_ / "state/next";
        fs::remove(next);
        fs::create_hard_link(root_ / name, next);
        fs::rename(next, manifest);
        fs::remove(next);  // rename() leaves it where both are one file
      }
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const auto opened = LastGood::open(root_ / "state");
    if (!opened || *opened == nullptr) continue;  // a pack of the other one is gone
    EXPECT_EQ((*opened)->owner(), (*opened)->config().ends_with("a.yaml") ? 1U : 2U);
  }
  stop = true;
  swaps.join();
}

}  // namespace
}  // namespace shared::last_good_test
