#include "shared/http/chunked.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace http::chunked_test {
namespace {

struct Decoded {
  ChunkEvent last = ChunkEvent::need_more;
  std::string data;
  std::string trailers;
  std::string rest;
};

// Feeds `text` in pieces of `piece` octets, as reads would bring it.
Decoded decode(std::string_view text, std::size_t piece, Sender sender = Sender::client) {
  Decoded decoded;
  ChunkDecoder decoder(sender);
  std::string input;
  std::size_t fed = 0;
  while (true) {
    const ChunkStep step = decoder.next(input);
    decoded.last = step.event;
    if (step.event == ChunkEvent::data) decoded.data += step.data;
    if (step.event == ChunkEvent::trailer)
      decoded.trailers += std::string(step.trailer.name) + "=" + std::string(step.trailer.value) + ";";
    if (step.event == ChunkEvent::error) return decoded;
    input.erase(0, step.consumed);
    if (step.event == ChunkEvent::done) break;
    if (step.event != ChunkEvent::need_more) continue;
    if (fed == text.size()) return decoded;
    const std::string_view more = text.substr(fed, piece);
    input += more;
    fed += more.size();
  }
  decoded.rest = input + std::string(text.substr(fed));
  return decoded;
}

TEST(ChunkDecoder, DecodesInAnyPieces) {
  const std::string text = "5\r\nhello\r\n00A;x=\"y\"\r\n, world 12\r\n0\r\nETag: \"v\"\r\nHost: evil\r\n\r\nGET /";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const Decoded decoded = decode(text, piece);
    EXPECT_EQ(decoded.last, ChunkEvent::done) << piece;
    EXPECT_EQ(decoded.data, "hello, world 12") << piece;
    EXPECT_EQ(decoded.trailers, "ETag=\"v\";") << piece;
    EXPECT_EQ(decoded.rest, "GET /") << piece;
  }
}

TEST(ChunkDecoder, RefusesWhatIsNotExact) {
  for (const std::string_view text : {
           "\r\n",
           "g\r\n",
           "0x5\r\nhello\r\n",
           "+5\r\n",
           "-1\r\n",
           " 5\r\n",
           "5 \r\nhello\r\n",
           "5\t;a\r\n",
           "5\nhello\r\n",
           "5\rhello",
           "5\r\nhello\n0\r\n\r\n",
           "5\r\nhelloX\r\n",
           "5\r\nhello0\r\n",
           "5\r\nhello\r0\r\n",
           "11112222333344445\r\n",
           "5;a\nb\r\nhello\r\n",
           "5;a\rb\r\nhello\r\n",
           "5;\x01\r\nhello\r\n",
           ";a\r\n",
           "_5\r\n",
           "1_0\r\n",
           "0\r\nA\r\n\r\n",
           "0\r\n A: b\r\n\r\n",
           "0\r\nA: b\n\r\n",
           "0\r\nA : b\r\n\r\n",
           "0\r\nA: b\r\n c\r\n\r\n",
       }) {
    for (const std::size_t piece : {std::size_t{1}, text.size()}) {
      EXPECT_EQ(decode(text, piece).last, ChunkEvent::error) << text;
    }
  }
}

TEST(ChunkDecoder, SixteenDigitsAreTheMost) {
  EXPECT_EQ(decode("ffffffffffffffff\r\nabc", 99).last, ChunkEvent::need_more);
  EXPECT_EQ(decode("0000000000000000\r\n\r\n", 99).last, ChunkEvent::done);
  EXPECT_EQ(decode("00000000000000000\r\n\r\n", 99).last, ChunkEvent::error);
}

// A server may put a space behind a chunk's size and before a trailer's colon; a client may not, see above.
TEST(ChunkDecoder, ServersAreForgivenTheirSpaces) {
  for (const std::string_view text :
       {"5 \r\nhello\r\n0\r\n\r\n", "5\t \r\nhello\r\n0 \r\n\r\n", "5 ;a=b\r\nhello\r\n0\r\nETag : x\r\n\r\n"}) {
    for (const std::size_t piece : {std::size_t{1}, text.size()}) {
      const Decoded decoded = decode(text, piece, Sender::server);
      EXPECT_EQ(decoded.last, ChunkEvent::done) << text;
      EXPECT_EQ(decoded.data, "hello") << text;
    }
  }
  for (const std::string_view text : {" 5\r\n", "5 5\r\n", "5 \nhello", " \r\n", "5 \rX"}) {
    EXPECT_EQ(decode(text, 1, Sender::server).last, ChunkEvent::error) << text;
  }
  EXPECT_EQ(decode("5" + std::string(257, ' ') + "\r\n", 99, Sender::server).last, ChunkEvent::error);
}

