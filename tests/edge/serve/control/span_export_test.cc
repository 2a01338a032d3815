#include "edge/serve/control/span_export.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "shared/core/protobuf.h"
#include "shared/serve/os/log.h"
#include "tests/shared/serve/resolve/fake_lookups.h"
#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_peer.h"

namespace edge::span_export_test {
namespace {

using shared::test::ok_answer;
using shared::test::run_for;
using shared::test::run_until;

std::string answer(std::string_view status, std::string_view more = {}) {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(more) + "Content-Length: 0\r\n\r\n";
}

class SpanExportTest : public ::testing::Test {
 protected:
  SpanExportTest() {
    spans_.make_lanes(2);
    plan_.url = {false, "127.0.0.1", "127.0.0.1", peer_.endpoint().port, "/v1/traces"};
    plan_.headers = {{"Authorization", "Bearer x"}};
    plan_.timeout = shared::seconds(20);
    plan_.batch = 10;
    plan_.delay = shared::milliseconds(100);
    plan_.queue = 1 << 20;
    plan_.service = "meridian-edge";
    peer_.script = [](const std::string&) { return ok_answer(""); };
  }
  void use() { spans_.set(plan_, {{"meridian.region", "eu"}}, "1.2.3"); }
  void tell(std::string_view name, std::size_t worker = 0) {
    static_cast<void>(spans_.lane(worker).begin(
        {.trace = "4bf92f3577b34da6a3ce929d0e0e4736", .span = "00f067aa0ba902b7", .name = name}));
    spans_.lane(worker).end();
  }
  [[nodiscard]] std::size_t told(std::string_view text) const {
    std::size_t n = 0;
    for (const auto& request : peer_.requests) n += request.find(text) != std::string::npos ? 1 : 0;
    return n;
  }
  [[nodiscard]] const SpanExport::Counts& counts() const { return spans_.counts(); }

