#include "shared/serve/client/http_client.h"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/shared/serve/run_until.h"
#include "tests/shared/serve/test_peer.h"

namespace shared::http_client_test {
namespace {

using test::ok_answer;
using test::run_for;
using test::run_until;
using test::TestPeer;

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClient& client(std::optional<ClientTls> tls = std::nullopt) {
    if (!client_)
      client_ = std::make_unique<HttpClient>(loop_, contexts_, HttpServer{peer_.endpoint(), std::move(tls)});
    return *client_;
  }

  static HttpCall get(Duration timeout = seconds(20)) {
    HttpCall call;
    call.request.host = "peer.example:80";
    call.timeout = timeout;
    return call;
  }
  static HttpCall post() {
    HttpCall call = get();
    call.request.method = http::Method::post;
    return call;
  }

  // The body of the answer, or the error.
  void ask(HttpCall call) {
    client_->call(std::move(call), [this](const Result<HttpAnswer>& answer) {
      told_.push_back(answer ? std::to_string(answer->status) + " " + answer->body : answer.error().message);
    });
  }
  std::string asked(HttpCall call) {
    const std::size_t before = told_.size();
    ask(std::move(call));
    EXPECT_EQ(told_.size(), before) << "never from within";
    EXPECT_TRUE(run_until(loop_, [&] { return told_.size() > before; }));
    return told_.back();
  }

