// Copies of requests, with servers whose ends the test holds; test_mirror.py has the rest.
#include "edge/serve/request/mirror.h"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/edge/serve/fake_server.h"

namespace edge::test::mirror_test {
namespace {

constexpr std::string_view kMark = "X-Meridian-Mirror: 1\r\n";

class MirrorTest : public testing::Test {
 protected:
  MirrorTest() {
    rule_.pool = PoolId{0};
    rule_.max_body = 10;
    rule_.max_in_flight = 2;
    rule_.live = live_;
    worker_.routes.front().mirror = std::make_shared<const MirrorRule>(rule_);
  }
  // By a rule that differs. REQUIRES: nothing was served yet.
  template <class Change>
  void rule(Change change) {
    change(rule_);
    worker_.routes.front().mirror = std::make_shared<const MirrorRule>(rule_);
  }
  void turns() {
    for (int i = 0; i < 20; ++i) worker_.loop.poll();
  }
  // What came of the next request and of its copy; a kept connection is there for each.
  struct Pair {
    std::string request, copy;
  };
  Pair serve(FakeSource& source) {
    FakeServer one(worker_, 0);
    FakeServer two(worker_, 0);
    FakeSink sink;
    Served served(worker_, source, sink);
    turns();
    Pair heard{one.heard(), two.heard()};
    if (heard.request.find(kMark) != std::string::npos || heard.request.empty()) std::swap(heard.request, heard.copy);
    one.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    two.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(served.done());
    EXPECT_EQ(sink.status, 200);
    turns();
    one.end.reset();
    two.end.reset();
    turns();
    return heard;
  }
  Pair serve(const std::string& head) {
    FakeSource source(head);
    return serve(source);
  }