  shared::LogCapture log_;
  shared::Loop loop_{shared::kOneThread};
  shared::test::TestPeer peer_{loop_};
  shared::NameFollower names_{loop_};
  shared::test::FakeLookups lookups_{names_};
  SpanExport spans_{loop_, names_};
  OtlpPlan plan_;
};

TEST_F(SpanExportTest, PostsBatchesWithWhoTellsThem) {
  use();
  tell("one", 0);
  tell("two", 1);
  ASSERT_TRUE(run_until(loop_, [&] { return counts().exported == 2; }));
  ASSERT_EQ(peer_.requests.size(), 1U);
  const std::string& request = peer_.requests[0];
  EXPECT_TRUE(request.starts_with("POST /v1/traces HTTP/1.1\r\n")) << request;
  for (const std::string_view part : {"Content-Type: application/x-protobuf\r\n", "Authorization: Bearer x\r\n",
                                      "User-Agent: meridian-edge/1.2.3\r\n", "meridian.region", "service.name"}) {
    EXPECT_NE(request.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(told("one"), 1U);
  EXPECT_EQ(told("two"), 1U);
  EXPECT_EQ(spans_.waiting(), 0U);
  EXPECT_EQ(spans_.waiting_octets(), 0U);
}

TEST_F(SpanExportTest, ABatchHasNoMoreSpansThanItMay) {
  use();
  for (int i = 0; i < 25; ++i) tell("span");
  ASSERT_TRUE(run_until(loop_, [&] { return counts().exported == 25; }));
  EXPECT_EQ(peer_.requests.size(), 3U);
  EXPECT_EQ(counts().calls, 3U);
}

TEST_F(SpanExportTest, ABatchIsASmallPartOfWhatMayWait) {
  plan_.batch = 100;
  plan_.queue = 3000;
  use();
  for (int i = 0; i < 50; ++i) tell("span");
  ASSERT_TRUE(run_until(loop_, [&] { return counts().exported + counts().queue_full == 50; }));
  EXPECT_GE(counts().exported, 10U);
}

TEST_F(SpanExportTest, WhatCouldNotBeTakenNowIsSentAgain) {
  int answers = 0;
  peer_.script = [&](const std::string&) { return ++answers == 1 ? answer("503 Later") : ok_answer(""); };
  use();
  tell("kept");
  ASSERT_TRUE(run_until(loop_, [&] { return counts().failures == 1; }));
  EXPECT_EQ(counts().problem, "status 503");
  EXPECT_EQ(spans_.waiting(), 1U);
  ASSERT_TRUE(run_until(loop_, [&] { return counts().exported == 1; }));
  EXPECT_EQ(told("kept"), 2U);
  EXPECT_EQ(counts().problem, "");
  EXPECT_TRUE(log_.contains("event=spans_not_told"));
  EXPECT_TRUE(log_.contains("event=spans_told"));
}

TEST_F(SpanExportTest, RetryAfterIsHeeded) {
  int answers = 0;
  peer_.script = [&](const std::string&) {
    return ++answers == 1 ? answer("429 Later", "Retry-After: 3\r\n") : ok_answer("");
  };
  use();
  tell("kept");
  ASSERT_TRUE(run_until(loop_, [&] { return counts().failures == 1; }));
  run_for(loop_, shared::milliseconds(1800));  // longer than the pause without it
  EXPECT_EQ(peer_.requests.size(), 1U);
  ASSERT_TRUE(run_until(loop_, [&] { return counts().exported == 1; }));
}

TEST_F(SpanExportTest, WhatWillNotBeTakenIsDropped) {
  peer_.script = [](const std::string&) { return answer("400 Bad"); };
  use();
  tell("bad");
  tell("bad");
  ASSERT_TRUE(run_until(loop_, [&] { return counts().refused == 2; }));
  EXPECT_EQ(spans_.waiting(), 0U);
  EXPECT_EQ(counts().exported, 0U);
  peer_.script = [](const std::string&) { return ok_answer(""); };
  tell("good");
  ASSERT_TRUE(run_until(loop_, [&] { return counts().exported == 1; }));
}

TEST_F(SpanExportTest, WhatACollectorRejectsIsCounted) {
  std::string partial;
  shared::protobuf::put_number(partial, 1, 1);
  shared::protobuf::put_octets(partial, 2, "too old");
  std::string body;
  shared::protobuf::put_octets(body, 1, partial);
  peer_.script = [body](const std::string&) { return ok_answer(body); };
  use();
  tell("one");
  tell("two");
  ASSERT_TRUE(run_until(loop_, [&] { return counts().rejected == 1; }));
  EXPECT_EQ(counts().exported, 1U);
  EXPECT_TRUE(log_.contains("too old"));
  run_for(loop_, shared::milliseconds(300));
  EXPECT_EQ(peer_.requests.size(), 1U) << "it is not sent again";
}

TEST_F(SpanExportTest, WhileTheCollectorIsAwayTheOldestGo) {
  peer_.refuse();
  plan_.queue = 3000;
  use();
  for (int i = 0; i < 100; ++i) tell("old");
  ASSERT_TRUE(run_until(loop_, [&] { return counts().queue_full > 0; }));
  EXPECT_LE(spans_.waiting_octets(), 3000U);
  tell("newest");
  run_for(loop_, shared::milliseconds(300));
  EXPECT_LE(spans_.waiting_octets(), 3000U);
  peer_.listen_again();
  ASSERT_TRUE(run_until(loop_, [&] { return spans_.waiting() == 0; }));
  EXPECT_EQ(told("newest"), 1U);
  EXPECT_EQ(counts().exported + counts().queue_full, 101U);
}

TEST_F(SpanExportTest, ANameIsFollowed) {
  plan_.url.host = "collector.internal";
  use();
  tell("one");
  run_for(loop_, shared::milliseconds(300));
  EXPECT_TRUE(peer_.requests.empty()) << "nobody knows where yet";
  ASSERT_TRUE(lookups_.answer("collector.internal", shared::ResolveFamily::any, {"127.0.0.1"}));
  ASSERT_TRUE(run_until(loop_, [&] { return counts().exported == 1; }));
}

TEST_F(SpanExportTest, CompressesWhereThatIsWanted) {
  plan_.gzip = true;
  use();
  for (int i = 0; i < 10; ++i) tell("the same again and again");
  ASSERT_TRUE(run_until(loop_, [&] { return counts().exported == 10; }));
  EXPECT_EQ(told("Content-Encoding: gzip\r\n"), 1U);
  EXPECT_EQ(told("again and again"), 0U);
  EXPECT_EQ(told("\x1F\x8B"), 1U);
}

TEST_F(SpanExportTest, TheRestIsSentBeforeTheProcessEnds) {
  plan_.delay = shared::seconds(60);
  use();
  tell("last");
  run_for(loop_, shared::milliseconds(300));
  EXPECT_TRUE(peer_.requests.empty());
  bool done = false;
  spans_.finish([&] { done = true; });
  ASSERT_TRUE(run_until(loop_, [&] { return done; }));
  EXPECT_EQ(counts().exported, 1U);
}

TEST_F(SpanExportTest, ACollectorThatIsSilentDoesNotHoldTheEnd) {
  peer_.script = [](const std::string&) { return std::nullopt; };
  use();
  tell("last");
  bool done = false;
  spans_.finish([&] { done = true; });
  ASSERT_TRUE(run_until(loop_, [&] { return done; }));
  EXPECT_EQ(counts().exported, 0U);
}

TEST_F(SpanExportTest, WithoutACollectorNothingWaits) {
  bool done = false;
  spans_.finish([&] { done = true; });
  EXPECT_TRUE(done);
  peer_.script = [](const std::string&) { return std::nullopt; };
  use();
  tell("one");
  ASSERT_TRUE(run_until(loop_, [&] { return spans_.waiting() == 1; }));
  spans_.set(std::nullopt, {}, "1.2.3");
  EXPECT_EQ(spans_.waiting(), 0U);
  EXPECT_FALSE(spans_.enabled());
}

}  // namespace
}  // namespace edge::span_export_test
