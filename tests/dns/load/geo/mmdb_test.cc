#include "dns/load/geo/mmdb.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

#include "tests/support/paths.h"

namespace dns::mmdb_test {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::string fixture(const std::string& name) { return ::test::build_file("geo/" + name); }

Bytes bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string error_of(const Bytes& bytes) {
  const auto read = read_mmdb(bytes, "x.mmdb");
  return read ? "" : read.error().message;
}

const GeoRecord& at(const GeoDatabase& database, const char* address) {
  return database.record(database.lookup(*shared::IpAddress::parse(address)).id);
}

class MmdbLayout : public testing::TestWithParam<int> {};

TEST_P(MmdbLayout, ReadsCityRowsOfBothFamilies) {
  const auto read = load_mmdb(fixture("city-" + std::to_string(GetParam()) + ".mmdb"));
  ASSERT_TRUE(read) << read.error().message;
  const GeoDatabase& database = **read;
  EXPECT_EQ(database.source().type, "Meridian-City");
  EXPECT_EQ(at(database, "128.32.7.1").code.text(), "NA-US-CA");
  ASSERT_TRUE(at(database, "128.32.7.1").location);
  EXPECT_DOUBLE_EQ(at(database, "128.32.7.1").location->latitude, 37.87);
  EXPECT_DOUBLE_EQ(at(database, "128.32.7.1").location->longitude, -122.26);
  EXPECT_EQ(at(database, "129.67.1.1").code.text(), "EU-GB-ENG-OXF");
  EXPECT_EQ(at(database, "2001:db8:3::1").code.text(), "EU-IE-L");
  EXPECT_TRUE(at(database, "10.0.0.1").code.empty());
  EXPECT_EQ(database.lookup(*shared::IpAddress::parse("10.0.0.1")).id, kNoGeoRecord);
}

TEST_P(MmdbLayout, FindsIpv4InsideIpv6WithoutDuplicatingIt) {
  const auto read = load_mmdb(fixture("city-" + std::to_string(GetParam()) + ".mmdb"));
  ASSERT_TRUE(read);
  for (const char* address : {"::ffff:203.0.113.9", "64:ff9b::203.0.113.9", "2002:cb00:7109::1"}) {
    EXPECT_EQ(at(**read, address).code.text(), "EU-IE-L") << address;
  }
  // Three documentation /48s, two of them neighbours: the aliased copies of the IPv4 networks are not there.
  EXPECT_LE((*read)->ranges().v6().starts().size(), 7u);
}

TEST_P(MmdbLayout, ReadsTheAsnLayout) {
  const auto read = load_mmdb(fixture("asn-" + std::to_string(GetParam()) + ".mmdb"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(at(**read, "128.32.7.1").asn, 25u);
  EXPECT_TRUE(at(**read, "128.32.7.1").code.empty());
  EXPECT_EQ((*read)->why_never(*GeoCode::parse("EU")),
            fixture("asn-" + std::to_string(GetParam()) + ".mmdb") + " (Meridian-ASN) knows no places");
}

TEST_P(MmdbLayout, SurvivesEveryTruncation) {
  const Bytes whole = bytes_of(fixture("city-" + std::to_string(GetParam()) + ".mmdb"));
  ASSERT_GT(whole.size(), 1000u);
  EXPECT_EQ(error_of(whole), "");
  for (std::size_t size = 0; size < whole.size(); size += 1 + size / 97) {
    const std::string error = error_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
    EXPECT_TRUE(error.starts_with("geo database x.mmdb: ")) << size << ": " << error;
  }
}

TEST_P(MmdbLayout, SurvivesRandomCorruption) {
  const Bytes whole = bytes_of(fixture("city-" + std::to_string(GetParam()) + ".mmdb"));
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  for (int round = 0; round < 400; ++round) {
    Bytes broken = whole;
    for (int i = 0; i < 1 + round % 8; ++i) broken[random() % broken.size()] = static_cast<std::uint8_t>(random());
    (void)read_mmdb(broken, "x.mmdb");  // an error or not, but no crash and no endless walk
  }
}

INSTANTIATE_TEST_SUITE_P(RecordSizes, MmdbLayout, testing::Values(24, 28, 32));

// Places as in City, the system's number among the traits; `registered_country` is another matter than `country`.
TEST(Mmdb, ReadsTheEnterpriseLayout) {
  const auto read = load_mmdb(fixture("enterprise-28.mmdb"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(at(**read, "129.67.1.1").code.text(), "EU-GB-ENG-OXF");
  EXPECT_EQ(at(**read, "128.32.7.1").code.text(), "NA-US-CA");
  EXPECT_EQ(at(**read, "128.32.7.1").asn, 25u);
  ASSERT_TRUE(at(**read, "128.32.7.1").location);
  EXPECT_DOUBLE_EQ(at(**read, "128.32.7.1").location->latitude, 37.87);
}

TEST(Mmdb, ReadsTheIspLayout) {
  const auto read = load_mmdb(fixture("isp-28.mmdb"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(at(**read, "128.32.7.1").asn, 25u);
  EXPECT_TRUE(at(**read, "128.32.7.1").code.empty());
}

TEST(Mmdb, ReadsTheCountryLayout) {
  const auto read = load_mmdb(fixture("country-28.mmdb"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(GeoCode::parse("EU-GB")->contains(at(**read, "129.67.1.1").code));
}

TEST(Mmdb, ReadsATreeOfIpv4Alone) {
  const auto read = load_mmdb(fixture("city-ipv4.mmdb"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(at(**read, "128.32.7.1").code.text(), "NA-US-CA");
  EXPECT_EQ(at(**read, "::ffff:128.32.7.1").code.text(), "NA-US-CA");
  EXPECT_EQ((*read)->lookup(*shared::IpAddress::parse("2001:db8:3::1")).id, kNoGeoRecord);
}

// Each bit of the metadata and of the first nodes, one after the other.
TEST(Mmdb, SurvivesEveryFlippedBitOfItsHeads) {
  const Bytes whole = bytes_of(fixture("city-28.mmdb"));
  const auto flip = [&](std::size_t byte) {
    for (int bit = 0; bit < 8; bit += 3) {
      Bytes broken = whole;
      broken[byte] ^= static_cast<std::uint8_t>(1 << bit);
      const auto read = read_mmdb(broken, "x.mmdb");
      const std::string error = read ? "geo database x.mmdb: " : read.error().message;
      EXPECT_TRUE(error.starts_with("geo database x.mmdb: ")) << error;
    }
  };
  for (std::size_t i = 0; i < 64; ++i) flip(i);
  for (std::size_t i = whole.size() - 250; i < whole.size(); ++i) flip(i);
}

TEST(Mmdb, SaysWhatIsWrong) {
  EXPECT_EQ(error_of({}), "geo database x.mmdb: the file is empty");
  EXPECT_NE(error_of(Bytes(5000, 'a')).find("no MaxMind DB metadata at its end"), std::string::npos);
  const auto absent = load_mmdb("/nonexistent/city.mmdb");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().message, "geo database /nonexistent/city.mmdb: cannot read it: No such file or directory");
  const auto folder = load_mmdb("/tmp");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().message, "geo database /tmp: cannot read it: it is a folder, not a regular file");
}

// The way to ::/96 goes by the nodes 0, 1, 2 ...; here the other branch of node 5 leads back to node 3.
TEST(Mmdb, EndsOnACycle) {
  Bytes cyclic = bytes_of(fixture("city-24.mmdb"));
  const Bytes node_3 = {0, 0, 3};
  std::ranges::copy(node_3, cyclic.begin() + 5 * 6 + 3);
  const std::string error = error_of(cyclic);
  EXPECT_TRUE(error.ends_with("over and over") || error.ends_with("a cycle")) << error;
}

// 60,000 arrays, each inside the one before, in place of the metadata: read by recursion they would end the stack.
TEST(Mmdb, RefusesDeepNesting) {
  Bytes deep(100, 0);
  const std::string marker = "\xAB\xCD\xEFMaxMind.com";
  deep.insert(deep.end(), marker.begin(), marker.end());
  const Bytes map_of_one = {0xE1, 0x41, 'a'};
  deep.insert(deep.end(), map_of_one.begin(), map_of_one.end());
  for (int i = 0; i < 60000; ++i) deep.insert(deep.end(), {0x01, 0x04});
  EXPECT_EQ(error_of(deep), "geo database x.mmdb: its metadata are corrupt");
}

// libmaxminddb would lose memory over either.
TEST(Mmdb, RefusesMetadataOfAnotherType) {
  Bytes numbers = bytes_of(fixture("city-24.mmdb"));
  const std::string list = "languages\x01\x04\x42";  // one element, a string of two octets
  const auto found = std::find_end(numbers.begin(), numbers.end(), list.begin(), list.end());
  ASSERT_NE(found, numbers.end());
  found[11] = 0xA2;  // a number of two octets
  EXPECT_EQ(error_of(numbers), "geo database x.mmdb: its metadata are corrupt");

  const std::string key = "\xAB\xCD\xEFMaxMind.com\xE1\xA1\x07\x41z";  // {7: "z"}
  EXPECT_EQ(error_of(Bytes(key.begin(), key.end())), "geo database x.mmdb: its metadata are corrupt");
}

TEST(Mmdb, RefusesADatabaseOfSomethingElse) {
  Bytes other = bytes_of(fixture("asn-24.mmdb"));
  const std::string field = "autonomous_system_number";
  auto found = std::search(other.begin(), other.end(), field.begin(), field.end());
  while (found != other.end()) {
    *found = 'x';
    found = std::search(found, other.end(), field.begin(), field.end());
  }
  EXPECT_NE(error_of(other).find("not a geo database"), std::string::npos) << error_of(other);
}

// Every row of tools/geo/networks.txt, neighbours and networks inside others included.
TEST(Mmdb, HoldsEveryRowThatWasPutIn) {
  const auto read = load_mmdb(fixture("city-24.mmdb"));
  ASSERT_TRUE(read);
  std::ifstream rows(::test::source_file("tools/geo/networks.txt"));
  std::string line;
  int count = 0;
  while (std::getline(rows, line)) {
    std::istringstream fields(line);
    std::string network;
    std::string place;
    if (line.starts_with("#") || !(fields >> network >> place)) continue;
    const auto prefix = shared::Prefix::parse(network);
    ASSERT_TRUE(prefix) << network;
    EXPECT_EQ((*read)->record((*read)->lookup(prefix->address).id).code.text(), place) << network;
    ++count;
  }
  EXPECT_GT(count, 20);
}

// The file is read whole: what happens to it afterwards does not matter.
TEST(Mmdb, DoesNotMindALaterTruncation) {
  const std::string path = testing::TempDir() + "/meridian-truncated-" + std::to_string(::getpid()) + ".mmdb";
  std::filesystem::copy_file(fixture("city-28.mmdb"), path, std::filesystem::copy_options::overwrite_existing);
  const auto read = load_mmdb(path);
  ASSERT_TRUE(read);
  std::filesystem::resize_file(path, 0);
  EXPECT_EQ(at(**read, "128.32.7.1").code.text(), "NA-US-CA");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace dns::mmdb_test
