#include "dns/serve/control/edge_words.h"

#include <string>

#include <gtest/gtest.h>

namespace dns::edge_words_test {
namespace {

using shared::ProbeOutcome;

std::string reason(ProbeOutcome outcome, std::string_view why, std::string_view body) {
  shared::ProbeReport report;
  report.outcome = outcome;
  report.reason = why;
  report.body = body;
  return reason_of(report);
}

TEST(EdgeWords, TellWhatAnEdges503Said) {
  EXPECT_EQ(reason(ProbeOutcome::failure, "status 503",
                   R"({"region":"eu","state":"down","reason":"critical_pool_down","pool":"web"})"),
            "status 503: critical pool web is empty");
  EXPECT_EQ(reason(ProbeOutcome::failure, "status 503", R"({"region":"eu","state":"down","reason":"all_pools_down"})"),
            "status 503: every pool is empty");
}

TEST(EdgeWords, TellThatAnEdgeDrains) {
  EXPECT_EQ(reason(ProbeOutcome::success, "", R"({"region":"eu","state":"draining"})"), "draining");
  EXPECT_EQ(reason(ProbeOutcome::success, "", R"({"region":"eu","state":"up"})"), "");
  EXPECT_EQ(reason(ProbeOutcome::success, "", R"({ "state" : "draining" , "of_tomorrow": {} })"), "draining");
  EXPECT_EQ(reason(ProbeOutcome::success, "", R"({"state":"up","words":"\"state\":\"draining\""})"), "");
}

TEST(EdgeWords, AStrangersBytesAreNotRepeated) {
  for (const char* body : {"", "<html>", "[1]", R"({"reason":1})", R"({"reason":"a\nb"})", R"({"reason":""})",
                           R"({"state":"down","reason":"a\nb"})", R"({"state":"down","reason":"\u001b[2J"})"}) {
    EXPECT_EQ(reason(ProbeOutcome::failure, "status 500", body), "status 500") << body;
  }
  const std::string deep(10000, '[');
  EXPECT_EQ(reason(ProbeOutcome::failure, "status 500", deep), "status 500");
  EXPECT_EQ(reason(ProbeOutcome::refused, "connection refused", ""), "connection refused");
}

}  // namespace
}  // namespace dns::edge_words_test
