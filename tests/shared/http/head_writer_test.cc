#include "shared/http/head_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace http::head_writer_test {
namespace {

// What a call writes into so much room; nothing when it says that it did not fit. The octets behind stay as they were.
template <class Write>
std::optional<std::string> written(std::size_t room, Write&& write) {
  std::vector<char> octets(room + 64, '\x5A');
  HeadWriter writer(std::span<char>(octets).first(room));
  write(writer);
  const auto size = writer.finish();
  for (std::size_t i = room; i < octets.size(); ++i) EXPECT_EQ(octets[i], '\x5A') << "behind the room";
  if (!size) return std::nullopt;
  return std::string(octets.data(), *size);
}

std::string letters(std::size_t size, char first) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text.push_back(static_cast<char>(first + i % 26));
  return text;
}

TEST(HeadWriter, AFieldOfAnySizeNeedsItsOctetsAndNoMore) {
  for (std::size_t name = 1; name <= 40; ++name) {
    for (std::size_t value = 0; value <= 40; ++value) {
      const std::string expected = letters(name, 'A') + ": " + letters(value, 'a') + "\r\n";
      const auto write = [&](HeadWriter& out) { out.field(letters(name, 'A'), letters(value, 'a')); };
      ASSERT_EQ(written(expected.size(), write), expected);
      ASSERT_EQ(written(expected.size() - 1, write), std::nullopt) << name << " " << value;
    }
  }
}

// It is copied in one piece, which must not take what stands around it.
TEST(HeadWriter, AFieldThatStandsAsALineLeavesAsItCame) {
  const std::string came = "Some-Name: some value\r\nNext:x";
  const std::string_view name(came.data(), 9);
  const std::string_view value(came.data() + 11, 10);
  const std::string expected = "Some-Name: some value\r\n";
  const auto write = [&](HeadWriter& out) { out.field(name, value); };
  EXPECT_EQ(written(expected.size(), write), expected);
  EXPECT_EQ(written(expected.size() - 1, write), std::nullopt);
  // Two octets between the two that are no colon and space.
  for (const std::string other : {"Some-Name:\tsome value", "Some-Name =some value", "Some-Name::some value"}) {
    const std::string_view before(other.data(), 9);
    const std::string_view behind(other.data() + 11, 10);
    EXPECT_EQ(written(64, [&](HeadWriter& out) { out.field(before, behind); }), expected) << other;
  }
}

TEST(HeadWriter, ALineOfOurOwnNeedsItsOctetsAndNoMore) {
  for (std::size_t value = 0; value <= 40; ++value) {
    const std::string expected = "X-Real-IP: " + letters(value, 'a') + "\r\n";
    const auto write = [&](HeadWriter& out) { out.line("X-Real-IP: ", letters(value, 'a')); };
    ASSERT_EQ(written(expected.size(), write), expected);
    ASSERT_EQ(written(expected.size() - 1, write), std::nullopt) << value;
  }
}

TEST(HeadWriter, NothingSlipsInBehindWhatDidNotFit) {
  EXPECT_EQ(written(10, [](HeadWriter& out) { out.field("Name", "a value").text("x"); }), std::nullopt);
}

TEST(HeadWriter, AnAddressNeedsItsOctetsAndNoMore) {
  for (const char* const text : {"1.2.3.4", "10.20.30.40", "255.255.255.255", "2001:db8::1"}) {
    const auto address = shared::IpAddress::parse(text);
    const std::size_t size = std::string_view(text).size();
    const auto write = [&](HeadWriter& out) { out.address(*address); };
    EXPECT_EQ(written(size, write), text);
    EXPECT_EQ(written(size + 16, write), text);
    EXPECT_EQ(written(size - 1, write), std::nullopt);
  }
}

}  // namespace
}  // namespace http::head_writer_test
