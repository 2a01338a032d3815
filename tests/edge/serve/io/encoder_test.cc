#include "edge/serve/io/encoder.h"

#include <brotli/decode.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <string>

namespace edge::encoder_test {
namespace {

// What can be read of a stream that may not be over; it must not be malformed.
std::string gunzip(const std::string& data) {
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  std::string out;
  std::array<char, 4096> room;
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = room.size();
    state = ::inflate(&stream, Z_SYNC_FLUSH);
    out.append(room.data(), room.size() - stream.avail_out);
  }
  EXPECT_TRUE(state == Z_STREAM_END || state == Z_BUF_ERROR) << state;
  ::inflateEnd(&stream);
  return out;
}

std::string unbrotli(const std::string& data) {
  BrotliDecoderState* const state = ::BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
  const auto* in = reinterpret_cast<const std::uint8_t*>(data.data());
  std::size_t left = data.size();
  std::string out;
  std::array<char, 4096> room;
  BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
  while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
    auto* to = reinterpret_cast<std::uint8_t*>(room.data());
    std::size_t space = room.size();
    result = ::BrotliDecoderDecompressStream(state, &left, &in, &space, &to, nullptr);
    out.append(room.data(), room.size() - space);
  }
  EXPECT_NE(result, BROTLI_DECODER_RESULT_ERROR);
  ::BrotliDecoderDestroyInstance(state);
  return out;
}

std::string unzstd(const std::string& data) {
  ZSTD_DCtx* const context = ::ZSTD_createDCtx();
  ZSTD_inBuffer in{data.data(), data.size(), 0};
  std::string out;
  std::array<char, 4096> room;
  while (true) {
    ZSTD_outBuffer to{room.data(), room.size(), 0};
    const std::size_t left = ::ZSTD_decompressStream(context, &to, &in);
    EXPECT_EQ(::ZSTD_isError(left), 0U);
    out.append(room.data(), to.pos);
    if (::ZSTD_isError(left) != 0 || (in.pos == in.size && to.pos < room.size())) break;
  }
  ::ZSTD_freeDCtx(context);
  return out;
}

std::string decoded(Coding coding, const std::string& data) {
  return coding == Coding::gzip ? gunzip(data) : coding == Coding::br ? unbrotli(data) : unzstd(data);
}

std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += "line " + std::to_string(i * i % 977) + " of many\n";
  text.resize(size);
  return text;
}

constexpr std::array kAll{Coding::gzip, Coding::br, Coding::zstd};

TEST(Encoder, WhatGoesInComesOutWhateverThePieces) {
  Encoders encoders;
  for (const Coding coding : kAll) {
    for (const std::size_t size : {0U, 1U, 1000U, 70'000U, 600'000U}) {
      for (const bool sized : {false, true}) {
        const std::string text = text_of(size);
        const auto encoder = encoders.make(coding, {}, sized ? std::optional<std::uint64_t>(size) : std::nullopt);
        ASSERT_NE(encoder, nullptr);
        std::string out;
        for (std::size_t at = 0; at < size; at += 7777) {
          ASSERT_TRUE(encoder->encode(std::string_view(text).substr(at, 7777), Encoder::Then::more, out));
        }
        ASSERT_TRUE(encoder->encode({}, Encoder::Then::end, out));
        EXPECT_EQ(decoded(coding, out), text) << coding_name(coding) << " " << size;
        if (size > 1000) {
          EXPECT_LT(out.size(), size / 3);
        }
      }
    }
  }
}

TEST(Encoder, AFlushLetsAllThatCameBeDecoded) {
  Encoders encoders;
  for (const Coding coding : kAll) {
    const auto encoder = encoders.make(coding, {}, std::nullopt);
    std::string out;
    std::string said;
    for (int i = 0; i < 20; ++i) {
      const std::string event = "data: " + std::to_string(i) + "\n\n";
      said += event;
      ASSERT_TRUE(encoder->encode(event, Encoder::Then::more, out));
      ASSERT_TRUE(encoder->encode({}, Encoder::Then::flush, out));
      EXPECT_EQ(decoded(coding, out), said) << coding_name(coding);
    }
  }
}

TEST(Encoder, IdentityHasNone) {
  Encoders encoders;
  EXPECT_EQ(encoders.make(Coding::identity, {}, std::nullopt), nullptr);
}

// Many on the same tables, at several levels, some of them given up in the middle.
TEST(Encoder, WhatOneHasLeftDoesNotShowInTheNext) {
  Encoders encoders;
  for (int i = 0; i < 40; ++i) {
    CompressionLevels levels;
    levels.gzip = 1 + i % 9;
    const std::string text = text_of(1000 + static_cast<std::size_t>(i) * 4000);
    const auto given_up = encoders.make(Coding::gzip, levels, std::nullopt);
    std::string lost;
    ASSERT_TRUE(given_up->encode(text_of(100'000), Encoder::Then::flush, lost));
    const auto encoder = encoders.make(Coding::gzip, levels, i % 2 == 0 ? std::optional(text.size()) : std::nullopt);
    std::string out;
    ASSERT_TRUE(encoder->encode(text, i % 3 == 0 ? Encoder::Then::flush : Encoder::Then::more, out));
    ASSERT_TRUE(encoder->encode({}, Encoder::Then::end, out));
    EXPECT_EQ(gunzip(out), text);
    encoders.sweep();
  }
}

TEST(Encoder, AWholeBodyIsNotLargerThanAStreamedOne) {
  Encoders encoders;
  const std::string text = text_of(16'384);
  std::string whole;
  ASSERT_TRUE(encoders.make(Coding::gzip, {}, text.size())->encode(text, Encoder::Then::end, whole));
  std::string streamed;
  const auto encoder = encoders.make(Coding::gzip, {}, std::nullopt);
  ASSERT_TRUE(encoder->encode(text, Encoder::Then::flush, streamed));
  ASSERT_TRUE(encoder->encode({}, Encoder::Then::end, streamed));
  EXPECT_LE(whole.size(), streamed.size());
}

}  // namespace
}  // namespace edge::encoder_test
