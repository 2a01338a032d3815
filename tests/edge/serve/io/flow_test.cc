// Octets of one stream go to another, with their end, plain and under a layer; what blocks holds the source back.
#include "edge/serve/io/flow.h"

#include <csignal>

#include "tests/edge/serve/sealed.h"

namespace edge::test::flow_test {
namespace {

using Step = Flow::Step;

class PlainFlow : public testing::Test {
 protected:
  PlainFlow() { std::signal(SIGPIPE, SIG_IGN); }

  shared::WorkerLoop loop_;
  StreamPair from_{loop_};
  StreamPair to_{loop_};
  Scratch scratch_;
  PipePool pipes_;
  Flow flow_{Flow::Ends{from_.near, to_.near, scratch_, pipes_}};
};

TEST_F(PlainFlow, OctetsAndTheirEndPassOn) {
  EXPECT_EQ(flow_.advance(), Step::waiting);
  from_.peer.send("hello");
  ASSERT_TRUE(from_.until([&] { return flow_.advance() == Step::waiting && flow_.moved() == 5; }));
  EXPECT_EQ(to_.peer.receive(), "hello");
  EXPECT_FALSE(flow_.holds());
  from_.peer.send("bye");
  from_.peer.close();
  ASSERT_TRUE(from_.until([&] { return flow_.advance() == Step::done; }));
  EXPECT_EQ(to_.peer.receive(), "bye");
  EXPECT_EQ(to_.peer.receive(), "");
  EXPECT_EQ(flow_.advance(), Step::done);
}

TEST_F(PlainFlow, WhatWasReadBeforeGoesFirst) {
  flow_.begin_with("first ");
  from_.peer.send("second");
  ASSERT_TRUE(from_.until([&] { return flow_.advance() == Step::waiting && flow_.moved() == 12; }));
  EXPECT_EQ(to_.peer.receive(), "first second");
}

TEST_F(PlainFlow, ABlockedSinkIsWaitedForAndHoldsTheSourceBack) {
  const std::size_t junk = to_.fill();
  to_.settle();
  from_.peer.send(std::string(1000, 'a'));
  ASSERT_TRUE(from_.until([&] { return flow_.advance() == Step::blocked; }));
  EXPECT_TRUE(flow_.holds());
  from_.peer.send(std::string(1000, 'b'));
  from_.settle();
  EXPECT_EQ(flow_.advance(), Step::blocked);
  EXPECT_TRUE(from_.near.readable()) << "it is not read while octets wait";
  std::string got;
  ASSERT_TRUE(to_.until([&] {
    got += to_.peer.receive_now(65536);
    static_cast<void>(flow_.advance());
    return got.size() == junk + 2000;
  }));
  EXPECT_EQ(got.substr(junk), std::string(1000, 'a') + std::string(1000, 'b'));
}

TEST_F(PlainFlow, ABrokenSinkIsToldFromABrokenSource) {
  to_.peer.close();
  to_.settle();
  from_.peer.send("x");
  ASSERT_TRUE(from_.until([&] { return flow_.advance() == Step::sink_failed; }));
}

class LayeredFlow : public testing::Test {
 protected:
  void SetUp() override {
    StreamPair::shake_hands(from_);
    StreamPair::shake_hands(to_);
  }

  shared::WorkerLoop loop_;
  StreamPair from_{loop_, std::make_unique<Sealed>()};
  StreamPair to_{loop_, std::make_unique<Sealed>()};
  Scratch scratch_;
  PipePool pipes_;
  Flow flow_{Flow::Ends{from_.near, to_.near, scratch_, pipes_}};
};

TEST_F(LayeredFlow, MuchPassesInRecordsAndTheEndIsSaid) {
  const std::string much(100'000, 'm');
  const std::string records = seal_all(much) + seal('e');
  std::size_t sent = 0;
  std::string got;
  ASSERT_TRUE(from_.until([&] {
    const ssize_t n = ::send(from_.peer.fd(), records.data() + sent, records.size() - sent, MSG_DONTWAIT);
    sent += n > 0 ? static_cast<std::size_t>(n) : 0;
    got += to_.peer.receive_now(65536);
    return flow_.advance() == Step::done;
  }));
  got += to_.peer.receive_now(1'000'000);
  std::string plain;
  for (auto record = open_record(got); record.first != 0; record = open_record(got)) {
    if (record.first == 'd') plain += record.second;
    if (record.first == 'e') plain += "end";
  }
  EXPECT_TRUE(plain == much + "end") << plain.size();
}

TEST_F(LayeredFlow, AnEndWithoutItsWordsIsACut) {
  from_.peer.close();
  ASSERT_TRUE(from_.until([&] { return flow_.advance() == Step::source_failed; }));
}

}  // namespace
}  // namespace edge::test::flow_test
