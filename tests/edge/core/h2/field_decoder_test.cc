#include "edge/core/h2/field_decoder.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "shared/core/ascii.h"

namespace edge::h2::field_decoder_test {
namespace {

using namespace std::string_view_literals;
using State = FieldDecoder::State;
using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string octets(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size();) {
    if (hex[i] == ' ') {
      ++i;
      continue;
    }
    out += static_cast<char>(shared::hex_digit(hex[i]) * 16 + shared::hex_digit(hex[i + 1]));
    i += 2;
  }
  return out;
}

class FieldDecoderTest : public testing::Test {
 protected:
  // A block in fragments of that size; what state it ends in.
  State read(std::string_view block, std::size_t piece = 1 << 20) {
    fields_.clear();
    do {
      const std::string fragment(block.substr(0, piece));  // where the next one is not
      block.remove_prefix(fragment.size());
      decoder_.feed(fragment, block.empty());
      FieldDecoder::Got got = decoder_.next();
      for (; got.state == State::field; got = decoder_.next()) fields_.emplace_back(got.field.name, got.field.value);
      if (got.state != State::more) return got.state;
    } while (!block.empty());
    return State::more;
  }

  FieldDecoder decoder_{*std::pmr::new_delete_resource()};
  Pairs fields_;
};

// RFC 7541 C.2.
TEST_F(FieldDecoderTest, ReadsEachRepresentation) {
  EXPECT_EQ(read(octets("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572")), State::end);
  EXPECT_EQ(fields_, (Pairs{{"custom-key", "custom-header"}}));
  EXPECT_EQ(decoder_.table().size(), 55U);
  EXPECT_EQ(read(octets("040c 2f73 616d 706c 652f 7061 7468")), State::end);
  EXPECT_EQ(fields_, (Pairs{{":path", "/sample/path"}}));
  EXPECT_EQ(read(octets("1008 7061 7373 776f 7264 0673 6563 7265 74")), State::end);
  EXPECT_EQ(fields_, (Pairs{{"password", "secret"}}));
  EXPECT_EQ(read(octets("82")), State::end);
  EXPECT_EQ(fields_, (Pairs{{":method", "GET"}}));
  EXPECT_EQ(decoder_.table().count(), 1U);
}

// C.3 and C.4: without and with the Huffman code; in pieces of any size.
TEST_F(FieldDecoderTest, ReadsRequests) {
  const std::vector<std::vector<std::string>> ways{
      {"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", "8286 84be 5808 6e6f 2d63 6163 6865",
       "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65"},
      {"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", "8286 84be 5886 a8eb 1064 9cbf",
       "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"}};
  const Pairs first{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "www.example.com"}};
  const Pairs third{{":method", "GET"},
                    {":scheme", "https"},
                    {":path", "/index.html"},
                    {":authority", "www.example.com"},
                    {"custom-key", "custom-value"}};
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
    for (const auto& blocks : ways) {
      EXPECT_EQ(read("\x20\x3f\xe1\x1f"), State::end);  // emptied, and as it was
      EXPECT_EQ(read(octets(blocks[0]), piece), State::end);
      EXPECT_EQ(fields_, first);
      EXPECT_EQ(decoder_.table().size(), 57U);
      EXPECT_EQ(read(octets(blocks[1]), piece), State::end);
      EXPECT_EQ(fields_.back(), (std::pair<std::string, std::string>("cache-control", "no-cache")));
      EXPECT_EQ(decoder_.table().size(), 110U);
      EXPECT_EQ(read(octets(blocks[2]), piece), State::end);
      EXPECT_EQ(fields_, third);
      EXPECT_EQ(decoder_.table().size(), 164U);
    }
  }
}

