#include "edge/load/access_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace edge::access_file_test {
namespace {

TEST(AccessFile, ReadsNetworksAndPassesOverComments) {
  shared::load::Diagnostics diagnostics;
  const auto networks = parse_networks("# office\n203.0.113.0/24 ; SBL1\r\n\n 2001:db8::/32\n192.0.2.1#one\n192.0.2.9",
                                       "list.txt", diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  ASSERT_EQ(networks.size(), 4U);
  EXPECT_EQ(networks[0].to_string(), "203.0.113.0/24");
  EXPECT_EQ(networks[1].to_string(), "2001:db8::/32");
  EXPECT_EQ(networks[2].length, 32);
  EXPECT_EQ(networks[3].length, 32);
}

TEST(AccessFile, SaysFileAndLineOfWhatIsNone) {
  shared::load::Diagnostics diagnostics;
  const auto networks = parse_networks("192.0.2.0/24\n192.0.2.1/24\nnonsense\n", "list.txt", diagnostics);
  EXPECT_EQ(networks.size(), 1U);
  EXPECT_EQ(diagnostics.errors(), 2U);
  EXPECT_NE(diagnostics.render().find("list.txt:2"), std::string::npos) << diagnostics.render();
  EXPECT_NE(diagnostics.render().find("list.txt:3"), std::string::npos);
}

TEST(AccessFile, TellsTenErrorsOfAFileOfAnotherKind) {
  shared::load::Diagnostics diagnostics;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "x\n";
  EXPECT_TRUE(parse_networks(text, "list.txt", diagnostics).empty());
  EXPECT_EQ(diagnostics.errors(), 11U);
  EXPECT_NE(diagnostics.render().find("and 990 further lines"), std::string::npos) << diagnostics.render();
}

TEST(AccessFile, AFileThatIsNotThereIsAnErrorAndAnEmptyOneAWarning) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "access_file_test.txt";
  std::filesystem::remove(path);
  shared::load::Diagnostics missing;
  EXPECT_TRUE(read_networks(path, {}, missing).empty());
  EXPECT_TRUE(missing.failed());
  std::ofstream(path) << "# nothing\n";
  shared::load::Diagnostics empty;
  EXPECT_TRUE(read_networks(path, {}, empty).empty());
  EXPECT_FALSE(empty.failed());
  EXPECT_EQ(empty.warnings(), 1U);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace edge::access_file_test
