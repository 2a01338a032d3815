#include "edge/serve/request/hints.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/edge/serve/fake_server.h"
#include "tests/edge/serve/fakes.h"

namespace edge::test::hints_test {
namespace {

const std::string kStyle = "</style.css>; rel=preload; as=style";
const std::string kScript = "</script.js>; rel=preload; as=script";

// Notes the links of each 103.
struct HintSink final : ResponseSink {
  void interim(const http::ResponseHead& head) override {
    EXPECT_EQ(head.status, 103);
    EXPECT_EQ(below.starts, 0) << "hints are of no use behind an answer";
    auto& links = hints.emplace_back();
    for (const http::Field& one : head.fields) {
      EXPECT_EQ(one.name, "Link");
      links.emplace_back(one.value);
    }
  }
  void start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) override {
    below.start(head, framing, rules);
  }
  void start(const OwnHead& head) override { below.start(head); }
  std::size_t write(std::string_view data) override { return below.write(data); }
  void end(std::string_view trailers) override { below.end(trailers); }
  Sent flush() override { return below.flush(); }
  bool failed() const override { return below.failed(); }
  bool blocked() const override { return below.blocked(); }
  std::uint64_t octets_sent() const override { return below.octets_sent(); }
  void cut() override { below.cut(); }

  FakeSink below;
  std::vector<std::vector<std::string>> hints;
};

using Hints = std::vector<std::vector<std::string>>;

class HintsTest : public testing::Test {
 protected:
  // What a client of HTTP/2 is told ahead; `links`: of the server's answer.
  Hints told(const std::string& request = get(), const std::string& links = "",
             const std::string& protocol = "HTTP/2.0") {
    FakeServer server(worker_, 0);
    FakeSource source(request);
    source.asked.protocol = protocol;
    HintSink sink;
    Served served(worker_, source, sink);
    EXPECT_FALSE(served.done());
    const Hints before = sink.hints;
    server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + links + "\r\n");
    EXPECT_TRUE(served.done());
    EXPECT_EQ(sink.below.status, 200);
    EXPECT_EQ(sink.hints, before) << "none behind the answer of a server";
    return before;
  }
  std::uint64_t counted() { return worker_.context().counters.early_hints.read(); }

  FakeWorker worker_;
};

TEST_F(HintsTest, OfARouteAreToldToGetsOfHttp2) {
  worker_.routes.front().early_hints = {kStyle, kScript};
  EXPECT_EQ(told(), (Hints{{kStyle, kScript}}));
  EXPECT_EQ(counted(), 1U);
  EXPECT_EQ(told(get(), "", "HTTP/1.1"), Hints()) << "old clients take a 103 for the answer";
  EXPECT_EQ(told("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), Hints());
  EXPECT_EQ(counted(), 1U);
}

TEST_F(HintsTest, OfNoRouteAreNone) {
  EXPECT_EQ(told(get(), "Link: " + kStyle + "\r\n"), Hints());
  EXPECT_EQ(told(), Hints()) << "nothing is learned where nobody wants it";
  EXPECT_EQ(counted(), 0U);
}

TEST_F(HintsTest, AreLearnedFromTheAnswersOfTheSameUrl) {
  worker_.routes.front().learn_early_hints = true;
  EXPECT_EQ(told(get("/a"), "Link: " + kStyle + "\r\n"), Hints()) << "nothing is known yet";
  EXPECT_EQ(told(get("/b")), Hints()) << "another page has other links";
  EXPECT_EQ(told(get("/a"), "Link: " + kScript + "\r\n"), (Hints{{kStyle}}));
  EXPECT_EQ(told(get("/a"), "", "HTTP/1.1"), Hints());
  EXPECT_EQ(told(get("/a")), Hints()) << "the last answer had none";
  EXPECT_EQ(counted(), 1U);
}

TEST_F(HintsTest, WhatTheRouteHasToldIsNotToldAgain) {
  worker_.routes.front().learn_early_hints = true;
  worker_.routes.front().early_hints = {kStyle};
  const std::string both = "Link: " + kStyle + "\r\nLink: " + kScript + "\r\n";
  EXPECT_EQ(told(get("/a"), both), (Hints{{kStyle}}));
  EXPECT_EQ(told(get("/a"), both), (Hints{{kStyle}, {kScript}}));
  EXPECT_EQ(told(get("/a"), "Link: " + kStyle + "\r\n"), (Hints{{kStyle}, {kScript}}));
  EXPECT_EQ(told(get("/a")), (Hints{{kStyle}})) << "no 103 without a link";
  EXPECT_EQ(counted(), 6U);
}

TEST_F(HintsTest, NobodyLearnsFromThePageOfOneWhoHasShownWhoHeIs) {
  worker_.routes.front().learn_early_hints = true;
  shared::TlsFacts tls;
  tls.peer_subject = "CN=alice";
  {
    FakeServer server(worker_, 0);
    FakeSource source(get("/a"));
    source.asked.protocol = "HTTP/2.0";
    source.asked.tls = &tls;
    FakeSink sink;
    Served served(worker_, source, sink);
    EXPECT_FALSE(served.done());
    server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLink: " + kStyle + "\r\n\r\n");
    EXPECT_TRUE(served.done());
  }
  EXPECT_EQ(told(get("/a")), Hints());
}

}  // namespace
}  // namespace edge::test::hints_test
