#include "edge/core/cache/record_codec.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/core/cache/parsed.h"

namespace edge::record_codec_test {
namespace {

const shared::TimePoint kNow = shared::TimePoint{} + shared::seconds(1'000'000);
constexpr http::UnixSeconds kWall = 1'700'000'000;

CacheRecord record() {
  const ParsedResponse parsed("Content-Type: text/plain\r\nETag: \"a\"\r\nX-Odd: caf\xC3\xA9, b\r\nVary: Foo\r\n");
  CacheRecord made;
  made.heard_at = kWall - 100;
  made.head = StoredHead(parsed.head, {}, CookiePolicy::store, made.heard_at);
  made.freshness = {.heard = kNow - shared::seconds(100),
                    .initial_age = 3,
                    .lifetime = 600,
                    .stale_while_revalidate = 7,
                    .stale_if_error = 9,
                    .no_cache = true,
                    .revalidates = false,
                    .soft = true};
  made.url = "shop.test/a?b";
  made.selector = "scheme=https\n";
  made.vary_names = "foo";
  made.vary_values = "1\n";
  made.framing = {.kind = http::BodyKind::chunked, .length = 0};
  return made;
}

std::string encoded(bool purged = false) { return encode_record(record(), purged, 1234, 99); }

TEST(RecordCodec, GivesBackWhatWasWritten) {
  const CacheRecord before = record();
  const std::string front = encoded();
  EXPECT_EQ(record_front(std::string_view(front).substr(0, kRecordFixed)), front.size());
  const auto decoded = decode_record(front, kNow, kWall);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->body.at, front.size());
  EXPECT_EQ(decoded->body.size, 1234U);
  EXPECT_EQ(decoded->body.hash, 99U);
  EXPECT_FALSE(decoded->purged);
  const CacheRecord& after = decoded->record;
  EXPECT_EQ(after.url, before.url);
  EXPECT_EQ(after.selector, before.selector);
  EXPECT_EQ(after.vary_names, before.vary_names);
  EXPECT_EQ(after.vary_values, before.vary_values);
  EXPECT_EQ(after.heard_at, before.heard_at);
  EXPECT_EQ(after.framing, before.framing);
  EXPECT_EQ(after.freshness.heard, before.freshness.heard);
  EXPECT_EQ(after.freshness.ttl(kNow), before.freshness.ttl(kNow));
  EXPECT_EQ(after.freshness.stale_while_revalidate, 7U);
  EXPECT_EQ(after.freshness.stale_if_error, 9U);
  EXPECT_TRUE(after.freshness.no_cache && after.freshness.soft && !after.freshness.revalidates);
  EXPECT_EQ(after.head.status(), 200);
  for (const char* name : {"Content-Type", "ETag", "X-Odd", "Vary", "Date"}) {
    EXPECT_FALSE(before.head.find(name).empty());
    EXPECT_EQ(after.head.find(name), before.head.find(name)) << name;
  }
}

TEST(RecordCodec, GivesBackTheFullestHead) {
  std::string lines;
  for (std::size_t i = 0; i < http::FieldList::kMostReceived; ++i) lines += "X-" + std::to_string(i) + ": y\r\n";
  const ParsedResponse parsed(lines);
  CacheRecord full = record();
  full.head = StoredHead(parsed.head, {}, CookiePolicy::store, full.heard_at);
  const auto decoded = decode_record(encode_record(full, false, 1234, 99), kNow, kWall);
  ASSERT_TRUE(decoded);
  http::ResponseHead head;
  ASSERT_TRUE(decoded->record.head.copy_to(head));
  EXPECT_EQ(head.fields.size(), http::FieldList::kMostReceived + 1);
  EXPECT_NE(head.fields.find("X-99"), nullptr);
  EXPECT_TRUE(head.fields.has(http::FieldId::date));
}

TEST(RecordCodec, KnowsAgesAcrossARestart) {
  const auto later = decode_record(encoded(), shared::TimePoint{} + shared::seconds(5), kWall + 300);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->record.freshness.age(shared::TimePoint{} + shared::seconds(5)), 403);
}

TEST(RecordCodec, TakesWhatIsOfTheFutureForPurged) {
  const auto decoded = decode_record(encoded(), kNow, kWall - 3600);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->purged) << "nobody knows how old it is";
}

TEST(RecordCodec, MarksAPurgeInOneOctet) {
  std::string front = encoded();
  front[kRecordPurgedAt] = 'P';
  const auto decoded = decode_record(front, kNow, kWall);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->purged);
  EXPECT_EQ(front, encoded(true));
}

TEST(RecordCodec, UpdatesAFrontInItsPlace) {
  const RecordBody body{.at = encoded().size(), .size = 1234, .hash = 99};
  CacheRecord updated = record();
  updated.freshness.lifetime = 60;
  updated.selector.append(60, 's');
  const std::string front = encode_record(updated, false, body);
  ASSERT_EQ(front.size(), body.at);
  EXPECT_TRUE(decode_record(front, kNow, kWall));
  updated.selector.append(1000, 's');
  EXPECT_TRUE(encode_record(updated, false, body).empty()) << "it does not fit";
}

TEST(RecordCodec, RefusesWhatIsTooLarge) {
  CacheRecord large = record();
  large.selector.assign(kMostRecord, 's');
  EXPECT_TRUE(encode_record(large, false, 1, 1).empty());
}

TEST(RecordCodec, TakesNothingThatIsTornOrChanged) {
  const std::string good = encoded();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_record(std::string_view(good).substr(0, size), kNow, kWall)) << size;
  }
  std::size_t taken = 0;
  const std::size_t text = good.find_last_not_of('\0') + 1;
  for (std::size_t at = 0; at < text; ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    if (decode_record(bad, kNow, kWall)) ++taken;
  }
  EXPECT_LE(taken, kRecordFixed - kRecordPurgedAt) << "what is under no hash says nothing";
  EXPECT_FALSE(decode_record(std::string(good.size(), '\0'), kNow, kWall));
  EXPECT_FALSE(record_front(std::string(kRecordFixed, 'x')));
  for (std::size_t size = 0; size < kRecordFixed; ++size) EXPECT_FALSE(record_front(good.substr(0, size))) << size;
}

TEST(BodyHash, IsTheSameHoweverOctetsCome) {
  std::string body;
  for (int i = 0; i < 1000; ++i) body.push_back(static_cast<char>(i * 7));
  BodyHash whole;
  whole.add(body);
  for (std::size_t step = 1; step < 40; ++step) {
    BodyHash pieces;
    for (std::size_t at = 0; at < body.size(); at += step) pieces.add(std::string_view(body).substr(at, step));
    EXPECT_EQ(pieces.finish(), whole.finish()) << step;
  }
  BodyHash other;
  body[500] ^= 1;
  other.add(body);
  EXPECT_NE(other.finish(), whole.finish());
  BodyHash longer;
  longer.add(body);
  longer.add(std::string(1, '\0'));
  EXPECT_NE(longer.finish(), other.finish());
}

}  // namespace
}  // namespace edge::record_codec_test
