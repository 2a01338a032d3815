#include "edge/serve/request/spans.h"

#include <string>

#include <gtest/gtest.h>

#include "edge/core/decide/decide.h"
#include "shared/core/prefix_set.h"
#include "tests/edge/serve/fake_server.h"
#include "tests/edge/serve/fakes.h"
#include "tests/edge/serve/span_reader.h"

namespace edge::test::spans_test {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kSpan = "00f067aa0ba902b7";
constexpr std::uint64_t kServer = 2, kClient = 3, kError = 2;

class Spans : public ::testing::Test {
 protected:
  explicit Spans(std::size_t servers = 1) : worker_(servers) {
    worker_.settings.trace_share = 1;
    worker_.settings.spans.told = true;
    worker_.spans = &lane_;
  }
  void trust_everybody() {
    worker_.settings.trusted_proxies = PrefixSet(std::vector{*shared::Prefix::parse("0.0.0.0/0")});
  }
  // Served to its end, with an answer of the first server if there is one.
  void serve(FakeSource& source, FakeServer* server, std::string_view answer = {}) {
    FakeSink sink;
    source.asked.began = source.asked.head_read = worker_.context().now();
    Served served(worker_, source, sink);
    if (server != nullptr) {
      worker_.loop.poll();
      heard_ = server->heard();
      server->say(answer);
    }
    EXPECT_TRUE(served.done());
  }
  std::string sent(std::string_view name) const {
    const std::size_t at = heard_.find(std::string(name) + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 2;
    return heard_.substr(begin, heard_.find('\r', begin) - begin);
  }

  SpanLane lane_;
  FakeWorker worker_;
  std::string heard_;
};

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(Spans, ARequestIsASpanAndItsAttemptOneBelowIt) {
  FakeServer server(worker_, 0);
  FakeSource source(get("/a?secret=1", "User-Agent: caf\xE9\r\n"));
  serve(source, &server, kOk);
  const auto spans = read_spans(lane_);
  ASSERT_EQ(spans.size(), 2U);
  const ReadSpan& attempt = spans[0];
  const ReadSpan& request = spans[1];
  EXPECT_EQ(request.kind, kServer);
  EXPECT_EQ(request.parent, "");
  EXPECT_EQ(request.name, "GET /");
  EXPECT_EQ(request.of("http.request.method"), "GET");
  EXPECT_EQ(request.of("http.route"), "/");
  EXPECT_EQ(request.of("http.response.status_code"), "200");
  EXPECT_EQ(request.of("url.path"), "/a");
  EXPECT_EQ(request.of("url.query"), "") << "it may hold secrets";
  EXPECT_EQ(request.of("server.address"), "shop.example");
  EXPECT_EQ(request.of("client.address"), "198.51.100.7");
  EXPECT_EQ(request.of("network.protocol.version"), "1.1");
  EXPECT_EQ(request.of("user_agent.original"), "caf\xC3\xA9");
  EXPECT_EQ(request.status, 0U);
  EXPECT_EQ(attempt.kind, kClient);
  EXPECT_EQ(attempt.trace, request.trace);
  EXPECT_EQ(attempt.parent, request.span);
  EXPECT_EQ(attempt.of("meridian.server"), "web0");
  EXPECT_EQ(attempt.of("meridian.pool"), "web");
  EXPECT_EQ(attempt.of("meridian.attempt"), "first");
  EXPECT_EQ(attempt.of("meridian.outcome"), "answered");
  EXPECT_EQ(attempt.of("meridian.connection"), "kept");
  EXPECT_EQ(attempt.of("url.full"), "http://127.0.0.1:1/a");
  EXPECT_EQ(attempt.of("http.request.resend_count"), "");
  EXPECT_EQ(sent("traceparent"), "00-" + request.trace + "-" + attempt.span + "-01");
  EXPECT_LE(request.began, attempt.began);
  EXPECT_LE(attempt.began, attempt.ended);
  EXPECT_LE(attempt.ended, request.ended);
}

TEST_F(Spans, ATrustedClientsSpanIsTheParent) {
  trust_everybody();
  FakeServer server(worker_, 0);
  FakeSource source(get("/", "traceparent: 00-" + kTrace + "-" + kSpan + "-01\r\ntracestate: a=b\r\n"));
  serve(source, &server, kOk);
  const auto spans = read_spans(lane_);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[1].trace, kTrace);
  EXPECT_EQ(spans[1].parent, kSpan);
  EXPECT_EQ(spans[1].state, "a=b");
  EXPECT_EQ(spans[1].flags, 0x301U);
  EXPECT_EQ(spans[0].flags, 0x101U) << "its parent is of this program";
}

TEST_F(Spans, OneWhomNobodyTrustsBeginsATraceOfItsOwn) {
  FakeServer server(worker_, 0);
  FakeSource source(get("/", "traceparent: 00-" + kTrace + "-" + kSpan + "-01\r\n"));
  serve(source, &server, kOk);
  const auto spans = read_spans(lane_);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_NE(spans[1].trace, kTrace);
  EXPECT_EQ(spans[1].parent, "");
}

TEST_F(Spans, WhatIsNotRecordedIsNotTold) {
  trust_everybody();
  FakeServer server(worker_, 0);
  FakeSource source(get("/", "traceparent: 00-" + kTrace + "-" + kSpan + "-00\r\n"));
  serve(source, &server, kOk);
  EXPECT_TRUE(read_spans(lane_).empty());
  EXPECT_TRUE(sent("traceparent").ends_with("-00")) << heard_;
}

TEST_F(Spans, WithoutACollectorNobodyIsTold) {
  worker_.settings.spans.told = false;
  FakeServer server(worker_, 0);
  FakeSource source(get("/"));
  serve(source, &server, kOk);
  EXPECT_TRUE(read_spans(lane_).empty());
  EXPECT_TRUE(sent("traceparent").ends_with("-01")) << heard_;
}

TEST_F(Spans, AnErrorOfTheServerIsOneOfBothSpans) {
  FakeServer server(worker_, 0);
  FakeSource source(get("/"));
  serve(source, &server, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
  const auto spans = read_spans(lane_);
  ASSERT_EQ(spans.size(), 2U);
  for (const ReadSpan& span : spans) {
    EXPECT_EQ(span.of("http.response.status_code"), "503");
    EXPECT_EQ(span.of("error.type"), "503");
    EXPECT_EQ(span.status, kError);
  }
}

TEST_F(Spans, AnErrorOfTheClientIsOneOfTheAttemptAlone) {
  FakeServer server(worker_, 0);
  FakeSource source(get("/"));
  serve(source, &server, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
  const auto spans = read_spans(lane_);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].of("error.type"), "404");
  EXPECT_EQ(spans[0].status, kError);
  EXPECT_EQ(spans[1].of("error.type"), "");
  EXPECT_EQ(spans[1].status, 0U);
}

TEST_F(Spans, AnAnswerOfTheEdgeHasNoAttempt) {
  worker_.add_route("/fixed", Respond{.status = 200, .body = "x"});
  FakeSource source(get("/fixed"));
  serve(source, nullptr);
  const auto spans = read_spans(lane_);
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].name, "GET /fixed");
  EXPECT_EQ(spans[0].of("http.response.status_code"), "200");
  EXPECT_EQ(spans[0].of("meridian.pool"), "");
}