TEST(ChunkDecoder, AnExtensionIsCappedInItsChunk) {
  const auto chunk = [](std::size_t octets) { return "1;" + std::string(octets - 1, 'x') + "\r\na\r\n0\r\n\r\n"; };
  EXPECT_EQ(decode(chunk(ChunkDecoder::kMaxExtension), 99).last, ChunkEvent::done);
  EXPECT_EQ(decode(chunk(ChunkDecoder::kMaxExtension + 1), 99).last, ChunkEvent::error);
}

TEST(ChunkDecoder, ExtensionsMayGoOnWithTheData) {
  std::string small;
  std::string signed_chunks;
  for (int i = 0; i < 5000; ++i) {
    small += "4;x=1\r\ndata\r\n";
    signed_chunks += "80;chunk-signature=" + std::string(64, 'f') + "\r\n" + std::string(128, 'd') + "\r\n";
  }
  EXPECT_EQ(decode(small + "0\r\n\r\n", 16384).data.size(), 20000U);
  EXPECT_EQ(decode(signed_chunks + "0\r\n\r\n", 16384).last, ChunkEvent::done);
}

TEST(ChunkDecoder, ExtensionsLongerThanTheDataComeToAnEnd) {
  const std::string chunk = "1;" + std::string(200, 'x') + "\r\na\r\n";
  std::string body;
  for (int i = 0; i < 20; ++i) body += chunk;
  EXPECT_EQ(decode(body + "0\r\n\r\n", 4096).last, ChunkEvent::done);
  EXPECT_EQ(decode(body + chunk + chunk + chunk + "0\r\n\r\n", 4096).last, ChunkEvent::error);
}

TEST(ChunkDecoder, ExactlyAsMuchMayBeOwedAsIsSaid) {
  // One octet of data with extensions of so many octets, the semicolon counted, owes what is over the data and the free
  // ones.
  const auto chunk = [](std::size_t extension) { return "1;" + std::string(extension - 1, 'x') + "\r\na\r\n"; };
  const std::size_t owed = ChunkDecoder::kMaxExtension - 1 - ChunkDecoder::kFreeExtension;
  const std::size_t times = ChunkDecoder::kMaxOwed / owed;
  std::string body;
  for (std::size_t i = 0; i < times; ++i) body += chunk(ChunkDecoder::kMaxExtension);
  const std::size_t left = ChunkDecoder::kMaxOwed - times * owed + 1 + ChunkDecoder::kFreeExtension;
  EXPECT_EQ(decode(body + chunk(left) + "0\r\n\r\n", 16384).last, ChunkEvent::done);
  EXPECT_EQ(decode(body + chunk(left + 1) + "0\r\n\r\n", 16384).last, ChunkEvent::error);
}

TEST(ChunkDecoder, TrailersAreBounded) {
  std::string many = "0\r\n";
  for (std::size_t i = 0; i <= ChunkDecoder::kMaxTrailerFields; ++i) many += "A: b\r\n";
  EXPECT_EQ(decode(many + "\r\n", 4096).last, ChunkEvent::error);
  EXPECT_EQ(decode("0\r\nA: " + std::string(5000, 'x'), 512).last, ChunkEvent::error);
  const std::string big = "A: " + std::string(3000, 'x') + "\r\n";
  EXPECT_EQ(decode("0\r\n" + big + big + "\r\n", 512).last, ChunkEvent::done);
  EXPECT_EQ(decode("0\r\n" + big + big + big + "\r\n", 512).last, ChunkEvent::error);
}

TEST(ChunkDecoder, OnlyListedTrailersPass) {
  for (const std::string_view name : {"Grpc-Status", "server-timing", "X-Amz-Checksum-Crc32"}) {
    EXPECT_TRUE(trailer_allowed(name)) << name;
  }
  for (const std::string_view name : {"Content-Length", "Transfer-Encoding", "Host", "Authorization", "Set-Cookie",
                                      "X-Forwarded-For", "X-Customer-Tier", "Connection", "Trailer", "X-Anything"}) {
    EXPECT_FALSE(trailer_allowed(name)) << name;
  }
}

TEST(ChunkHead, WritesTheShortestSize) {
  std::array<char, kChunkHeadSize> out{};
  const auto written = [&](std::uint64_t size) { return std::string(out.data(), write_chunk_head(out, size)); };
  EXPECT_EQ(written(1), "1\r\n");
  EXPECT_EQ(written(16), "10\r\n");
  EXPECT_EQ(written(500), "1f4\r\n");
  EXPECT_EQ(written(~std::uint64_t{0}), "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace http::chunked_test
