#include "edge/core/h2/field_encoder.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include "edge/core/h2/field_decoder.h"

namespace edge::h2::field_encoder_test {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

class FieldEncoderTest : public testing::Test {
 protected:
  FieldEncoderTest() { nghttp2_hd_inflate_new(&inflater_); }
  ~FieldEncoderTest() override { nghttp2_hd_inflate_del(inflater_); }

  std::string encode(const Pairs& fields) {
    std::size_t size = FieldEncoder::kBegin;
    for (const auto& [name, value] : fields) size += FieldEncoder::bound(name, value);
    std::string block(size, '\0');
    char* at = encoder_.begin(block.data());
    for (const auto& [name, value] : fields) at = encoder_.add(at, name, value);
    block.resize(static_cast<std::size_t>(at - block.data()));
    return block;
  }
  // As another one's decoder reads it.
  Pairs inflate(std::string_view block) {
    Pairs fields;
    while (true) {
      nghttp2_nv field{};
      int flags = 0;
      const ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags,
                                                  reinterpret_cast<const std::uint8_t*>(block.data()), block.size(), 1);
      if (used < 0) return {{"error", std::to_string(used)}};
      block.remove_prefix(static_cast<std::size_t>(used));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        fields.emplace_back(std::string(reinterpret_cast<char*>(field.name), field.namelen),
                            std::string(reinterpret_cast<char*>(field.value), field.valuelen));
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return fields;
  }

