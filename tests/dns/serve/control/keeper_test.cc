#include "dns/serve/control/keeper.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "shared/load/files.h"
#include "shared/serve/process/last_good.h"
#include "tests/support/paths.h"

namespace dns::keeper_test {
namespace {

namespace fs = std::filesystem;

class KeeperTest : public testing::Test {
 protected:
  KeeperTest() : folder_(fs::path(testing::TempDir()) / ("keeper_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    std::ofstream(folder_ / "zone") << "$TTL 60\n@ SOA ns host 5 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n";
    put("city.mmdb", "city-24.mmdb");
    put("systems.mmdb", "asn-28.mmdb");
    state_.emplace(std::move(*shared::StateDirectory::open(state_path().string())));
  }
  ~KeeperTest() override { fs::remove_all(folder_); }

  fs::path state_path() const { return folder_ / "state"; }
  // By rename, as updaters do: another file, also of the same content.
  void put(const std::string& name, const std::string& fixture) const {
    fs::copy_file(::test::build_file("geo/" + fixture), folder_ / "draft");
    fs::rename(folder_ / "draft", folder_ / name);
  }
  std::shared_ptr<const World> world(const std::string& geo = "database: city.mmdb, asn: systems.mmdb") const {
    const std::string row = geo.starts_with("database") ? "{geo: {EU: [one]}}, " : "";
    std::ofstream(config()) << "service: test\nregions: {one: {edges: [127.0.0.1]}}\ndns:\n  listen: \"127.0.0.1:0\"\n"
                               "  zones: {example.com: zone}\n  geo: {" +
                                   geo + "}\n  policies: {all: [" + row +
                                   "{failover: [one]}]}\n"
                                   "  names: {www.example.com: {policy: all, ttl: {min: 5s, max: 60s}}}\n";
    shared::load::Diagnostics diagnostics;
    LoadOptions options;
    options.is_kept = [](const shared::load::FileNote&) { return false; };
    auto made = load_world(config(), diagnostics, options);
    EXPECT_TRUE(made) << diagnostics.render();
    return made ? std::make_shared<const World>(std::move(*made)) : nullptr;
  }
  std::string config() const { return (folder_ / "config.yaml").string(); }
  shared::Result<void> keep(std::shared_ptr<const World> world, bool files = true,
                            std::optional<GeoMemory::Waiting> waiting = {}) const {
    return dns::keep(*state_, {std::move(world), config(), files, std::move(waiting)});
  }
  GeoMemory memory() const { return read_geo_memory(state_path()); }
  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  bool same(const char* copy, const char* file) const {
    return content(state_path() / copy) == content(folder_ / file);
  }

  fs::path folder_;
  std::optional<shared::StateDirectory> state_;
};

TEST_F(KeeperTest, FilesAndDatabasesAreKept) {
  const auto before = shared::LastGood::open(state_path());
  ASSERT_TRUE(before);
  EXPECT_EQ(*before, nullptr);
  const auto kept = keep(world());
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_TRUE(same(kGeoCopyFile, "city.mmdb"));
  EXPECT_TRUE(same(kSystemsCopyFile, "systems.mmdb"));
  const GeoMemory seen = memory();
  ASSERT_TRUE(seen.database && seen.systems);
  EXPECT_EQ(seen.database->file, shared::load::noted_path(folder_ / "city.mmdb"));
  EXPECT_EQ(seen.database->stamp, *stamp_of(folder_ / "city.mmdb"));
  EXPECT_EQ(seen.database->hash, shared::load::hash_of_content(content(folder_ / "city.mmdb")));
  EXPECT_EQ(seen.systems->file, shared::load::noted_path(folder_ / "systems.mmdb"));
  EXPECT_FALSE(seen.waiting);
  EXPECT_TRUE(seen.accepted.contains("EU"));
  const auto copy = shared::LastGood::open(state_path());
  ASSERT_TRUE(copy && *copy);
  EXPECT_EQ((*copy)->config(), shared::load::noted_path(config()));
  EXPECT_EQ(*(*copy)->read(shared::load::noted_path(folder_ / "zone")), content(folder_ / "zone"));
}

// What is large is written for another content alone.
TEST_F(KeeperTest, ACopyIsWrittenForAnotherContentAlone) {
  ASSERT_TRUE(keep(world()));
  fs::remove(state_path() / kGeoCopyFile);
  ASSERT_TRUE(keep(world()));
  EXPECT_FALSE(fs::exists(state_path() / kGeoCopyFile)) << "the same file";
  put("city.mmdb", "city-24.mmdb");
  ASSERT_TRUE(keep(world()));
  EXPECT_FALSE(fs::exists(state_path() / kGeoCopyFile)) << "another file of the same content";
  EXPECT_EQ(memory().database->stamp, *stamp_of(folder_ / "city.mmdb"));
  put("city.mmdb", "city-28.mmdb");
  ASSERT_TRUE(keep(world()));
  EXPECT_TRUE(same(kGeoCopyFile, "city.mmdb"));
  put("other.mmdb", "city-28.mmdb");
  fs::remove(state_path() / kGeoCopyFile);
  ASSERT_TRUE(keep(world("database: other.mmdb, asn: systems.mmdb")));
  EXPECT_TRUE(same(kGeoCopyFile, "other.mmdb")) << "of another name: whose copy it is has to be sure";
  EXPECT_EQ(memory().database->file, shared::load::noted_path(folder_ / "other.mmdb"));
}

// It may be one that the guard would not take.
TEST_F(KeeperTest, ADatabaseThatWasReplacedMeanwhileIsNotKept) {
  const auto serving = world();
  put("city.mmdb", "city-28.mmdb");
  const auto kept = keep(serving);
  ASSERT_FALSE(kept);
  EXPECT_NE(kept.error().message.find("city.mmdb has changed since it was read"), std::string::npos);
  EXPECT_FALSE(memory().database);
  EXPECT_FALSE(fs::exists(state_path() / kGeoCopyFile));
  EXPECT_TRUE(memory().systems) << "the rest is";
  const auto copy = shared::LastGood::open(state_path());
  EXPECT_TRUE(copy && *copy);
  fs::remove(folder_ / "city.mmdb");
  const auto gone = keep(serving);
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().message.find("cannot keep a copy of "), std::string::npos) << gone.error().message;
}

TEST_F(KeeperTest, FilesThatAreNotGoodAreNotKept) {
  const GeoMemory::Waiting waiting{{1, 2, 3, 4}, "would move half of the answers"};
  const auto kept = keep(world(), false, waiting);
  ASSERT_TRUE(kept) << kept.error().message;
  const auto copy = shared::LastGood::open(state_path());
  ASSERT_TRUE(copy);
  EXPECT_EQ(*copy, nullptr);
  EXPECT_TRUE(memory().database) << "it serves";
  EXPECT_FALSE(memory().systems);
  EXPECT_EQ(memory().waiting, waiting);
  ASSERT_TRUE(keep(world()));
  EXPECT_FALSE(memory().waiting);
}

TEST_F(KeeperTest, WithoutDatabasesThereIsNothingToCopy) {
  ASSERT_TRUE(keep(world("poll: 10s")));
  EXPECT_FALSE(fs::exists(state_path() / kGeoCopyFile));
  EXPECT_FALSE(fs::exists(state_path() / kSystemsCopyFile));
  EXPECT_FALSE(memory().database);
}

}  // namespace
}  // namespace dns::keeper_test