// C.6: in a table of 256 octets.
TEST_F(FieldDecoderTest, ReadsResponsesWhoseFieldsGiveWay) {
  EXPECT_EQ(read(octets("3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b "
                        "ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3")),
            State::end);
  Pairs expected{{":status", "302"},
                 {"cache-control", "private"},
                 {"date", "Mon, 21 Oct 2013 20:13:21 GMT"},
                 {"location", "https://www.example.com"}};
  EXPECT_EQ(fields_, expected);
  EXPECT_EQ(decoder_.table().size(), 222U);
  EXPECT_EQ(read(octets("4883 640e ffc1 c0bf")), State::end);
  expected[0].second = "307";
  EXPECT_EQ(fields_, expected);
  EXPECT_EQ(read(octets("88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 "
                        "821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed "
                        "4ee5 b106 3d50 07")),
            State::end);
  EXPECT_EQ(fields_.size(), 6U);
  EXPECT_EQ(fields_.back().second, "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
  EXPECT_EQ(decoder_.table().size(), 215U);
}

TEST_F(FieldDecoderTest, AnEntryMayBeNamedByOneThatGivesWayToIt) {
  const std::string large(3000, 'v');
  std::string block("\x40\x04name\x7f\xb9\x16", 9);
  ASSERT_EQ(read(block + large), State::end);
  ASSERT_EQ(read("\x7e\x7f\xb9\x16" + std::string(3000, 'w')), State::end);
  EXPECT_EQ(fields_, (Pairs{{"name", std::string(3000, 'w')}}));
  ASSERT_EQ(read("\xbe"), State::end);
  EXPECT_EQ(fields_, (Pairs{{"name", std::string(3000, 'w')}}));
}

TEST_F(FieldDecoderTest, WhatIsNoBlockIsAnError) {
  for (const std::string_view block : {
           "\x80"sv,                                                  // index 0 (6.1)
           "\xbe"sv,                                                  // an entry that is not there
           "\xff\x80\x01"sv,                                          // likewise
           "\x7f\x80\x01\x01x"sv,                                     // and its name
           "\x82\x20"sv,                                              // a size update behind a field (4.2)
           "\x3f\xe2\x1f"sv,                                          // over what we allow (6.3)
           "\x7f\xff\xff\xff\xff\xff\xff\xff\xff\x01x"sv,             // an integer without end (5.1)
           "\x7f\x80\x80\x80\x80\x80\x01\x01x"sv,                     // likewise
           "\x00\x7ex"sv,                                             // a string past the end (5.2)
           "\x00\x01"sv,                                              // no name
           "\x00\x01x"sv,                                             // no value
           "\x40"sv,                                                  // neither
           "\x7f"sv,                                                  // half of an integer
           "\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff"sv,      // padding of an octet
           "\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90"sv,          // padding of zeros
           "\x00\x85\xf2\xb2\x4a\x84\xff\x85\x1f\xff\xff\xff\xe3"sv,  // EOS
           "\x00\x7f\x82\xff\x03"sv,                                  // a name over 64 KiB
       }) {
    for (const std::size_t piece : {1U, 1000U}) {
      FieldDecoder fresh(*std::pmr::new_delete_resource());
      State state = State::more;
      for (std::string_view rest = block; state == State::more;) {
        const std::string fragment(rest.substr(0, piece));
        rest.remove_prefix(fragment.size());
        fresh.feed(fragment, rest.empty());
        while ((state = fresh.next().state) == State::field) {
        }
      }
      EXPECT_EQ(state, State::error) << testing::PrintToString(block);
    }
  }
}

TEST_F(FieldDecoderTest, WhatWaitsForItsEndIsBounded) {
  decoder_.feed("\x00\x7f\x81\xff\x03"sv, false);  // a name of 64 KiB
  ASSERT_EQ(decoder_.next().state, State::more);
  std::size_t most = 0;
  State state = State::more;
  for (int i = 0; i < 64 && state == State::more; ++i) {
    decoder_.feed(std::string(1024, 'x'), false);
    state = decoder_.next().state;
    most = std::max(most, decoder_.memory());
  }
  decoder_.feed("\x7f\x81\xff\x03"sv, false);  // and a value of 64 KiB
  for (int i = 0; i < 100 && state == State::more; ++i) {
    state = decoder_.next().state;
    decoder_.feed(std::string(1000, 'x'), false);
  }
  EXPECT_EQ(state, State::error);
  EXPECT_LT(most, 300'000U);
}

TEST_F(FieldDecoderTest, BetweenTwoBlocksItHoldsItsTableOnly) {
  ASSERT_EQ(read(octets("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"), 2), State::end);
  EXPECT_EQ(decoder_.memory(), decoder_.table().memory());
  EXPECT_LE(decoder_.memory(), 256U);
}

}  // namespace
}  // namespace edge::h2::field_decoder_test
