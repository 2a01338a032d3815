// A plain stream is its socket; one under a layer bears all that TLS does to it.
#include "edge/serve/io/stream.h"

#include <cerrno>
#include <optional>

#include "shared/serve/os/socket.h"
#include "tests/edge/serve/sealed.h"

namespace edge::test::stream_test {
namespace {

class PlainStream : public testing::Test {
 protected:
  shared::WorkerLoop loop_;
  StreamPair pair_{loop_};
};

// Under a layer, with the handshake behind it.
class LayeredStream : public testing::Test {
 protected:
  void SetUp() override { StreamPair::shake_hands(pair_); }

  shared::WorkerLoop loop_;
  Sealed* layer_ = new Sealed;  // the pair's
  StreamPair pair_{loop_, std::unique_ptr<StreamLayer>(layer_)};
};

TEST_F(PlainStream, IsReadyAtOnceAndItsSocketIsRaw) {
  EXPECT_EQ(pair_.near.progress(), Progress::ready);
  EXPECT_NE(pair_.near.raw(), nullptr);
  pair_.peer.send("hello");
  ASSERT_TRUE(pair_.until([&] { return pair_.near.readable(); }));
  EXPECT_EQ(pair_.receive(100), "hello");
  EXPECT_FALSE(pair_.near.readable());
  EXPECT_EQ(pair_.send("well").bytes, 4U);
  EXPECT_EQ(pair_.peer.receive(), "well");
}

TEST_F(PlainStream, IsSilentUntilThePeerSpeaksOrCloses) {
  EXPECT_TRUE(pair_.near.silent());
  pair_.peer.send("x");
  ASSERT_TRUE(pair_.until([&] { return pair_.near.readable(); }));
  EXPECT_FALSE(pair_.near.silent());
  pair_.peer.close();
  ASSERT_TRUE(pair_.until([&] { return pair_.near.peer_closed(); }));
  EXPECT_FALSE(pair_.near.silent());
}

TEST_F(PlainStream, ShutdownIsAFinAndNothingWaits) {
  pair_.fill();
  EXPECT_EQ(pair_.near.shutdown(), IoStatus::ok);
}

TEST(StreamConnect, IsReadyOnceItStands) {
  shared::WorkerLoop loop;
  auto sockets = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
  ASSERT_TRUE(sockets);
  ConnectStart start = start_connect(shared::local_endpoint(sockets->front().get()));
  Stream stream(loop, start.fd.release(), Stream::Begin::connecting);
  Progress progress = stream.progress();
  for (int i = 0; i < 1000 && progress == Progress::waiting; ++i) {
    loop.poll();
    progress = stream.progress();
  }
  EXPECT_EQ(progress, Progress::ready);
  EXPECT_EQ(stream.progress(), Progress::ready);
}

TEST(StreamConnect, FailsWithTheErrorOfTheConnect) {
  shared::WorkerLoop loop;
  shared::Endpoint gone;
  {
    auto sockets = shared::listen_tcp(*shared::Endpoint::parse("127.0.0.1:0"), 1);
    ASSERT_TRUE(sockets);
    gone = shared::local_endpoint(sockets->front().get());
  }
  ConnectStart start = start_connect(gone);
  Stream stream(loop, start.fd.release(), Stream::Begin::connecting, std::make_unique<Sealed>());
  Progress progress = stream.progress();
  for (int i = 0; i < 1000 && progress == Progress::waiting; ++i) {
    loop.poll();
    progress = stream.progress();
  }
  EXPECT_EQ(progress, Progress::failed);
  EXPECT_EQ(stream.connect_error(), ECONNREFUSED);
}

TEST(StreamHandshake, ConnectedIsNotYetReady) {
  shared::WorkerLoop loop;
  StreamPair pair(loop, std::make_unique<Sealed>());
  EXPECT_EQ(pair.near.progress(), Progress::waiting);
  EXPECT_EQ(pair.peer.record().first, 'h');
  pair.settle();
  EXPECT_EQ(pair.near.progress(), Progress::waiting);
  pair.peer.send(seal('h'));
  EXPECT_TRUE(pair.until([&] { return pair.near.progress() == Progress::ready; }));
}

TEST(StreamHandshake, FailsThoughTheConnectStood) {
  shared::WorkerLoop loop;
  StreamPair pair(loop, std::make_unique<Sealed>());
  EXPECT_EQ(pair.near.progress(), Progress::waiting);
  pair.peer.close();
  EXPECT_TRUE(pair.until([&] { return pair.near.progress() == Progress::failed; }));
  EXPECT_EQ(pair.near.connect_error(), 0);
}

TEST_F(LayeredStream, HasNoRawSocket) { EXPECT_EQ(pair_.near.raw(), nullptr); }

TEST_F(LayeredStream, WhatIsBufferedInsideIsReadableThoughNothingComes) {
  pair_.peer.send(seal('d', "hello, world"));
  ASSERT_TRUE(pair_.until([&] { return pair_.near.readable(); }));
  EXPECT_EQ(pair_.receive(5), "hello");
  pair_.settle();
  EXPECT_TRUE(pair_.near.readable());
  EXPECT_EQ(pair_.receive(100), ", world");
  EXPECT_FALSE(pair_.near.readable());
}

TEST_F(LayeredStream, AReceiveMayWaitUntilTheSocketTakesSomething) {
  const std::size_t before = pair_.fill();
  EXPECT_EQ(pair_.send("x").status, IoStatus::again);  // the stream has learned that its socket is full
  pair_.peer.send(seal('k') + seal('d', "behind the new key"));
  pair_.settle();
  EXPECT_EQ(pair_.receive(100), "");
  EXPECT_FALSE(pair_.near.readable()) << "the data lie in the socket, and a receive would still give `again`";
  for (std::size_t taken = 0; taken < before;) taken += pair_.peer.receive().size();
  ASSERT_TRUE(pair_.until([&] { return pair_.near.readable(); }));
  EXPECT_EQ(pair_.receive(100), "behind the new key");
}

TEST_F(LayeredStream, ASendMayWaitUntilThePeerHasSaidSomething) {
  layer_->ask_for_key();
  EXPECT_EQ(pair_.send("data").status, IoStatus::again);
  EXPECT_EQ(pair_.peer.record().first, 'k');
  pair_.settle();
  EXPECT_FALSE(pair_.near.writable()) << "the socket takes octets, and a send would still give `again`";
  pair_.peer.send(seal('K'));
  ASSERT_TRUE(pair_.until([&] { return pair_.near.writable(); }));
  EXPECT_EQ(pair_.send("data").bytes, 4U);
  EXPECT_EQ(pair_.peer.record().second, "data");
}

TEST_F(LayeredStream, ATicketIsNotThePeersWord) {
  pair_.peer.send(seal('t') + seal('t') + seal('k'));
  ASSERT_TRUE(pair_.until([&] { return pair_.near.readable(); }));
  EXPECT_TRUE(pair_.near.silent());
  EXPECT_EQ(layer_->tickets(), 2);
  EXPECT_EQ(pair_.peer.record().first, 'K');
  EXPECT_TRUE(pair_.near.silent());
}

TEST_F(LayeredStream, DataAnEndAndACutAreNotSilence) {
  pair_.peer.send(seal('d', "x"));
  ASSERT_TRUE(pair_.until([&] { return pair_.near.readable(); }));
  EXPECT_FALSE(pair_.near.silent());
  EXPECT_EQ(pair_.receive(10), "x");
  EXPECT_TRUE(pair_.near.silent());
  pair_.peer.send(seal('e'));
  EXPECT_TRUE(pair_.until([&] { return !pair_.near.silent(); }));
  EXPECT_TRUE(pair_.near.peer_closed());
}

TEST_F(LayeredStream, ShutdownTakesOctetsAndTime) {
  const std::size_t before = pair_.fill();
  EXPECT_EQ(pair_.send("x").status, IoStatus::again);
  EXPECT_EQ(pair_.near.shutdown(), IoStatus::again);
  for (std::size_t taken = 0; taken < before;) taken += pair_.peer.receive(before - taken).size();
  ASSERT_TRUE(pair_.until([&] { return pair_.near.writable(); }));
  EXPECT_EQ(pair_.near.shutdown(), IoStatus::ok);
  EXPECT_EQ(pair_.near.shutdown(), IoStatus::ok);
  EXPECT_EQ(pair_.peer.record(), std::pair('d', std::string("x")));
  EXPECT_EQ(pair_.peer.record().first, 'e');
  EXPECT_EQ(pair_.peer.record().first, 0);
}

TEST_F(LayeredStream, AnEndThatWasNotSaidIsACut) {
  char octet = 0;
  pair_.peer.close();
  ASSERT_TRUE(pair_.until([&] { return pair_.near.peer_closed(); }));
  EXPECT_EQ(pair_.near.receive(std::span(&octet, 1)).status, IoStatus::failed);
}

TEST_F(LayeredStream, AnEndThatWasSaidIsTheEnd) {
  char octet = 0;
  pair_.peer.send(seal('d', "x") + seal('e'));
  pair_.peer.close();
  ASSERT_TRUE(pair_.until([&] { return pair_.near.peer_closed(); }));
  EXPECT_EQ(pair_.near.receive(std::span(&octet, 1)).status, IoStatus::ok);
  EXPECT_EQ(pair_.near.receive(std::span(&octet, 1)).status, IoStatus::closed);
}

TEST_F(LayeredStream, ACloseHasLastWordsAndAnAbortNone) {
  shared::WorkerLoop loop;
  StreamPair cut(loop, std::make_unique<Sealed>());
  StreamPair::shake_hands(cut);
  cut.near.abort();
  EXPECT_EQ(cut.peer.record().first, 0);
  pair_.near.close();
  EXPECT_EQ(pair_.peer.record().first, 'e');
  EXPECT_EQ(pair_.peer.record().first, 0);
}

}  // namespace
}  // namespace edge::test::stream_test
