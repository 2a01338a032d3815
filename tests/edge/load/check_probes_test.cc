#include "edge/load/check_probes.h"

#include <sys/resource.h>

#include <string>

#include "tests/edge/load/load.h"

namespace edge::check_probes_test {
namespace {

using testing::edge_with;
using testing::Loaded;
using testing::with_regions;

std::string problems(int servers, const std::string& health) {
  std::string list;
  for (int i = 0; i < servers; ++i) {
    list += (i == 0 ? "" : ", ") + ("\"10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1)) + ":80\"";
  }
  return Loaded(with_regions(edge_with("{servers: [" + list + "], health: {" + health + "}}"))).diagnostics.render();
}

TEST(CheckProbes, WarnsOfMoreThanOneThreadMakes) {
  EXPECT_EQ(problems(100, "interval: 100ms, timeout: 50ms").find("times a second"), std::string::npos);
  const std::string warned = problems(250, "interval: 100ms, timeout: 50ms");
  EXPECT_NE(warned.find("the 250 checks of region 'us' begin 2500 times a second"), std::string::npos) << warned;
}

TEST(CheckProbes, WarnsOfMoreThanThereAreDescriptorsFor) {
  EXPECT_EQ(check_connections(150), 18U);
  EXPECT_EQ(kept_checks(1024), 64U);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  if (before.rlim_max > 100000) GTEST_SKIP() << "too many descriptors are allowed here";
  const auto many = static_cast<int>(kept_checks(before.rlim_max)) + 1;
  EXPECT_NE(problems(many, "interval: 1h").find("descriptors here they keep at most"), std::string::npos);
}

}  // namespace
}  // namespace edge::check_probes_test