TEST_F(Spans, ProbesOfTheHealthPageAreNotTold) {
  FakeSource source(get(kHealthPath));
  serve(source, nullptr);
  EXPECT_TRUE(read_spans(lane_).empty());
}

TEST_F(Spans, ServersThatAreGoneAreAttemptsThatFailed) {
  FakeSource source(get("/"));  // nobody listens there
  serve(source, nullptr);
  const auto spans = read_spans(lane_);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].of("meridian.outcome"), "failed");
  EXPECT_EQ(spans[0].of("error.type"), "connect_refused");
  EXPECT_EQ(spans[0].of("http.response.status_code"), "");
  EXPECT_EQ(spans[1].of("http.response.status_code"), "502");
  EXPECT_EQ(spans[1].of("error.type"), "connect_refused");
  EXPECT_EQ(spans[1].status, kError);
}

TEST_F(Spans, AMethodThatNobodyKnowsIsNoName) {
  FakeSource source("BREW / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  serve(source, nullptr);
  const auto spans = read_spans(lane_);
  ASSERT_FALSE(spans.empty());
  EXPECT_EQ(spans.back().name, "HTTP /");
  EXPECT_EQ(spans.back().of("http.request.method"), "_OTHER");
  EXPECT_EQ(spans.back().of("http.request.method_original"), "BREW");
}

class SpansOfTwo : public Spans {
 protected:
  SpansOfTwo() : Spans(2) {}
};

TEST_F(SpansOfTwo, ARetryIsASpanOfItsOwnWithItsOwnTraceparent) {
  worker_.pool.retry.attempts = 2;
  FakeServer first(worker_, 0);
  FakeServer second(worker_, 1);
  FakeSource source(get("/"));
  FakeSink sink;
  source.asked.began = source.asked.head_read = worker_.context().now();
  Served served(worker_, source, sink);
  worker_.loop.poll();
  FakeServer* servers[] = {&first, &second};
  std::string heard[] = {first.heard(), second.heard()};
  const std::size_t asked = heard[0].empty() ? 1 : 0;
  servers[asked]->say("HTTP/1.1 2");
  servers[asked]->end.reset();  // cut off within the head: nobody has noticed
  for (int turn = 0; turn < 50; ++turn) worker_.loop.poll();
  heard[1 - asked] = servers[1 - asked]->heard();
  servers[1 - asked]->say(kOk);
  ASSERT_TRUE(served.done());
  const auto spans = read_spans(lane_);
  ASSERT_EQ(spans.size(), 3U);
  EXPECT_EQ(spans[0].of("meridian.attempt"), "first");
  EXPECT_EQ(spans[0].of("meridian.outcome"), "failed");
  EXPECT_EQ(spans[1].of("meridian.attempt"), "retry");
  EXPECT_EQ(spans[1].of("http.request.resend_count"), "1");
  EXPECT_EQ(spans[1].of("meridian.outcome"), "answered");
  EXPECT_EQ(spans[2].of("meridian.attempts"), "2");
  EXPECT_NE(spans[0].span, spans[1].span);
  EXPECT_EQ(spans[0].parent, spans[2].span);
  EXPECT_EQ(spans[1].parent, spans[2].span);
  EXPECT_NE(heard[asked].find(spans[0].span), std::string::npos);
  EXPECT_NE(heard[1 - asked].find(spans[1].span), std::string::npos);
}

}  // namespace
}  // namespace edge::test::spans_test
