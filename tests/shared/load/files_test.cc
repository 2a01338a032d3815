#include "shared/load/files.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace shared::load::files_test {
namespace {

// Files that are not on any disk.
Files made_up(std::map<std::string, std::string> texts) {
  Files files;
  files.read = [texts = std::move(texts)](const std::filesystem::path& path, const FileRules&) -> Result<std::string> {
    const auto found = texts.find(path.string());
    if (found == texts.end()) return fail("no such file");
    return found->second;
  };
  return files;
}

TEST(Noting, EachFileThatWasReadIsNotedAsItWasThen) {
  FileNotes notes;
  FreshTexts fresh;
  const Files files = noting(made_up({{"/a", "one"}, {"/b", "two"}}), {notes, fresh, {}});
  EXPECT_EQ(files.read("/a", {}).value(), "one");
  EXPECT_FALSE(files.read("/c", {})) << "what cannot be read is not noted";
  EXPECT_EQ(files.read("/b", {}).value(), "two");
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(notes[0].path, "/a");
  EXPECT_EQ(notes[0].size, 3U);
  EXPECT_EQ(notes[0].hash, hash_of_content("one"));
  EXPECT_NE(notes[1].hash, notes[0].hash);
  EXPECT_EQ(fresh.find(notes[0].hash, 3), nullptr) << "nobody asked for contents";
}

TEST(Noting, ContentsThatWereNotCopiedBeforeAreKeptForTheCopy) {
  FileNotes notes;
  FreshTexts fresh;
  const FileNotes before{{.path = "/old", .size = 3, .hash = hash_of_content("one")}};
  const Files files = noting(made_up({{"/a", "one"}, {"/b", "two"}}), {notes, fresh, contents_of(before)});
  (void)files.read("/a", {});
  (void)files.read("/b", {});
  EXPECT_EQ(fresh.find(hash_of_content("one"), 3), nullptr) << "it is there, under whatever name";
  ASSERT_NE(fresh.find(hash_of_content("two"), 3), nullptr);
  EXPECT_EQ(*fresh.find(hash_of_content("two"), 3), "two");
  fresh.clear();
  EXPECT_EQ(fresh.find(hash_of_content("two"), 3), nullptr);
}

TEST(FreshTexts, AreBounded) {
  FreshTexts fresh;
  const std::string big(FreshTexts::kMost / 2 + 1, 'x');
  fresh.add({.path = "/a", .size = big.size(), .hash = 1}, big);
  fresh.add({.path = "/b", .size = big.size(), .hash = 2}, big);
  EXPECT_NE(fresh.find(1, big.size()), nullptr);
  EXPECT_EQ(fresh.find(2, big.size()), nullptr) << "it is read again when it is copied";
  fresh.add({.path = "/c", .size = 3, .hash = 3}, "abc");
  EXPECT_NE(fresh.find(3, 3), nullptr) << "what still fits is kept";
}

TEST(FileNotes, TheNewerOfAFileStandsForIt) {
  const FileNotes old{{.path = "/a", .size = 1, .hash = 1}, {.path = "/b", .size = 2, .hash = 2}};
  const auto all = with_newer(old, {{.path = "/b", .size = 3, .hash = 3}, {.path = "/c", .size = 4, .hash = 4}});
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ((*all)[0].path, "/a");
  EXPECT_EQ((*all)[1].hash, 3U);
  EXPECT_EQ((*all)[2].path, "/c");
}

TEST(NotedPath, IsTheSameFromWhereverItIsNamed) {
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(noted_path("x/../zones/a.zone"), noted_path(here + "/zones/./a.zone"));
  EXPECT_TRUE(noted_path("a").starts_with('/'));
}

}  // namespace
}  // namespace shared::load::files_test
