#include "edge/serve/control/scale_calls.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "edge/serve/control/scale_message.h"
#include "shared/serve/os/log.h"
#include "tests/shared/serve/resolve/fake_lookups.h"
#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_peer.h"

namespace edge::scale_calls_test {
namespace {

using shared::test::run_for;
using shared::test::run_until;

constexpr std::string_view kKey = "0123456789abcdef";

// Bodies end as TestPeer's requests do.
std::string body(std::string_view text) { return std::string(text) + "\r\n\r\n"; }

std::string field(const std::string& request, const std::string& name) {
  const std::size_t at = request.find(name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 2;
  return request.substr(begin, request.find('\r', begin) - begin);
}

class ScaleCallsTest : public ::testing::Test {
 protected:
  void aim(const std::string& host = "127.0.0.1") {
    ScalerPlan::Webhook hook;
    hook.url = {false, host, host, peer_.endpoint().port, "/hook"};
    hook.key = kKey;
    hook.timeout = shared::seconds(20);
    calls_.set(hook);
  }
  // How many requests carried this body.
  [[nodiscard]] std::size_t told(std::string_view text) const {
    std::size_t n = 0;
    for (const auto& request : peer_.requests) n += request.ends_with("\r\n\r\n" + body(text)) ? 1 : 0;
    return n;
  }

  shared::LogCapture log_;
  shared::Loop loop_{shared::kOneThread};
  shared::test::TestPeer peer_{loop_};
  shared::NameFollower names_{loop_};
  shared::test::FakeLookups lookups_{names_};
  ScaleCalls calls_{loop_, names_};
};

TEST_F(ScaleCallsTest, TellsWithASignatureThatCanBeVerified) {
  aim();
  calls_.tell("api", body("7"));
  ASSERT_TRUE(run_until(loop_, [&] { return calls_.counts().delivered == 1; }));
  ASSERT_EQ(peer_.requests.size(), 1U);
  const std::string& request = peer_.requests[0];
  EXPECT_TRUE(request.starts_with("POST /hook HTTP/1.1\r\n")) << request;
  EXPECT_EQ(field(request, "Content-Type"), "application/json");
  EXPECT_EQ(field(request, "X-Meridian-Signature"),
            "v1=" + sign(kKey, field(request, "X-Meridian-Timestamp"), body("7")));
  EXPECT_EQ(calls_.waiting(), 0U);
}

TEST_F(ScaleCallsTest, WhatWasNotTakenIsToldAgainUntilItIs) {
  int answers = 0;
  peer_.script = [&](const std::string&) -> std::optional<std::string> {
    return ++answers == 1 ? "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" : shared::test::ok_answer();
  };
  aim();
  calls_.tell("api", body("7"));
  ASSERT_TRUE(run_until(loop_, [&] { return calls_.counts().failed == 1; }));
  EXPECT_EQ(calls_.counts().problem, "status 500");
  EXPECT_EQ(calls_.waiting(), 1U);
  ASSERT_TRUE(run_until(loop_, [&] { return calls_.counts().delivered == 1; }));
  EXPECT_EQ(told("7"), 2U);
  EXPECT_EQ(calls_.counts().problem, "");
  EXPECT_TRUE(log_.contains("event=scaler_recovered"));
}

TEST_F(ScaleCallsTest, ANewerWordStandsInThePlaceOfAnOlderOne) {
  aim();
  calls_.tell("api", body("7"));
  calls_.tell("web", body("1"));
  calls_.tell("api", body("8"));
  calls_.tell("api", body("9"));
  EXPECT_LE(calls_.waiting(), 2U) << "one for each pool, however often they change";
  ASSERT_TRUE(run_until(loop_, [&] { return calls_.waiting() == 0; }));
  EXPECT_EQ(told("8"), 0U);
  EXPECT_EQ(told("9"), 1U);
  EXPECT_EQ(told("1"), 1U);
}

TEST_F(ScaleCallsTest, OneCallAtATimeAndAPauseBehindEach) {
  aim();
  calls_.tell("api", body("1"));
  ASSERT_TRUE(run_until(loop_, [&] { return calls_.counts().delivered == 1; }));
  calls_.tell("api", body("2"));
  run_for(loop_, shared::milliseconds(300));
  EXPECT_EQ(peer_.requests.size(), 1U) << "the pause is a second";
  ASSERT_TRUE(run_until(loop_, [&] { return calls_.counts().delivered == 2; }));
}

TEST_F(ScaleCallsTest, ANameIsFollowed) {
  aim("scaler.internal");
  calls_.tell("api", body("7"));
  run_for(loop_, shared::milliseconds(50));
  EXPECT_TRUE(peer_.requests.empty()) << "nobody knows where yet";
  ASSERT_TRUE(lookups_.answer("scaler.internal", shared::ResolveFamily::any, {"127.0.0.1"}));
  ASSERT_TRUE(run_until(loop_, [&] { return calls_.counts().delivered == 1; }));
}

TEST_F(ScaleCallsTest, WhatIsForgottenIsNotToldWhenItGoesAgain) {
  peer_.script = [](const std::string&) { return std::string("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"); };
  aim();
  calls_.tell("api", body("7"));
  calls_.tell("web", body("1"));
  ASSERT_TRUE(run_until(loop_, [&] { return calls_.counts().failed >= 1; }));
  calls_.forget("api");
  calls_.forget("nobody");
  EXPECT_EQ(calls_.waiting(), 1U);
  const std::size_t before = told("7");
  peer_.script = [](const std::string&) { return std::string("HTTP/1.1 204 Yes\r\nContent-Length: 0\r\n\r\n"); };
  ASSERT_TRUE(run_until(loop_, [&] { return calls_.counts().delivered == 1; }));
  EXPECT_EQ(told("7"), before);
  EXPECT_EQ(calls_.waiting(), 0U);
}

TEST_F(ScaleCallsTest, WithoutAWebhookNobodyIsTold) {
  calls_.tell("api", body("7"));
  EXPECT_EQ(calls_.waiting(), 0U);
  peer_.script = [](const std::string&) { return std::nullopt; };
  aim();
  calls_.tell("api", body("7"));
  EXPECT_EQ(calls_.waiting(), 1U);
  calls_.set(std::nullopt);
  EXPECT_EQ(calls_.waiting(), 0U);
}

}  // namespace
}  // namespace edge::scale_calls_test
