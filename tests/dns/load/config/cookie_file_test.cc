#include "dns/load/config/cookie_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace dns::cookie_file_test {
namespace {

using shared::load::Diagnostics;

constexpr const char* kFirst = "e5e973e5a6b2a43f48e7dc849e37bfcf";
constexpr const char* kSecond = "445536BCD2513298075A5D379663C962";

TEST(CookieFile, ReadsOneOrTwoSecrets) {
  Diagnostics diagnostics;
  const auto one = read_cookie_secrets(std::string(kFirst) + "\n", "secrets", diagnostics);
  ASSERT_TRUE(one) << diagnostics.render();
  EXPECT_EQ(one->count, 1U);
  EXPECT_EQ(one->keys[0][0], 0xE5);
  EXPECT_EQ(one->keys[0][15], 0xCF);
  const auto two = read_cookie_secrets(
      "# made by hand\r\n\n  " + std::string(kSecond) + "  # new\r\n" + kFirst + " # good until Friday", "secrets",
      diagnostics);
  ASSERT_TRUE(two) << diagnostics.render();
  EXPECT_EQ(two->count, 2U);
  EXPECT_EQ(two->keys[1], one->keys[0]);
  EXPECT_EQ(two->keys[0][3], 0xBC);
}

struct Bad {
  std::string text;
  const char* says;
};

TEST(CookieFile, SaysWhatIsWrongAndWhereButNotTheSecret) {
  const std::string first = std::string(kFirst) + "\n";
  for (const Bad& c : {Bad{"", "secrets: error: no cookie secret"}, Bad{"# nothing\n\n", "secrets: error: no cookie"},
                       Bad{"e5e973e5\n", "secrets:1:1: error: not a cookie secret"},
                       Bad{first + "g5e973e5a6b2a43f48e7dc849e37bfcf", "secrets:2:1: error: not a cookie secret"},
                       Bad{first + kFirst + "00\n", "secrets:2:1: error: not a cookie secret"},
                       Bad{first + first + first, "secrets:3:1: error: a third cookie secret"}}) {
    Diagnostics diagnostics;
    EXPECT_FALSE(read_cookie_secrets(c.text, "secrets", diagnostics)) << c.text;
    const std::string said = diagnostics.render();
    EXPECT_NE(said.find(c.says), std::string::npos) << said;
    EXPECT_EQ(said.find("e5e973e5"), std::string::npos) << said;
  }
}

TEST(CookieFile, FilesThatCannotBe) {
  const std::filesystem::path folder = testing::TempDir();
  const shared::load::Position at{std::make_shared<const std::string>("m.yaml"), 3, 4};
  const auto error_of = [&](const std::filesystem::path& path) {
    Diagnostics diagnostics;
    EXPECT_FALSE(load_cookie_secrets(path, at, diagnostics));
    return diagnostics.render();
  };
  EXPECT_NE(error_of(folder / "absent.secrets").find("m.yaml:3:4: error: secrets: cannot read"), std::string::npos);
  EXPECT_NE(error_of(folder).find("not a regular file"), std::string::npos);
  const auto large = folder / "large.secrets";
  std::ofstream(large) << std::string(5000, '#');
  EXPECT_NE(error_of(large).find("larger than"), std::string::npos);
}

TEST(CookieFile, WarnsOfAFileThatEverybodyCanRead) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "open.secrets";
  std::ofstream(path) << kFirst << "\n";
  ::chmod(path.c_str(), 0644);
  Diagnostics diagnostics;
  EXPECT_TRUE(load_cookie_secrets(path, {}, diagnostics));
  EXPECT_EQ(diagnostics.warnings(), 1U);
  ::chmod(path.c_str(), 0640);
  Diagnostics quiet;
  EXPECT_TRUE(load_cookie_secrets(path, {}, quiet));
  EXPECT_EQ(quiet.warnings(), 0U);
}

}  // namespace
}  // namespace dns::cookie_file_test
