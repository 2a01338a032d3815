#include "edge/core/cache/cache_status.h"

#include <gtest/gtest.h>

#include <span>
#include <string>

namespace edge::cache_status_test {
namespace {

// RFC 9211 2.
TEST(CacheStatus, SaysWhatHasHappened) {
  EXPECT_EQ(cache_status("meridian", {.verdict = CacheVerdict::hit, .ttl = 30}), "meridian; hit; ttl=30");
  EXPECT_EQ(cache_status("meridian", {.verdict = CacheVerdict::stale, .ttl = -3}), "meridian; hit; ttl=-3");
  EXPECT_EQ(cache_status("meridian",
                         {.verdict = CacheVerdict::miss, .forward = "uri-miss", .stored = true, .collapsed = true}),
            "meridian; fwd=uri-miss; stored; collapsed");
  EXPECT_EQ(cache_status("meridian", {.verdict = CacheVerdict::revalidated, .forward = "stale", .forward_status = 304}),
            "meridian; fwd=stale; fwd-status=304");
  EXPECT_EQ(cache_status("meridian", {.verdict = CacheVerdict::bypass, .forward = "bypass", .detail = "a body"}),
            "meridian; fwd=bypass; detail=\"a body\"");
}

TEST(CacheStatus, IsWrittenWholeOrNotAtAll) {
  const CacheOutcome outcome{.verdict = CacheVerdict::miss,
                             .forward = "uri-miss",
                             .forward_status = 200,
                             .ttl = -2147483648,
                             .stored = true,
                             .collapsed = true,
                             .detail = "it was let through"};
  const std::string all = cache_status("meridian", outcome);
  EXPECT_EQ(
      all, "meridian; fwd=uri-miss; fwd-status=200; ttl=-2147483648; stored; collapsed; detail=\"it was let through\"");
  std::string room(all.size() + 3, '.');
  EXPECT_EQ(write_cache_status(room, "meridian", outcome), all);
  for (std::size_t size = 0; size < all.size(); ++size) {
    EXPECT_EQ(write_cache_status(std::span(room).first(size), "meridian", outcome), "");
  }
}

TEST(CacheStatus, HasAWordForEachVerdict) {
  EXPECT_EQ(name_of(CacheVerdict::none), "");
  for (std::size_t i = 1; i < kCacheVerdicts; ++i) EXPECT_NE(name_of(static_cast<CacheVerdict>(i)), "");
  EXPECT_EQ(name_of(CacheVerdict::revalidated), "REVALIDATED");
}

}  // namespace
}  // namespace edge::cache_status_test
