#include "edge/core/cache/reuse.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/core/cache/parsed.h"

namespace edge::reuse_test {
namespace {

const shared::TimePoint kHeard = shared::TimePoint{} + shared::seconds(1000);

struct Case {
  const char* response;
  const char* request;
  int after;  // seconds
  Reuse reuse;
};

Freshness stored(std::string_view lines) {
  const ParsedResponse response(lines);
  return freshness_of(response.head, response_directives(response.head.fields), CacheRule{},
                      {.asked = kHeard, .heard = kHeard, .heard_at = 1'000'000});
}

// RFC 9111 4.2, 5.2.1; RFC 5861 3.
TEST(Reuse, WeighsWhatBothSidesSay) {
  for (const Case& one : {
           Case{"Cache-Control: max-age=60\r\n", "", 59, Reuse::fresh},
           {"Cache-Control: max-age=60\r\n", "", 60, Reuse::revalidate},
           {"Cache-Control: max-age=60\r\nAge: 60\r\n", "", 0, Reuse::revalidate},
           {"Cache-Control: max-age=60, no-cache\r\n", "", 0, Reuse::revalidate},
           {"Cache-Control: max-age=60\r\n", "Cache-Control: no-cache\r\n", 0, Reuse::revalidate},
           {"Cache-Control: max-age=60\r\n", "Pragma: no-cache\r\n", 0, Reuse::revalidate},
           {"Cache-Control: max-age=60\r\n", "Cache-Control: max-age=0\r\n", 0, Reuse::revalidate},
           {"Cache-Control: max-age=60\r\n", "Cache-Control: max-age=5\r\n", 5, Reuse::fresh},
           {"Cache-Control: max-age=60\r\n", "Cache-Control: max-age=5\r\n", 6, Reuse::revalidate},
           {"Cache-Control: max-age=3600\r\nAge: 1800\r\n", "Cache-Control: max-age=600\r\n", 0, Reuse::revalidate},
           {"Cache-Control: max-age=60\r\n", "Cache-Control: min-fresh=50\r\n", 10, Reuse::fresh},
           {"Cache-Control: max-age=60\r\n", "Cache-Control: min-fresh=50\r\n", 11, Reuse::revalidate},
           {"Cache-Control: max-age=1\r\n", "Cache-Control: max-stale=10\r\n", 11, Reuse::max_stale},
           {"Cache-Control: max-age=1\r\n", "Cache-Control: max-stale=10\r\n", 12, Reuse::revalidate},
           {"Cache-Control: max-age=1\r\n", "Cache-Control: max-stale\r\n", 999, Reuse::max_stale},
           {"Cache-Control: max-age=1, must-revalidate\r\n", "Cache-Control: max-stale\r\n", 2, Reuse::revalidate},
           {"Cache-Control: s-maxage=1\r\n", "Cache-Control: max-stale\r\n", 2, Reuse::revalidate},
           {"Cache-Control: max-age=1, stale-while-revalidate=4\r\n", "", 4, Reuse::stale},
           {"Cache-Control: max-age=1, stale-while-revalidate=4\r\n", "", 5, Reuse::revalidate},
       }) {
    const ParsedRequest request(one.request);
    const ReuseRuling ruling = rule_reuse(stored(one.response), request_directives(request.head.fields), false,
                                          kHeard + shared::seconds(one.after));
    EXPECT_EQ(ruling.reuse, one.reuse) << one.response << one.request << one.after;
    EXPECT_EQ(ruling.reason.empty(), one.reuse != Reuse::revalidate);
  }
}

TEST(Reuse, IsStaleOnceItIsSoftlyPurged) {
  EXPECT_EQ(rule_reuse(stored("Cache-Control: max-age=60\r\n"), {}, true, kHeard).reuse, Reuse::revalidate);
  EXPECT_EQ(rule_reuse(stored("Cache-Control: max-age=60, stale-while-revalidate=9\r\n"), {}, true, kHeard).reuse,
            Reuse::stale);
}

// RFC 5861 4.
TEST(Reuse, StandsInForAnErrorWithinItsTime) {
  const Freshness kept = stored("Cache-Control: max-age=1, stale-if-error=10\r\n");
  EXPECT_TRUE(allowed_at_error(kept, false, kHeard + shared::seconds(10)));
  EXPECT_FALSE(allowed_at_error(kept, false, kHeard + shared::seconds(11)));
  EXPECT_FALSE(allowed_at_error(stored("Cache-Control: max-age=1\r\n"), false, kHeard + shared::seconds(2)));
  EXPECT_TRUE(allowed_at_error(kept, true, kHeard));
}

}  // namespace
}  // namespace edge::reuse_test
