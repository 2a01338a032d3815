#include "edge/core/content/compression.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace edge::compression_test {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Answer {
  std::uint16_t status = 200;
  Fields fields{{"Content-Type", "text/html"}};
  http::Body body{.kind = http::BodyKind::length, .length = 5000};
};

CompressionRuling ruled(const Answer& answer, const Fields& request = {{"Accept-Encoding", "gzip"}},
                        http::Method method = http::Method::get) {
  const auto push = [](http::FieldList& list, const Fields& fields) {
    for (const auto& [name, value] : fields) {
      EXPECT_TRUE(list.push({.name = name, .value = value, .id = http::field_id(name)}));
    }
  };
  http::RequestHead asked;
  asked.method = method;
  push(asked.fields, request);
  http::ResponseHead head;
  head.status = answer.status;
  push(head.fields, answer.fields);
  http::ResponseFraming framing;
  framing.body = answer.body;
  return rule_compression(Compression(), asked, head, framing);
}

TEST(Compression, TextThatIsLargeEnoughGoesInTheCodingThatTheClientLikes) {
  const CompressionRuling ruling = ruled({});
  EXPECT_EQ(ruling.coding, Coding::gzip);
  EXPECT_TRUE(ruling.varies);
  EXPECT_TRUE(ruling.weakens);
  EXPECT_EQ(ruled({}, {{"Accept-Encoding", "gzip, br, zstd"}}).coding, Coding::zstd);
  EXPECT_EQ(ruled({}, {{"Accept-Encoding", "gzip, br;q=0.9"}}).coding, Coding::gzip);
  Answer stream;
  stream.body = {.kind = http::BodyKind::chunked, .length = 0};
  EXPECT_EQ(ruled(stream).coding, Coding::gzip);
  stream.body.kind = http::BodyKind::until_close;
  EXPECT_EQ(ruled(stream).coding, Coding::gzip);
  EXPECT_EQ(ruled({.status = 404}).coding, Coding::gzip);
}

TEST(Compression, WhoTakesNoneIsToldThatOthersMight) {
  const CompressionRuling ruling = ruled({}, {});
  EXPECT_EQ(ruling.coding, Coding::identity);
  EXPECT_TRUE(ruling.varies);
  EXPECT_FALSE(ruling.weakens);
}

TEST(Compression, SomeAnswersStayAsTheyAre) {
  const auto with = [](const std::string& name, const std::string& value) {
    Answer answer;
    answer.fields.emplace_back(name, value);
    return ruled(answer);
  };
  const std::vector<CompressionRuling> rulings{
      ruled({.status = 206}),
      ruled({.status = 204}),
      with("Content-Encoding", "br"),
      with("Content-Range", "bytes 0-1/2"),
      with("Cache-Control", "public, No-Transform"),
      with("Repr-Digest", "sha-256=:AA==:"),
      with("Content-MD5", "AA=="),
      ruled({.status = 200, .fields = {{"Content-Type", "image/png"}}}),
      ruled({.status = 200, .fields = {}}),
      ruled({.status = 200,
             .fields = {{"Content-Type", "text/html"}},
             .body = {.kind = http::BodyKind::length, .length = 1023}}),
  };
  for (std::size_t i = 0; i < rulings.size(); ++i) {
    EXPECT_EQ(rulings[i].coding, Coding::identity) << i;
    EXPECT_FALSE(rulings[i].varies) << i;
    EXPECT_FALSE(rulings[i].weakens) << i;
  }
  EXPECT_EQ(with("Content-Encoding", "identity").coding, Coding::gzip);
}

TEST(Compression, HeadIsToldWhatGetWouldBe) {
  Answer head;
  head.body = {.kind = http::BodyKind::none, .length = 0};
  head.fields.emplace_back("Content-Length", "5000");
  EXPECT_EQ(ruled(head, {{"Accept-Encoding", "gzip"}}, http::Method::head).coding, Coding::gzip);
  head.fields.back().second = "100";
  EXPECT_FALSE(ruled(head, {{"Accept-Encoding", "gzip"}}, http::Method::head).varies);
}

TEST(Compression, A304KeepsTheTagOfWhatIsStored) {
  EXPECT_TRUE(ruled({.status = 304, .fields = {}}).weakens);
  EXPECT_FALSE(ruled({.status = 304, .fields = {}}, {}).weakens);
  EXPECT_EQ(ruled({.status = 304, .fields = {}}).coding, Coding::identity);
  const auto of = [](const std::string& shown) {
    return ruled({.status = 304, .fields = {{"ETag", "\"a\""}}},
                 {{"Accept-Encoding", "gzip"}, {"If-None-Match", shown}});
  };
  EXPECT_FALSE(of("\"a\"").weakens) << "an image, which was not compressed";
  EXPECT_FALSE(of("\"b\", \"a\"").weakens);
  EXPECT_TRUE(of("W/\"a\"").weakens);
  EXPECT_TRUE(of("W/\"a\"").varies) << "as the 200 did";
  EXPECT_TRUE(of("*").weakens);
  const Fields weak{{"If-None-Match", "W/\"a\""}};
  EXPECT_TRUE(ruled({.status = 304, .fields = {{"ETag", "\"a\""}}}, weak).weakens) << "whatever is liked now";
}

TEST(Compression, TypesAreNamedWholeByTheirFrontOrByTheirEnd) {
  const Compression settings;
  for (const char* const type : {"text/html", "Text/Plain; charset=utf-8", "application/json", "application/ld+json",
                                 "image/svg+xml", "text/event-stream"})
    EXPECT_TRUE(settings.takes(type)) << type;
  for (const char* const type : {"", "image/png", "application/grpc", "textual/html", "text", "video/mp4", "+json"})
    EXPECT_FALSE(settings.takes(type)) << type;
}

}  // namespace
}  // namespace edge::compression_test