  FakeWorker worker_;
  MirrorRule rule_;
  std::shared_ptr<MirrorLive> live_ = std::make_shared<MirrorLive>();
};

TEST_F(MirrorTest, ACopyHasTheHeadAndIsMarked) {
  const Pair heard = serve(get("/item?a=1", "X-Own: yes\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 1\r\n"));
  EXPECT_TRUE(heard.request.starts_with("GET /item?a=1 HTTP/1.1\r\n")) << heard.request;
  EXPECT_EQ(heard.request.find(kMark), std::string::npos);
  EXPECT_TRUE(heard.copy.starts_with("GET /item?a=1 HTTP/1.1\r\n")) << heard.copy;
  EXPECT_NE(heard.copy.find(kMark), std::string::npos);
  EXPECT_NE(heard.copy.find("X-Own: yes\r\n"), std::string::npos);
  EXPECT_NE(heard.copy.find("X-Forwarded-For: 198.51.100.7\r\n"), std::string::npos);
  EXPECT_EQ(heard.copy.find("X-Hop"), std::string::npos);
  EXPECT_EQ(heard.copy.find("Keep-Alive"), std::string::npos);
  EXPECT_EQ(heard.copy.find("Content-Length"), std::string::npos) << "there is no body";
  EXPECT_EQ(live_->sent, 1U);
  EXPECT_EQ(live_->answered, 1U);
  EXPECT_EQ(live_->failed, 0U);
  EXPECT_EQ(live_->in_flight, 0U);
}

TEST_F(MirrorTest, ACopyIsNotCopied) {
  const Pair heard = serve(get("/", "x-meridian-mirror: 1\r\n"));
  EXPECT_TRUE(heard.copy.empty());
  EXPECT_EQ(live_->sent, 0U);
}

TEST_F(MirrorTest, ABodyIsCopiedUpToWhatTheRuleAllows) {
  FakeSource source("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
  source.body = "0123456789";
  const Pair heard = serve(source);
  EXPECT_TRUE(heard.copy.ends_with("\r\n\r\n0123456789")) << heard.copy;
  EXPECT_NE(heard.copy.find("Content-Length: 10\r\n"), std::string::npos);
  EXPECT_EQ(heard.copy.find("Expect"), std::string::npos);
  EXPECT_TRUE(heard.request.ends_with("0123456789"));
  EXPECT_EQ(live_->answered, 1U);
}

TEST_F(MirrorTest, OneThatSaysItIsLargerIsNotBegun) {
  FakeSource source("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 11\r\n\r\n");
  source.body = "0123456789a";
  const Pair heard = serve(source);
  EXPECT_TRUE(heard.copy.empty());
  EXPECT_TRUE(heard.request.ends_with("0123456789a"));
  EXPECT_EQ(live_->too_large, 1U);
  EXPECT_EQ(live_->sent, 0U);
}

TEST_F(MirrorTest, OneThatTurnsOutLargerIsGivenUp) {
  FakeSource source("POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n");
  source.body = "0123456789a";
  const Pair heard = serve(source);
  EXPECT_TRUE(heard.copy.empty());
  EXPECT_EQ(live_->too_large, 1U);
  EXPECT_EQ(live_->in_flight, 0U);
  EXPECT_EQ(live_->broken, 0U);
}

TEST_F(MirrorTest, AChunkedBodyGoesWithItsLength) {
  FakeSource source("POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\nTrailer: X-Last\r\n\r\n");
  source.body = "abc";
  const Pair heard = serve(source);
  EXPECT_NE(heard.copy.find("Content-Length: 3\r\n"), std::string::npos) << heard.copy;
  EXPECT_EQ(heard.copy.find("Transfer-Encoding"), std::string::npos);
  EXPECT_EQ(heard.copy.find("Trailer"), std::string::npos);
  EXPECT_TRUE(heard.copy.ends_with("\r\n\r\nabc"));
}

TEST_F(MirrorTest, WhoTakesTrailersSaysSoToItsMirrorToo) {
  const Pair heard = serve(get("/", "TE: trailers\r\nConnection: TE\r\n"));
  EXPECT_NE(heard.copy.find("TE: trailers\r\n"), std::string::npos) << heard.copy;
}

// Its length is the last of its fields: without it the body would be the next request to the mirror's server.
TEST_F(MirrorTest, TheFullestHeadIsCopiedToItsEnd) {
  for (const std::size_t fields : {99U, 100U}) {
    std::string head = "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4\r\n";
    for (std::size_t i = 2; i < fields; ++i) head += "X-" + std::to_string(i) + ": y\r\n";
    FakeSource source(head + "\r\n");
    source.body = "abcd";
    const Pair heard = serve(source);
    EXPECT_TRUE(heard.request.ends_with("\r\n\r\nabcd"));
    EXPECT_NE(heard.copy.find("Content-Length: 4\r\n"), std::string::npos) << fields;
    EXPECT_TRUE(heard.copy.ends_with("\r\n\r\nabcd")) << heard.copy;
  }
  EXPECT_EQ(live_->sent, 2U);
  EXPECT_EQ(live_->answered, 2U);
  EXPECT_EQ(live_->too_large, 0U);
  EXPECT_EQ(live_->in_flight, 0U);
}

TEST_F(MirrorTest, AClientThatLeavesInsideItsBodyIsNotCopied) {
  FakeSource source("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 10\r\n\r\n");
  source.body = "0123";
  source.whole = false;
  {
    FakeServer server(worker_, 0);
    FakeSink sink;
    Served served(worker_, source, sink);
    turns();
    EXPECT_EQ(live_->in_flight, 1U);
    EXPECT_EQ(live_->sent, 0U);
    source.what_failed = BodyFailure::truncated;
    served.waiter().wake();
    EXPECT_TRUE(served.done());
  }
  EXPECT_EQ(live_->broken, 1U);
  EXPECT_EQ(live_->in_flight, 0U);
}

TEST_F(MirrorTest, NoMoreAreOutThanTheRuleAllows) {
  live_->in_flight = 1;
  EXPECT_FALSE(serve(get("/")).copy.empty());
  live_->in_flight = 2;
  EXPECT_TRUE(serve(get("/")).copy.empty());
  EXPECT_EQ(live_->too_many, 1U);
  EXPECT_EQ(live_->in_flight, 2U);
}

TEST_F(MirrorTest, AFailureIsCountedAndTouchesNobody) {
  FakeServer one(worker_, 0);
  FakeServer two(worker_, 0);
  FakeSource source(get("/"));
  FakeSink sink;
  Served served(worker_, source, sink);
  turns();
  const bool first_is_copy = one.heard().find(kMark) != std::string::npos;
  FakeServer& copies = first_is_copy ? one : two;
  FakeServer& requests = first_is_copy ? two : one;
  copies.say("HTTP/1.1 500 Broken\r\nContent-Length: 1\r\n\r\n-");
  requests.say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n+");
  EXPECT_TRUE(served.done());
  turns();
  EXPECT_EQ(sink.body, "+");
  EXPECT_EQ(live_->failed, 1U);
  EXPECT_EQ(live_->answered, 0U);
}

TEST_F(MirrorTest, AShareIsDrawn) {
  rule([](MirrorRule& rule) { rule.share = 0.25; });
  int copies = 0;
  for (int i = 0; i < 400; ++i) copies += serve(get("/")).copy.empty() ? 0 : 1;
  EXPECT_GT(copies, 60);
  EXPECT_LT(copies, 140);
}

// A worker that ends begins none: neither its connections nor its memory are there for it.
TEST_F(MirrorTest, OneThatHasNotBegunWhenItsWorkerEndsIsGone) {
  FakeServer one(worker_, 0);
  FakeServer two(worker_, 0);
  FakeSource source(get("/"));
  FakeSink sink;
  {
    const Served served(worker_, source, sink);
    EXPECT_EQ(live_->in_flight, 1U);
    worker_.context().mirrors->clear();
    EXPECT_EQ(live_->in_flight, 0U);
    turns();
    EXPECT_EQ(live_->sent, 0U);
  }
}

}  // namespace
}  // namespace edge::test::mirror_test
