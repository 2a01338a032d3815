#include "shared/load/mmdb_value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace shared::load::mmdb_value_test {
namespace {

using Bytes = std::vector<std::uint8_t>;

bool sound(const Bytes& section, std::uint64_t at = 0) { return mmdb_value_is_sound(section, at); }

Bytes text(std::string_view what) {
  Bytes out(1 + what.size());  // as large as it gets: GCC 12 sees an overflow in inserting behind one octet
  out[0] = static_cast<std::uint8_t>(0x40 | what.size());
  std::ranges::copy(what, out.begin() + 1);
  return out;
}

Bytes join(const std::vector<Bytes>& parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

TEST(MmdbValue, EachTypeAsLongAsItMustBe) {
  EXPECT_TRUE(sound(text("EU")));
  EXPECT_TRUE(sound({0x40})) << "an empty string";
  EXPECT_TRUE(sound({0xA2, 1, 2})) << "16 bits";
  EXPECT_TRUE(sound({0x68, 1, 2, 3, 4, 5, 6, 7, 8})) << "a double";
  EXPECT_FALSE(sound({0x67, 1, 2, 3, 4, 5, 6, 7})) << "seven octets are no double";
  EXPECT_TRUE(sound({0x04, 0x08, 1, 2, 3, 4})) << "a float";
  EXPECT_FALSE(sound({0x03, 0x08, 1, 2, 3}));
  EXPECT_TRUE(sound({0x01, 0x07})) << "true";
  EXPECT_FALSE(sound({0x00, 0x05})) << "a container of caches";
  EXPECT_FALSE(sound({0x00, 0x06})) << "an end marker";
  EXPECT_FALSE(sound({0x00, 0x09})) << "a type that there is not";
}

TEST(MmdbValue, NothingReachesBehindTheSection) {
  EXPECT_FALSE(sound({}));
  EXPECT_FALSE(sound({0x42, 'E'}));
  EXPECT_FALSE(sound({0x5D})) << "the octet of its size is missing";
  EXPECT_FALSE(sound(text("EU"), 3));
  Bytes longer{0x5D, 0};  // 29 octets
  longer.resize(2 + 29, 'x');
  EXPECT_TRUE(sound(longer));
  longer.pop_back();
  EXPECT_FALSE(sound(longer));
  EXPECT_FALSE(sound({0xE1, 0x41, 'k'})) << "a map's value is missing";
  EXPECT_FALSE(sound({0x02, 0x04, 0x41, 'a'})) << "the second element is missing";
}

TEST(MmdbValue, KeysOfMapsAreStrings) {
  EXPECT_TRUE(sound(join({{0xE1}, text("k"), text("v")})));
  EXPECT_FALSE(sound(join({{0xE1}, {0xA1, 7}, text("v")})));
}

TEST(MmdbValue, PointersAreFollowedOnceAndStayInside) {
  EXPECT_TRUE(sound(join({text("EU"), {0x20, 0}}), 3));
  EXPECT_FALSE(sound(join({text("EU"), {0x20, 9}}), 3)) << "behind the end";
  EXPECT_FALSE(sound(join({{0x20, 2}, {0x20, 4}, text("EU")}))) << "a pointer to a pointer";
  EXPECT_FALSE(sound({0xE1, 0x41, 'k', 0x20, 0})) << "a map in itself";
}

TEST(MmdbValue, DepthAndSizeAreBounded) {
  const auto nested = [](unsigned levels) {
    Bytes out;
    for (unsigned i = 0; i < levels; ++i) out.insert(out.end(), {0x01, 0x04});
    return join({out, text("x")});
  };
  EXPECT_TRUE(sound(nested(32)));
  EXPECT_FALSE(sound(nested(33)));
  Bytes wide{0x1F, 0x04, 0x00, 0xFF, 0xFF};  // 65821 + 65535 elements
  wide.resize(wide.size() + 140000, 0x40);
  EXPECT_FALSE(sound(wide));
}

TEST(MmdbMetadata, IsTheLastMapBehindTheMarker) {
  const std::string_view marker = "\xAB\xCD\xEFMaxMind.com";
  const Bytes mark(marker.begin(), marker.end());
  const Bytes good = join({{0xE1}, text("languages"), {0x01, 0x04}, text("en")});
  EXPECT_EQ(check_mmdb_metadata(good), MmdbMetadata::missing);
  EXPECT_EQ(check_mmdb_metadata(join({mark, good})), MmdbMetadata::sound);
  EXPECT_EQ(check_mmdb_metadata(join({mark, text("x"), mark, good})), MmdbMetadata::sound);
  EXPECT_EQ(check_mmdb_metadata(join({mark, good, mark, text("x")})), MmdbMetadata::unsound);
  EXPECT_EQ(check_mmdb_metadata(mark), MmdbMetadata::unsound) << "nothing behind it";
  const Bytes number = join({{0xE1}, text("languages"), {0x01, 0x04}, {0xA1, 7}});
  EXPECT_EQ(check_mmdb_metadata(join({mark, number})), MmdbMetadata::unsound) << "a language that is no text";
}

// libmaxminddb reads the tree, and takes the separator of 16 octets for granted.
TEST(MmdbMetadata, TheTreeFitsIntoTheFile) {
  const std::string_view marker = "\xAB\xCD\xEFMaxMind.com";
  const auto of = [&](const Bytes& members, std::uint8_t count) {
    const Bytes map{static_cast<std::uint8_t>(0xE0 | count)};
    return join({Bytes(marker.begin(), marker.end()), map, text("languages"), {0x00, 0x04}, members});
  };
  const Bytes records = join({text("record_size"), {0xA1, 24}});
  const auto nodes = [](std::uint8_t count) { return join({text("node_count"), {0xC4, 0, 0, 0, count}}); };
  const std::size_t size = of(join({records, nodes(1)}), 3).size();
  const auto fitting = static_cast<std::uint8_t>((size - 16) / 6);
  EXPECT_EQ(check_mmdb_metadata(of(join({records, nodes(fitting)}), 3)), MmdbMetadata::sound);
  const auto more = static_cast<std::uint8_t>(fitting + 1);
  EXPECT_EQ(check_mmdb_metadata(of(join({records, nodes(more)}), 3)), MmdbMetadata::tree_too_large);
  EXPECT_EQ(check_mmdb_metadata(of(join({nodes(255), records, nodes(1)}), 4)), MmdbMetadata::tree_too_large)
      << "which of the two counts, its reader decides";
  const Bytes pointed = join({text("node_count"), {0x20, 1 + 10 + 2 + 12 + 2 + 11 + 2}, {0xC4, 0xFF, 0, 0, 0}});
  EXPECT_EQ(check_mmdb_metadata(of(join({records, pointed}), 3)), MmdbMetadata::tree_too_large);
}

}  // namespace
}  // namespace shared::load::mmdb_value_test
