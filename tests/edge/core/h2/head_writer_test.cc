#include "edge/core/h2/head_writer.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "edge/core/h2/field_decoder.h"

namespace edge::h2::head_writer_test {
namespace {

// The frames' types and flags, and the block that they hold.
struct Read {
  std::vector<int> types;
  std::vector<int> flags;
  std::string block;
};
Read read(std::string_view octets) {
  Read read;
  while (!octets.empty()) {
    const std::size_t size = read_number(octets, 0, 3);
    EXPECT_LE(size, kMaxFrame);
    EXPECT_EQ(read_number(octets, 5, 4), 5U);
    read.types.push_back(octets[3]);
    read.flags.push_back(octets[4]);
    read.block += octets.substr(kFrameHead, size);
    octets.remove_prefix(kFrameHead + size);
  }
  return read;
}

TEST(HeadWriter, AHeadIsAFrameOrSeveral) {
  FieldEncoder encoder(*std::pmr::new_delete_resource());
  FieldDecoder decoder(*std::pmr::new_delete_resource());
  for (const std::size_t size : {1U, 10'000U, 16'377U, 16'378U, 16'379U, 32'700U, 32'768U, 60'000U}) {
    const std::string value(size, '\x07');  // whose code is longer
    std::string room(HeadWriter::bound(size), '\0');
    HeadWriter head(encoder, room.data());
    head.add("a", value);
    room.resize(head.finish(5, kEndStream));
    const Read frames = read(room);
    const std::size_t count = (frames.block.size() + kMaxFrame - 1) / kMaxFrame;
    ASSERT_EQ(frames.types.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(frames.types[i], i == 0 ? 1 : 9);
      EXPECT_EQ(frames.flags[i], (i == 0 ? kEndStream : 0) | (i + 1 == count ? kEndHeaders : 0));
    }
    decoder.feed(frames.block, true);
    EXPECT_EQ(decoder.next().field.value, value);
    EXPECT_EQ(decoder.next().state, FieldDecoder::State::end);
  }
}

TEST(HeadWriter, ItsBoundIsOne) {
  for (std::size_t name = 1; name < 600; name += 3) {
    for (const std::size_t value : {0U, 1U, 125U, 126U, 127U, 128U, 381U, 382U, 383U, 16'510U, 16'511U}) {
      FieldEncoder encoder(*std::pmr::new_delete_resource());
      const std::size_t line = name + value + 4;
      std::string room(HeadWriter::bound(3 * line), '\0');
      HeadWriter head(encoder, room.data());
      for (int i = 0; i < 3; ++i) head.add(std::string(name, static_cast<char>('a' + i)), std::string(value, '\x07'));
      ASSERT_LE(head.finish(5, 0), room.size());
    }
  }
}

}  // namespace
}  // namespace edge::h2::head_writer_test
