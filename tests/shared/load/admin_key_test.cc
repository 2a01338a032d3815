#include "shared/load/admin_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace shared::load::admin_key_test {
namespace {

class AdminKey : public ::testing::Test {
 protected:
  void SetUp() override {
    file_.value = std::filesystem::path(::testing::TempDir()) / ("admin_key_test." + std::to_string(::getpid()));
    file_.at = {std::make_shared<const std::string>("c.yaml"), 3, 8};
  }
  void TearDown() override { std::filesystem::remove(file_.value); }

  std::string key_in(const std::string& text, mode_t mode = 0640) {
    std::ofstream(file_.value) << text;
    ::chmod(file_.value.c_str(), mode);
    diagnostics_ = {};
    return load_admin_key(file_, diagnostics_);
  }

  Located<std::filesystem::path> file_;
  Diagnostics diagnostics_;
};

TEST_F(AdminKey, IsTheLineWithoutItsEnd) {
  for (const char* end : {"", "\n", "\r\n", " \n"}) {
    EXPECT_EQ(key_in(std::string("0123456789abcdef") + end), "0123456789abcdef");
    EXPECT_EQ(diagnostics_.render(), "");
  }
}

TEST_F(AdminKey, AShortOneIsNoneAndIsNotShown) {
  EXPECT_EQ(key_in("0123456789abcde\n"), "");
  EXPECT_EQ(diagnostics_.errors(), 1U);
  EXPECT_EQ(diagnostics_.render().find("0123456789"), std::string::npos);
  EXPECT_TRUE(diagnostics_.render().starts_with("c.yaml:3:8: error: key: ")) << diagnostics_.render();
  EXPECT_NE(diagnostics_.render().find("openssl rand -hex 32"), std::string::npos) << "the remedy";
}

TEST_F(AdminKey, IsOneLineOfPrintableCharacters) {
  for (const char* text : {"0123456789abcdef\n0123456789abcdef\n", "0123456789 abcdef", "0123456789\tabcdef",
                           "0123456789abcdef\x7f", "0123456789abcd\u00e9"}) {
    EXPECT_EQ(key_in(text), "");
    EXPECT_TRUE(diagnostics_.failed());
  }
}

TEST_F(AdminKey, WhoEverybodyCanReadIsWarnedAt) {
  EXPECT_EQ(key_in("0123456789abcdef", 0644), "0123456789abcdef");
  EXPECT_FALSE(diagnostics_.failed());
  EXPECT_EQ(diagnostics_.warnings(), 1U);
  EXPECT_NE(diagnostics_.render().find("chmod o-rw"), std::string::npos);
}

TEST_F(AdminKey, AFileThatIsNotThereIsAnError) {
  EXPECT_EQ(load_admin_key(file_, diagnostics_), "");
  EXPECT_NE(diagnostics_.render().find("cannot read"), std::string::npos);
}

}  // namespace
}  // namespace shared::load::admin_key_test
