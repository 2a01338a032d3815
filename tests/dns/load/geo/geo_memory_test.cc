#include "dns/load/geo/geo_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "shared/load/files.h"
#include "tests/support/paths.h"

namespace dns::geo_memory_test {
namespace {

namespace fs = std::filesystem;

TEST(GeoMemory, IsReadBackAsItWasWritten) {
  GeoMemory memory;
  EXPECT_EQ(parse_geo_memory(to_text(memory)), memory);
  memory.database = GeoMemory::Kept{"/var/lib/Geo IP/city.mmdb", {1, 2, 3, -4}, 5};
  memory.systems = GeoMemory::Kept{"/asn.mmdb", {6, 7, 8, 9}, ~std::uint64_t{0}};
  memory.accepted = {"EU", "NA-US-CA", "coordinates"};
  memory.waiting = GeoMemory::Waiting{{6, 7, 8, 9}, "would move 31.0 % of the answers"};
  EXPECT_EQ(parse_geo_memory(to_text(memory)), memory);
}

TEST(GeoMemory, OtherTextIsNoMemory) {
  EXPECT_EQ(parse_geo_memory(""), GeoMemory{});
  EXPECT_EQ(parse_geo_memory("meridian geo 2\naccepted EU\n"), GeoMemory{});
  EXPECT_EQ(parse_geo_memory("meridian geo 1\ndatabase 1 2 x\nwaiting\nnothing\n"), GeoMemory{});
  EXPECT_EQ(read_geo_memory("/nowhere"), GeoMemory{});
}

TEST(GeoMemory, ACopyServesOnlyTheFileThatItIsOf) {
  const fs::path folder = fs::path(testing::TempDir()) / ("geo_memory_test_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  fs::copy_file(::test::build_file("geo/city-24.mmdb"), folder / kGeoCopyFile);
  GeoConfig config;
  config.database = folder / "city.mmdb";
  GeoMemory memory;
  EXPECT_EQ(remembered_geo(folder, memory, config), nullptr);
  memory.database = GeoMemory::Kept{config.database.string(), {1, 2, 3, 4}, 0};
  EXPECT_EQ(remembered_geo(folder, memory, config), nullptr) << "the hash is another one";
  memory.database->hash = shared::load::hash_of_content(*shared::load::read_file(folder / kGeoCopyFile));
  const auto copy = remembered_geo(folder, memory, config);
  ASSERT_NE(copy, nullptr);
  EXPECT_TRUE(copy->from_copy);
  EXPECT_EQ(copy->database->source().file, config.database.string());
  EXPECT_EQ(copy->stamp, (FileStamp{1, 2, 3, 4}));
  config.database = folder / "other.mmdb";
  EXPECT_EQ(remembered_geo(folder, memory, config), nullptr);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace dns::geo_memory_test