  FieldEncoder encoder_{*std::pmr::new_delete_resource()};
  nghttp2_hd_inflater* inflater_ = nullptr;
};

const Pairs kResponse{{":status", "200"},
                      {"server", "meridian"},
                      {"date", "Mon, 30 Nov 2026 09:00:00 GMT"},
                      {"content-type", "text/html"},
                      {"content-length", "5"},
                      {"via", "2 meridian"},
                      {"set-cookie", "id=1; Secure"},
                      {"x-served-by", "a.example"},
                      {"x-empty", ""}};

TEST_F(FieldEncoderTest, IsReadByOthersAsItWasMeant) {
  for (int i = 0; i < 5; ++i) {
    Pairs fields = kResponse;
    fields[2].second[24] = static_cast<char>('0' + i);
    fields.emplace_back("x-request-id", std::to_string(i * 7919));
    EXPECT_EQ(inflate(encode(fields)), fields);
  }
}

TEST_F(FieldEncoderTest, WhatComesAgainIsAnOctet) {
  const std::size_t first = encode(kResponse).size();
  const std::string second = encode(kResponse);
  EXPECT_LT(second.size(), first / 3);
  EXPECT_LE(second.size(), kResponse.size() + 13) << "all but the cookie";
}

// What an HTTP/1 server sends, in its own words.
TEST_F(FieldEncoderTest, AFieldOfHttp1IsOneOfHttp2) {
  const std::string many(200, 'X');
  for (int i = 0; i < 3; ++i) {
    std::string block(2048, '\0');
    char* at = encoder_.begin(block.data());
    at = encoder_.add_status(at, i == 0 ? 200 : 418);
    for (const auto& [name, value] :
         Pairs{{"Content-TYPE", "text/html"}, {"X-Served-By", " a\t"}, {many, "1"}, {"ETag", ""}}) {
      at = encoder_.add(at, http::Field{name, value, http::field_id(name)});
    }
    block.resize(static_cast<std::size_t>(at - block.data()));
    const Pairs expected{{":status", i == 0 ? "200" : "418"},
                         {"content-type", "text/html"},
                         {"x-served-by", "a"},
                         {std::string(200, 'x'), "1"},
                         {"etag", ""}};
    EXPECT_EQ(inflate(block), expected);
    if (i == 2) {
      EXPECT_EQ(block.size(), 5U);
    }
  }
}

TEST_F(FieldEncoderTest, EachNameThatTheEdgeKnowsIsWrittenAsHttp2Has) {
  for (std::size_t i = 1; i < http::kFieldIds; ++i) {
    const auto id = static_cast<http::FieldId>(i);
    std::string block(256, '\0');
    char* at = encoder_.begin(block.data());
    at = encoder_.add(at, http::Field{http::canonical_name(id), "v", id});
    block.resize(static_cast<std::size_t>(at - block.data()));
    EXPECT_EQ(inflate(block), (Pairs{{shared::lower(http::canonical_name(id)), "v"}}));
  }
}

// What the encoder guesses of a field's place is another field's by now.
TEST_F(FieldEncoderTest, FieldsComeAndGo) {
  for (int i = 0; i < 3000; ++i) {
    Pairs fields = kResponse;
    fields[2].second.replace(17, 8, std::to_string(10'000'000 + i / 3));
    fields[3].second = std::string(static_cast<std::size_t>(i % 5), 'a') + "/b";
    fields.emplace_back("x-" + std::to_string(i % 7), std::to_string(i * i % 11));
    ASSERT_EQ(inflate(encode(fields)), fields) << i;
  }
}

// 7.1.3
TEST_F(FieldEncoderTest, SecretsAreNeverIndexed) {
  static_cast<void>(encode({{":status", "200"}}));
  const std::string block = encode({{"set-cookie", "id=1"}});
  EXPECT_EQ(static_cast<unsigned char>(block[0]), 0x1F);
  EXPECT_EQ(encoder_.table().count(), 0U);
}

TEST_F(FieldEncoderTest, ValuesThatAreAlwaysUnlikeDoNotFillTheTable) {
  for (int i = 0; i < 1000; ++i) {
    const Pairs fields{{"x-request-id", std::to_string(i)}, {"x-same", "1"}};
    ASSERT_EQ(inflate(encode(fields)), fields);
  }
  EXPECT_LE(encoder_.table().count(), 5U);
}

TEST_F(FieldEncoderTest, ItsTableStaysSmall) {
  for (int i = 0; i < 1000; ++i) {
    const Pairs fields{{"x-" + std::to_string(i), std::string(static_cast<std::size_t>(i % 700), 'x')}};
    ASSERT_EQ(inflate(encode(fields)), fields);
    ASSERT_LE(encoder_.table().size(), FieldEncoder::kMostTable);
  }
  EXPECT_LE(encoder_.table().memory(), 2048U + 64 * 8);
}

// 4.2
TEST_F(FieldEncoderTest, FollowsWhatThePeerAllows) {
  EXPECT_EQ(inflate(encode(kResponse)), kResponse);
  nghttp2_hd_inflate_change_table_size(inflater_, 0);
  encoder_.set_peer_most(0);
  nghttp2_hd_inflate_change_table_size(inflater_, 4096);
  encoder_.set_peer_most(4096);
  std::string block = encode(kResponse);
  EXPECT_EQ(block[0], '\x20');
  EXPECT_EQ(inflate(block), kResponse);
  nghttp2_hd_inflate_change_table_size(inflater_, 100);
  encoder_.set_peer_most(100);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(inflate(encode(kResponse)), kResponse);
  EXPECT_LE(encoder_.table().size(), 100U);
  nghttp2_hd_inflate_change_table_size(inflater_, 0);
  encoder_.set_peer_most(0);
  EXPECT_EQ(inflate(encode(kResponse)), kResponse);
  EXPECT_EQ(encoder_.table().count(), 0U);
}

TEST_F(FieldEncoderTest, OursReadsWhatOthersWrite) {
  nghttp2_hd_deflater* deflater = nullptr;
  ASSERT_EQ(nghttp2_hd_deflate_new(&deflater, 4096), 0);
  FieldDecoder decoder(*std::pmr::new_delete_resource());
  for (int round = 0; round < 300; ++round) {
    Pairs fields = kResponse;
    for (int i = 0; i < round % 11; ++i) {
      fields.emplace_back("x-" + std::to_string(i * round % 17), std::string(static_cast<std::size_t>(round), '\xe4'));
    }
    std::vector<nghttp2_nv> all;
    for (auto& [name, value] : fields) {
      all.push_back({reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()),
                     name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    std::string block(nghttp2_hd_deflate_bound(deflater, all.data(), all.size()), '\0');
    const ssize_t size = nghttp2_hd_deflate_hd(deflater, reinterpret_cast<std::uint8_t*>(block.data()), block.size(),
                                               all.data(), all.size());
    ASSERT_GT(size, 0);
    block.resize(static_cast<std::size_t>(size));
    decoder.feed(block, true);
    Pairs read;
    FieldDecoder::Got got = decoder.next();
    for (; got.state == FieldDecoder::State::field; got = decoder.next()) {
      read.emplace_back(got.field.name, got.field.value);
    }
    ASSERT_EQ(got.state, FieldDecoder::State::end);
    ASSERT_EQ(read, fields);
  }
  nghttp2_hd_deflate_del(deflater);
}

}  // namespace
}  // namespace edge::h2::field_encoder_test