  Loop loop_{kOneThread};
  TestPeer peer_{loop_};
  ClientTlsContexts contexts_;
  std::unique_ptr<HttpClient> client_;
  std::vector<std::string> told_;
};

TEST_F(HttpClientTest, AsksAgainOnTheConnectionThatItKeeps) {
  client();
  EXPECT_EQ(asked(get()), "200 {}");
  HttpCall call = post();
  call.request.target = "/hook?a=1";
  call.request.fields = {{"Authorization", "Bearer x"}};
  call.request.body = "[1]\r\n\r\n";
  EXPECT_EQ(asked(call), "200 {}");
  EXPECT_EQ(peer_.accepted, 1U);
  EXPECT_EQ(peer_.requests[0], "GET / HTTP/1.1\r\nHost: peer.example:80\r\n\r\n");
  EXPECT_EQ(peer_.requests[1],
            "POST /hook?a=1 HTTP/1.1\r\nHost: peer.example:80\r\nAuthorization: Bearer x\r\nContent-Length: "
            "7\r\n\r\n[1]\r\n\r\n");
}

TEST_F(HttpClientTest, CallsAreAnsweredInTheirOrder) {
  peer_.script = [&](const std::string& request) { return ok_answer(request.substr(5, 1)); };
  client();
  for (const char* target : {"/1", "/2", "/3"}) {
    HttpCall call = get();
    call.request.target = target;
    ask(std::move(call));
  }
  ASSERT_TRUE(run_until(loop_, [&] { return told_.size() == 3; }));
  EXPECT_EQ(told_, (std::vector<std::string>{"200 1", "200 2", "200 3"}));
  EXPECT_EQ(peer_.accepted, 1U);
}

TEST_F(HttpClientTest, AnyStatusIsAnAnswerAndCloseIsHonoured) {
  peer_.script = [](const std::string&) { return "HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\nlater"; };
  peer_.after = TestPeer::After::close;
  client();
  EXPECT_EQ(asked(get()), "503 later");
  EXPECT_EQ(asked(get()), "503 later");
  EXPECT_EQ(peer_.accepted, 2U);
}

TEST_F(HttpClientTest, TellsWhatWentWrong) {
  client();
  peer_.script = [](const std::string&) { return "SSH-2.0\r\n"; };
  EXPECT_EQ(asked(get()), "bad answer: no HTTP status line");
  peer_.script = [](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"; };
  peer_.after = TestPeer::After::close;
  EXPECT_EQ(asked(get()), "connection closed");
  peer_.refuse();
  EXPECT_EQ(asked(get()), "connection refused");
}

TEST_F(HttpClientTest, AnAnswerIsBounded) {
  peer_.script = [](const std::string&) { return ok_answer(std::string(5000, 'x')); };
  client();
  HttpCall call = get();
  call.limits.body = 4999;
  EXPECT_EQ(asked(call), "bad answer: the body is too large");
  call.limits.body = 5000;
  call.limits.kept = 3;
  EXPECT_EQ(asked(call), "200 xxx");
}

TEST_F(HttpClientTest, TheDeadlineCountsFromTheCall) {
  peer_.script = [](const std::string&) { return std::nullopt; };
  client();
  ask(get(milliseconds(40)));
  ask(get(milliseconds(41)));
  ASSERT_TRUE(run_until(loop_, [&] { return told_.size() == 2; }));
  EXPECT_EQ(told_, (std::vector<std::string>{"no answer in 40 ms", "no answer in 41 ms"}));
  peer_.script = [](const std::string&) { return ok_answer("late"); };
  EXPECT_EQ(asked(get()), "200 late") << "on a connection of its own";
}

TEST_F(HttpClientTest, WhoWaitsBehindASlowCallIsToldInTime) {
  bool silent = true;
  peer_.script = [&](const std::string&) { return silent ? std::nullopt : std::optional(ok_answer("third")); };
  client();
  ask(get());
  ask(get(milliseconds(30)));
  ask(get());
  ASSERT_TRUE(run_until(loop_, [&] { return told_.size() == 1; }));
  EXPECT_EQ(told_[0], "no answer in 30 ms");
  peer_.say_to_all(ok_answer("first"));
  silent = false;
  ASSERT_TRUE(run_until(loop_, [&] { return told_.size() == 3; }));
  EXPECT_EQ(told_[1], "200 first");
  EXPECT_EQ(told_[2], "200 third");
}

TEST_F(HttpClientTest, AKeptConnectionThatEndedIsReplaced) {
  client();
  EXPECT_EQ(asked(get()), "200 {}");
  peer_.end_all(TestPeer::Ending::close);
  run_for(loop_, milliseconds(20));
  EXPECT_EQ(asked(post()), "200 {}");
  peer_.say_to_all("HTTP/1.1 408 Timeout\r\n\r\n");
  run_for(loop_, milliseconds(20));
  EXPECT_EQ(asked(get()), "200 {}") << "and not the 408 that nobody asked for";
  EXPECT_EQ(peer_.accepted, 3U);
}

TEST_F(HttpClientTest, WhatCanDoNoHarmIsSentAgainOnce) {
  client();
  EXPECT_EQ(asked(get()), "200 {}");
  int cut = 1;
  peer_.script = [&](const std::string&) -> std::optional<std::string> {
    if (cut == 0) return ok_answer("again");
    --cut;
    peer_.end_all(TestPeer::Ending::reset);
    return std::nullopt;
  };
  EXPECT_EQ(asked(get()), "200 again");
  cut = 2;
  EXPECT_EQ(asked(get()), "connection closed");
  cut = 0;
  EXPECT_EQ(asked(get()), "200 again");
  cut = 1;
  EXPECT_EQ(asked(post()), "connection closed") << "it may have been done";
  cut = 1;
  EXPECT_EQ(asked(get()), "connection closed") << "on a new connection it is no accident";
}

TEST_F(HttpClientTest, SpeaksTls) {
  const std::string authority = peer_.use_tls("peer.example");
  client(ClientTls{true, std::make_shared<const std::string>(authority), {}});
  EXPECT_EQ(asked(get()), "200 {}");
  EXPECT_EQ(peer_.server_name, "peer.example");
  HttpCall call = get();
  call.request.host = "other.example";
  client_ = nullptr;
  client(ClientTls{true, std::make_shared<const std::string>(authority), {}});
  EXPECT_NE(asked(call).find("certificate verify failed"), std::string::npos);
}

TEST_F(HttpClientTest, TooManyCallsAreToldSo) {
  peer_.script = [](const std::string&) { return std::nullopt; };
  client();
  for (std::size_t i = 0; i < HttpClient::kMostWaiting; ++i) ask(get());
  EXPECT_EQ(asked(get()), "too many calls wait for this server");
}

TEST_F(HttpClientTest, NothingIsToldAfterItIsGone) {
  client();
  ask(get());
  ASSERT_TRUE(run_until(loop_, [&] { return peer_.requests.size() == 1; }));
  client_ = nullptr;
  run_for(loop_, milliseconds(20));
  EXPECT_TRUE(told_.empty());
  client();
  client_->call(get(), [this](const Result<HttpAnswer>&) {
    client_ = nullptr;
    told_.emplace_back("gone");
  });
  EXPECT_TRUE(run_until(loop_, [&] { return !told_.empty(); }));
}

TEST_F(HttpClientTest, WhoIsToldMayCallAgain) {
  client();
  client_->call(get(), [this](const Result<HttpAnswer>&) { ask(get()); });
  EXPECT_TRUE(run_until(loop_, [&] { return told_.size() == 1; }));
  EXPECT_EQ(peer_.accepted, 1U);
}

}  // namespace
}  // namespace shared::http_client_test
