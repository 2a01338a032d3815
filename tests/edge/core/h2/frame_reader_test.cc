#include "edge/core/h2/frame_reader.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace edge::h2::frame_reader_test {
namespace {

using namespace std::literals;
using State = FrameReader::State;

std::string frame(FrameType type, std::uint8_t flags, std::int32_t stream, std::string_view payload) {
  std::string octets(kFrameHead, '\0');
  put_frame_head(octets.data(), payload.size(), type, flags, stream);
  return octets.append(payload);
}
std::string frame(int type, std::uint8_t flags, std::int32_t stream, std::string_view payload) {
  return frame(static_cast<FrameType>(type), flags, stream, payload);
}
const std::string kBegin = std::string(kPreface) + frame(FrameType::settings, 0, 0, "");

struct Seen {
  FrameType type;
  std::int32_t stream;
  std::string payload;
  friend bool operator==(const Seen&, const Seen&) = default;
};
struct Reading {
  std::vector<Seen> frames;  // DATA as it came to be whole
  Error error = Error::none;
  std::size_t most = 0;
};

Reading read(std::string_view octets, std::size_t piece) {
  FrameReader reader(*std::pmr::new_delete_resource());
  Reading reading;
  while (!octets.empty()) {
    const std::string part(octets.substr(0, piece));
    octets.remove_prefix(part.size());
    std::string_view rest = part;
    while (true) {
      const FrameReader::Got got = reader.next(rest);
      reading.most = std::max(reading.most, reader.memory());
      if (got.state == State::more) break;
      if (got.state == State::error) {
        reading.error = got.error;
        return reading;
      }
      if (got.frame.first) {
        reading.frames.push_back({got.frame.type, got.frame.stream, std::string(got.frame.payload)});
      } else {
        reading.frames.back().payload += got.frame.payload;
      }
    }
    EXPECT_TRUE(rest.empty());
  }
  return reading;
}

TEST(FrameReader, ReadsFramesInPiecesOfAnySize) {
  const std::string large(16'384, 'd');
  const std::string all =
      kBegin + frame(FrameType::headers, kEndHeaders | kPadded | kPriorityFlag, 1, "\x02\0\0\0\0\x10head\0\0"sv) +
      frame(FrameType::data, 0, 1, large) + frame(FrameType::data, kPadded, 1, "\x03xyz\0\0\0"sv) +
      frame(0xBE, 0xFF, 7, "unknown") + frame(FrameType::data, 0, 1, "") + frame(FrameType::data, kPadded, 1, "\0"sv) +
      frame(FrameType::ping, 0, 0, "12345678") + frame(FrameType::headers, 0, 3, "a") +
      frame(FrameType::continuation, 0, 3, "") + frame(FrameType::continuation, kEndHeaders, 3, "b") +
      frame(FrameType::goaway, 0, 0, "\0\0\0\0\0\0\0\0why"sv);
  const std::vector<Seen> expected{{FrameType::settings, 0, ""},
                                   {FrameType::headers, 1, "head"},
                                   {FrameType::data, 1, large},
                                   {FrameType::data, 1, "xyz"},
                                   {FrameType::data, 1, ""},
                                   {FrameType::data, 1, ""},
                                   {FrameType::ping, 0, "12345678"},
                                   {FrameType::headers, 3, "a"},
                                   {FrameType::continuation, 3, ""},
                                   {FrameType::continuation, 3, "b"},
                                   {FrameType::goaway, 0, "\0\0\0\0\0\0\0\0why"s}};
  for (const std::size_t piece : {1U, 2U, 5U, 9U, 10U, 100U, 16'384U, 1U << 20}) {
    const Reading reading = read(all, piece);
    EXPECT_EQ(reading.error, Error::none);
    EXPECT_EQ(reading.frames, expected) << piece;
    EXPECT_LE(reading.most, 64U) << "DATA is not kept";
  }
}

TEST(FrameReader, WhatIsNoFrameEndsTheConnection) {
  struct Case {
    std::string octets;
    Error error;
  };
  const std::string begun = kBegin + frame(FrameType::headers, 0, 1, "x");
  for (const Case& one : {
           Case{"PRI * HTTP/2.0\r\n\r\nXX", Error::protocol},
           Case{"GET / HTTP/1.1\r\n", Error::protocol},
           Case{std::string(kPreface) + frame(FrameType::ping, 0, 0, "12345678"), Error::protocol},
           Case{std::string(kPreface) + frame(FrameType::settings, kAck, 0, ""), Error::protocol},
           Case{kBegin + frame(FrameType::data, 0, 1, std::string(16'385, 'x')), Error::frame_size},
           Case{kBegin + frame(0xBE, 0, 1, std::string(16'385, 'x')), Error::frame_size},
           Case{kBegin + frame(FrameType::data, 0, 0, "x"), Error::protocol},
           Case{kBegin + frame(FrameType::data, kPadded, 1, ""), Error::frame_size},
           Case{kBegin + frame(FrameType::data, kPadded, 1, "\x02x"), Error::protocol},
           Case{kBegin + frame(FrameType::headers, kEndHeaders, 0, "x"), Error::protocol},
           Case{kBegin + frame(FrameType::headers, kEndHeaders | kPadded, 1, ""), Error::frame_size},
           Case{kBegin + frame(FrameType::headers, kEndHeaders | kPadded, 1, "\x02x"), Error::protocol},
           Case{kBegin + frame(FrameType::headers, kEndHeaders | kPriorityFlag, 1, "1234"), Error::frame_size},
           Case{kBegin + frame(FrameType::priority, 0, 0, "12345"), Error::protocol},
           Case{kBegin + frame(FrameType::priority, 0, 1, "1234"), Error::frame_size},
           Case{kBegin + frame(FrameType::priority, 0, 7, "\x80\0\0\7\1"sv), Error::protocol},
           Case{kBegin + frame(FrameType::headers, kPriorityFlag, 7, "\0\0\0\7\1"sv), Error::protocol},
           Case{kBegin + frame(FrameType::rst_stream, 0, 0, "1234"), Error::protocol},
           Case{kBegin + frame(FrameType::rst_stream, 0, 1, "123"), Error::frame_size},
           Case{kBegin + frame(FrameType::settings, 0, 1, ""), Error::protocol},
           Case{kBegin + frame(FrameType::settings, 0, 0, "12345"), Error::frame_size},
           Case{kBegin + frame(FrameType::settings, kAck, 0, "123456"), Error::frame_size},
           Case{kBegin + frame(FrameType::push_promise, kEndHeaders, 1, "1234"), Error::protocol},
           Case{kBegin + frame(FrameType::ping, 0, 1, "12345678"), Error::protocol},
           Case{kBegin + frame(FrameType::ping, 0, 0, "1234567"), Error::frame_size},
           Case{kBegin + frame(FrameType::goaway, 0, 1, "12345678"), Error::protocol},
           Case{kBegin + frame(FrameType::goaway, 0, 0, "1234567"), Error::frame_size},
           Case{kBegin + frame(FrameType::window_update, 0, 0, "123"), Error::frame_size},
           Case{kBegin + frame(FrameType::priority_update, 0, 1, "1234"), Error::protocol},
           Case{kBegin + frame(FrameType::priority_update, 0, 0, "123"), Error::frame_size},
           Case{kBegin + frame(FrameType::continuation, kEndHeaders, 1, "x"), Error::protocol},
           Case{begun + frame(FrameType::continuation, kEndHeaders, 3, "x"), Error::protocol},
           Case{begun + frame(FrameType::data, 0, 1, "x"), Error::protocol},
           Case{begun + frame(FrameType::headers, kEndHeaders, 3, "x"), Error::protocol},
           Case{begun + frame(0xBE, 0, 1, "x"), Error::protocol},
           Case{begun + frame(FrameType::continuation, kEndHeaders, 1, "x") + frame(FrameType::continuation, 0, 1, ""),
                Error::protocol},
       }) {
    for (const std::size_t piece : {1U, 1U << 20}) EXPECT_EQ(read(one.octets, piece).error, one.error) << one.octets;
  }
}

TEST(FrameReader, KnowsThatABlockHasNotEnded) {
  FrameReader reader(*std::pmr::new_delete_resource());
  const std::string octets = kBegin + frame(FrameType::headers, 0, 1, "ab");
  std::string_view rest = std::string_view(octets).substr(0, octets.size() - 1);
  EXPECT_EQ(reader.next(rest).state, State::frame);
  EXPECT_FALSE(reader.in_block());
  EXPECT_EQ(reader.next(rest).state, State::more);
  EXPECT_TRUE(reader.in_block());
  rest = "b";
  EXPECT_EQ(reader.next(rest).state, State::frame);
  EXPECT_TRUE(reader.in_block());
  const std::string last = frame(FrameType::continuation, kEndHeaders, 1, "");
  rest = last;
  EXPECT_EQ(reader.next(rest).state, State::frame);
  EXPECT_FALSE(reader.in_block());
  EXPECT_EQ(reader.memory(), 0U);
}

}  // namespace
}  // namespace edge::h2::frame_reader_test
