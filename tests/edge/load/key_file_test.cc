#include "edge/load/key_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace edge::key_file_test {
namespace {

Tiers gold_and_free() {
  Tiers::Settings settings;
  settings.order = {"free", "gold"};
  return Tiers(std::move(settings));
}

TEST(KeyFile, ReadsKeysAndSaysWhatIsWrong) {
  shared::load::Diagnostics diagnostics;
  const auto entries =
      parse_keys("# comment\n\nabcdefgh gold\r\n  12345678\tfree  ", "keys.txt", gold_and_free(), diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].key, "abcdefgh");
  EXPECT_EQ(entries[0].tier, TierId{1});
  const std::string bad =
      "abcdefgh gold\nabcdefgh free\nshort gold\nabcdefg1\nabcdefg2 gold extra\nabcdefg3 glod\nabc\x01"
      "defgh gold\n";
  EXPECT_EQ(parse_keys(bad, "keys.txt", gold_and_free(), diagnostics).size(), 1u);
  const std::string text = diagnostics.render();
  EXPECT_EQ(diagnostics.errors(), 6u) << text;
  EXPECT_NE(text.find("keys.txt:2:1: error: this key already stands in line 1"), std::string::npos) << text;
  EXPECT_NE(text.find("keys.txt:6:1: error: unknown tier 'glod' (did you mean 'gold'?)"), std::string::npos) << text;
  EXPECT_EQ(text.find("abcdefg"), std::string::npos) << "keys never show";
}

// A file of the test's own with this mode.
class KeyFileOnDisk : public ::testing::Test {
 protected:
  ~KeyFileOnDisk() override { std::filesystem::remove(path_); }

  std::string problems_of(const std::string& text, mode_t mode) {
    std::ofstream(path_) << text;
    ::chmod(path_.c_str(), mode);
    shared::load::Diagnostics diagnostics;
    EXPECT_EQ(read_key_file(path_, gold_and_free(), {}, diagnostics).size(), 1U);
    EXPECT_EQ(diagnostics.errors(), 0U);
    return diagnostics.render();
  }

  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("meridian-keys-" + std::to_string(::getpid()));
};

TEST_F(KeyFileOnDisk, IsRead) {
  EXPECT_EQ(problems_of("abcdefgh gold\n", 0640), "");
  shared::load::Diagnostics diagnostics;
  EXPECT_EQ(read_key_file(path_.parent_path(), gold_and_free(), {}, diagnostics).size(), 0U);
  EXPECT_NE(diagnostics.render().find("not a regular file"), std::string::npos) << diagnostics.render();
}

TEST_F(KeyFileOnDisk, IsWarnedAtWhenEverybodyCanReadIt) {
  const std::string text = problems_of("abcdefgh gold\n", 0644);
  EXPECT_NE(text.find("warning: everybody can read the keys in " + path_.string() + ": chmod o-rwx"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("abcdefgh"), std::string::npos) << "keys never show";
  EXPECT_NE(problems_of("# said to be public below\n# public\nabcdefgh gold\n", 0644), "") << "not the first line";
}

TEST_F(KeyFileOnDisk, MaySayThatItsKeysAreNoSecretButNotThatAnybodyMayAddSome) {
  EXPECT_EQ(problems_of("# public: of the example\nabcdefgh gold\n", 0644), "");
  EXPECT_NE(problems_of("# public\nabcdefgh gold\n", 0666).find("everybody can change the keys"), std::string::npos);
  EXPECT_NE(problems_of("abcdefgh gold\n", 0622).find("everybody can change the keys"), std::string::npos);
}

}  // namespace
}  // namespace edge::key_file_test
