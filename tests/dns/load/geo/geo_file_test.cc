#include "dns/load/geo/geo_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/paths.h"

namespace dns::geo_file_test {
namespace {

namespace fs = std::filesystem;

class GeoFileTest : public testing::Test {
 protected:
  GeoFileTest() : folder_(fs::path(testing::TempDir()) / ("geo_file_test_" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
    config_.database = folder_ / "geo.mmdb";
    put("city-24.mmdb");
  }
  ~GeoFileTest() override { fs::remove_all(folder_); }

  // By rename, as a good updater does it.
  void put(const std::string& fixture) const {
    fs::copy_file(::test::build_file("geo") / fixture, folder_ / "new");
    fs::rename(folder_ / "new", config_.database);
  }
  std::shared_ptr<const GeoFile> load(const std::shared_ptr<const GeoFile>& before) {
    diagnostics_ = {};
    return load_geo_file(config_, before, diagnostics_);
  }

  fs::path folder_;
  GeoConfig config_;
  shared::load::Diagnostics diagnostics_;
};

TEST_F(GeoFileTest, IsReadAgainOnlyWhenItIsAnotherFile) {
  const auto first = load(nullptr);
  ASSERT_TRUE(first) << diagnostics_.render();
  EXPECT_EQ(load(first), first);
  put("city-28.mmdb");
  const auto second = load(first);
  ASSERT_TRUE(second);
  EXPECT_NE(second, first);
  EXPECT_EQ(load(second), second);
}

TEST_F(GeoFileTest, ABrokenOneIsAnErrorAndNoDefault) {
  const auto first = load(nullptr);
  fs::resize_file(config_.database, 100);
  EXPECT_EQ(load(first), nullptr);
  EXPECT_NE(diagnostics_.render().find("another kind of file, or a truncated one"), std::string::npos)
      << diagnostics_.render();
  fs::remove(config_.database);
  EXPECT_EQ(load(first), nullptr);
  EXPECT_NE(diagnostics_.render().find("No such file"), std::string::npos) << diagnostics_.render();
}

TEST_F(GeoFileTest, NoDatabaseIsNoFile) {
  config_.database.clear();
  const auto none = load(nullptr);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->path.empty());
  EXPECT_EQ(load(none), none);
}

}  // namespace
}  // namespace dns::geo_file_test
