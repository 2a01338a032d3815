#include "shared/load/mmdb_walk.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "shared/load/file.h"
#include "tests/support/paths.h"

namespace shared::load::mmdb_walk_test {
namespace {

std::vector<std::uint8_t> octets_of(const std::string& name) {
  const auto text = read_file(::test::build_file("geo/" + name));
  EXPECT_TRUE(text) << name;
  return text ? std::vector<std::uint8_t>(text->begin(), text->end()) : std::vector<std::uint8_t>();
}

TEST(MmdbWalk, MeetsEachNetworkOnceInOrder) {
  std::map<std::uint32_t, std::string> countries;
  std::vector<Prefix> networks;
  std::uint32_t ids = 0;
  const auto type = walk_mmdb(octets_of("city-28.mmdb"), {.id_of =
                                                              [&](MMDB_entry_s entry) {
                                                                countries[++ids] =
                                                                    mmdb_text(entry, {"country", "iso_code", nullptr});
                                                                return ids;
                                                              },
                                                          .network =
                                                              [&](const Prefix& network, std::uint32_t id) {
                                                                EXPECT_LE(id, ids);
                                                                if (network.address.family == Family::ipv4)
                                                                  networks.push_back(network);
                                                              }});
  ASSERT_TRUE(type) << type.error().message;
  EXPECT_FALSE(type->empty());
  ASSERT_GT(networks.size(), 10U);
  for (std::size_t i = 1; i < networks.size(); ++i) {
    EXPECT_LT(networks[i - 1].address, networks[i].address);
    EXPECT_FALSE(networks[i - 1].contains(networks[i].address));
  }
}

TEST(MmdbWalk, SaysWhatIsBroken) {
  const MmdbReader reader{.id_of = [](MMDB_entry_s) { return 0U; }, .network = [](const Prefix&, std::uint32_t) {}};
  EXPECT_EQ(walk_mmdb({}, reader).error().message, "the file is empty");
  auto octets = octets_of("city-28.mmdb");
  octets.resize(octets.size() / 2);
  EXPECT_FALSE(walk_mmdb(octets, reader));
}

// In 32 bits, 2^29 + 1 nodes of 8 octets are 8 octets, as many as the one has; 715,827,882 of 6 end 4 octets before the
// other begins, whose tree libmaxminddb reads while it opens it.
TEST(MmdbWalk, ATreeOfMoreNodesThanTheFileHoldsIsRefused) {
  const MmdbReader reader{.id_of = [](MMDB_entry_s) { return 0U; }, .network = [](const Prefix&, std::uint32_t) {}};
  for (const std::string name : {"tree_of_2_to_the_29_nodes", "tree_that_ends_before_it_begins"}) {
    const auto text = read_file(::test::source_file("tests/fuzz/corpus/mmdb/" + name));
    ASSERT_TRUE(text);
    const auto walked = walk_mmdb(std::vector<std::uint8_t>(text->begin(), text->end()), reader);
    ASSERT_FALSE(walked) << name;
    EXPECT_EQ(walked.error().message, "its search tree has more nodes than the file holds") << name;
  }
}

// 64 records in a file of 1.4 KB, each of which points to one thing of 45,000 parts.
TEST(MmdbWalk, RecordsThatAreMadeOfTheSamePartsOverAndOverAreRefused) {
  const MmdbReader reader{.id_of = [](MMDB_entry_s) { return 0U; }, .network = [](const Prefix&, std::uint32_t) {}};
  const auto text = read_file(::test::source_file("tests/fuzz/corpus/mmdb/records_of_the_same_parts"));
  ASSERT_TRUE(text);
  const auto walked = walk_mmdb(std::vector<std::uint8_t>(text->begin(), text->end()), reader);
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().message, "its records are made of the same parts over and over");
}

}  // namespace
}  // namespace shared::load::mmdb_walk_test
