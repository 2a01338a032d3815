#include "shared/core/protobuf.h"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace shared::protobuf::protobuf_test {
namespace {

std::string varint(std::uint64_t value) {
  std::string out;
  put_varint(out, value);
  return out;
}

TEST(Protobuf, NumbersTakeSevenBitsAnOctet) {
  EXPECT_EQ(varint(0), std::string(1, '\0'));
  EXPECT_EQ(varint(127), "\x7F");
  EXPECT_EQ(varint(128), "\x80\x01");
  EXPECT_EQ(varint(150), "\x96\x01");  // the example of the specification
  EXPECT_EQ(varint(UINT64_MAX), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{16383},
                                    std::uint64_t{16384}, UINT64_MAX}) {
    const std::string text = varint(value);
    EXPECT_EQ(varint_size(value), text.size());
    std::string_view rest = text;
    EXPECT_EQ(take_varint(rest), value);
    EXPECT_TRUE(rest.empty());
  }
}

TEST(Protobuf, FieldsAreReadAsTheyWereWritten) {
  std::string out;
  put_number(out, 1, 150);
  put_octets(out, 2, "testing");
  put_fixed64(out, 7, 0x0102030405060708);
  put_fixed32(out, 16, 0x300);
  EXPECT_EQ(out, std::string("\x08\x96\x01\x12\x07testing\x39\x08\x07\x06\x05\x04\x03\x02\x01\x85\x01\0\x03\0\0", 27));
  std::string_view rest = out;
  const auto number = take_field(rest);
  ASSERT_TRUE(number);
  EXPECT_EQ(number->number, 1U);
  EXPECT_EQ(number->value, 150U);
  const auto octets = take_field(rest);
  ASSERT_TRUE(octets);
  EXPECT_EQ(octets->wire, Wire::octets);
  EXPECT_EQ(octets->octets, "testing");
  EXPECT_EQ(take_field(rest)->value, 0x0102030405060708U);
  const auto last = take_field(rest);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->number, 16U);
  EXPECT_EQ(last->wire, Wire::fixed32);
  EXPECT_EQ(last->value, 0x300U);
  EXPECT_TRUE(rest.empty());
}

TEST(Protobuf, WhatIsCutOffOrOfNoTypeIsNoField) {
  for (const std::string& bad :
       {std::string(), std::string("\x08"), std::string("\x08\x80"), std::string("\x12\x05hi"),
        std::string("\x39"
                    "1234567"),
        std::string("\x85\x01"
                    "123"),
        std::string("\0\x01", 2), std::string("\x0B"), std::string("\x0C"), std::string("\x0E\x01"),
        std::string("\x0F\x01"), std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"),
        std::string("\x80\x80\x80\x80\x10\x01", 6)}) {
    std::string_view rest = bad;
    EXPECT_FALSE(take_field(rest)) << bad.size();
  }
}

}  // namespace
}  // namespace shared::protobuf::protobuf_test
