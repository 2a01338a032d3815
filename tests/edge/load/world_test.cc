#include "edge/load/world.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/edge/load/load.h"

namespace edge::world_test {
namespace {

using testing::edge_with;
using testing::with_regions;

constexpr const char* kTwoEdges =
    "service: shop\nregions:\n  us: {edges: [192.0.2.11, 192.0.2.12]}\n  eu: {edges: [203.0.113.31]}\nedge: {}\n";

std::string found(const std::string& region, const std::string& node) {
  Options options;
  options.config = "c.yaml";
  options.region = region;
  options.node = node;
  shared::load::Diagnostics diagnostics;
  const auto document = shared::load::read_yaml_text(kTwoEdges, "c.yaml", {}, diagnostics);
  const auto own = find_own_edge(options, shared::load::read_config(*document, diagnostics));
  return own ? own->region + " " + own->node.to_string() : "error: " + own.error().message;
}

TEST(OwnEdge, IsSaidByItsAddressOrByItsRegionIfThatHasOne) {
  EXPECT_EQ(found("", "192.0.2.12"), "us 192.0.2.12");
  EXPECT_EQ(found("eu", ""), "eu 203.0.113.31");
  EXPECT_EQ(found("us", "192.0.2.11"), "us 192.0.2.11");
  EXPECT_TRUE(found("us", "").starts_with("error: ")) << "which of the two?";
  EXPECT_TRUE(found("eux", "").starts_with("error: "));
  EXPECT_TRUE(found("", "192.0.2.13").starts_with("error: "));
  EXPECT_TRUE(found("", "nonsense").starts_with("error: "));
  EXPECT_TRUE(found("", "").starts_with("error: "));
}

class EdgeWorld : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  std::optional<World> load(const std::string& edge) {
    std::ofstream(path_) << with_regions(edge);
    diagnostics_ = {};
    return loader_.load({}, diagnostics_);
  }
  [[nodiscard]] Options options() const {
    Options out;
    out.config = path_.string();
    out.node = "192.0.2.11";
    return out;
  }

  std::filesystem::path path_ =
      std::filesystem::path(::testing::TempDir()) / ("edge_world." + std::to_string(::getpid()) + ".yaml");
  Live live_;
  WorldLoader loader_{options(), live_, 1};
  shared::load::Diagnostics diagnostics_;
};

TEST_F(EdgeWorld, IsAllOrNothing) {
  const auto world = load(edge_with("{servers: [\"10.0.0.1:80\"]}"));
  ASSERT_TRUE(world) << diagnostics_.render();
  EXPECT_EQ(world->node.to_string(), "192.0.2.11");
  EXPECT_NE(world->built.servers.pools->find("web"), nullptr);
  EXPECT_FALSE(load(edge_with("{servers: []}")));
  EXPECT_TRUE(diagnostics_.failed());
}

TEST_F(EdgeWorld, OnlyWhatCannotChangeNeedsARestart) {
  const std::string pool = "{servers: [\"10.0.0.1:80\"]}";
  const auto before = load(edge_with(pool));
  ASSERT_TRUE(before);
  const auto changed = [&](const std::string& edge) {
    const auto after = load(edge);
    EXPECT_TRUE(after) << diagnostics_.render();
    return after ? needs_restart(*before, *after) : std::vector<std::string>{"nothing loaded"};
  };
  using List = std::vector<std::string>;
  EXPECT_EQ(changed(edge_with("{servers: [\"10.0.0.2:80\"]}")), List{});
  EXPECT_EQ(changed(edge_with(pool) + "  workers: 3\n"), List{"edge.workers"});
  EXPECT_EQ(changed(edge_with(pool) + "  access_log: /dev/null\n"), List{"edge.access_log"});
  EXPECT_EQ(changed(edge_with(pool) + "  client: {max_connections: 7, max_memory: 8MiB}\n"),
            (List{"edge.client.max_connections", "edge.client.max_memory"}));
  EXPECT_EQ(changed(edge_with(pool) + "  client: {max_body: 7MiB}\n"), List{});
  std::string elsewhere = edge_with(pool);
  elsewhere.replace(elsewhere.find(":8080"), 5, ":8081");
  EXPECT_EQ(changed(elsewhere), List{"edge.listen"});
}

}  // namespace
}  // namespace edge::world_test
