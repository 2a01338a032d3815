// Bodies of every framing, from a plain stream and from one under a layer.
#include "edge/serve/io/body_reader.h"

#include "tests/edge/serve/sealed.h"

namespace edge::test::body_reader_test {
namespace {

using http::Body;
using http::BodyKind;

constexpr Body kNone{.kind = BodyKind::none, .length = 0};
constexpr Body kChunked{.kind = BodyKind::chunked, .length = 0};
constexpr Body kUntilClose{.kind = BodyKind::until_close, .length = 0};

Body of_length(std::uint64_t length) { return {.kind = BodyKind::length, .length = length}; }

struct Reading {
  explicit Reading(std::unique_ptr<StreamLayer> layer = nullptr) : pair(loop, std::move(layer)) {}

  // Until the body ends, fails or has to wait although all has come.
  BodyState read() {
    BodyPiece piece = reader.peek();
    while (piece.state == BodyState::data) {
      got += piece.data;
      reader.consume(piece.data.size());
      piece = reader.peek();
    }
    return piece.state;
  }
  BodyState read_all() {
    BodyState state = read();
    static_cast<void>(pair.until([&] {
      if (state == BodyState::wait) state = read();
      return state != BodyState::wait;
    }));
    return state;
  }

  shared::WorkerLoop loop;
  StreamPair pair;
  ReadBuffer buffer;
  BodyReader reader;
  std::string got;
};

TEST(BodyReader, NoBodyAndAnEmptyOneAreAtTheirEnd) {
  Reading r;
  r.reader.begin(r.pair.near, r.buffer, kNone, 0);
  EXPECT_TRUE(r.reader.finished());
  r.reader.begin(r.pair.near, r.buffer, of_length(0), 0);
  EXPECT_EQ(r.reader.peek().state, BodyState::end);
  EXPECT_TRUE(r.reader.finished());
}

TEST(BodyReader, ALengthEndsWhereTheNextMessageBegins) {
  Reading r;
  r.reader.begin(r.pair.near, r.buffer, of_length(5), 100);
  EXPECT_EQ(r.reader.peek().state, BodyState::wait);
  r.pair.peer.send("helloGET / HTTP/1.1");
  EXPECT_EQ(r.read_all(), BodyState::end);
  EXPECT_EQ(r.got, "hello");
  EXPECT_EQ(r.buffer.view(), "GET / HTTP/1.1");
  EXPECT_EQ(r.reader.consumed(), 5U);
}

TEST(BodyReader, ALengthThatIsNotReachedIsTruncated) {
  Reading r;
  r.reader.begin(r.pair.near, r.buffer, of_length(6), 100);
  r.pair.peer.send("hello");
  r.pair.peer.close();
  EXPECT_EQ(r.read_all(), BodyState::failed);
  EXPECT_EQ(r.reader.failure(), BodyFailure::truncated);
}

TEST(BodyReader, WhatSomebodyElseReadsFromTheSocketIsSkipped) {
  Reading r;
  r.reader.begin(r.pair.near, r.buffer, of_length(10));
  r.pair.peer.send("1234");
  EXPECT_EQ(r.read_all(), BodyState::wait);
  EXPECT_EQ(r.reader.unreceived(), 6U);
  r.reader.skip(6);
  EXPECT_TRUE(r.reader.finished());
}

TEST(BodyReader, ChunksAreDecodedAndTrailersKept) {
  Reading r;
  r.reader.begin(r.pair.near, r.buffer, kChunked, 100);
  r.pair.peer.send("5\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 7\r\nETag: \"7\"\r\n\r\nrest");
  EXPECT_EQ(r.read_all(), BodyState::end);
  EXPECT_EQ(r.got, "hello!");
  EXPECT_EQ(r.reader.trailers(), "ETag: \"7\"\r\n") << "allowed ones only";
  EXPECT_EQ(r.buffer.view(), "rest");
}

TEST(BodyReader, ChunksOverTheLimitAndBadOnesFail) {
  Reading over;
  over.reader.begin(over.pair.near, over.buffer, kChunked, 4);
  over.pair.peer.send("5\r\nhello\r\n0\r\n\r\n");
  EXPECT_EQ(over.read_all(), BodyState::failed);
  EXPECT_EQ(over.reader.failure(), BodyFailure::too_large);
  Reading bad;
  bad.reader.begin(bad.pair.near, bad.buffer, kChunked, 100);
  bad.pair.peer.send("no chunk\r\n");
  EXPECT_EQ(bad.read_all(), BodyState::failed);
  EXPECT_EQ(bad.reader.failure(), BodyFailure::malformed);
}

TEST(BodyReader, UntilCloseEndsWithTheConnection) {
  Reading r;
  r.reader.begin(r.pair.near, r.buffer, kUntilClose);
  r.pair.peer.send("hello");
  EXPECT_EQ(r.read_all(), BodyState::wait);
  r.pair.peer.close();
  EXPECT_EQ(r.read_all(), BodyState::end);
  EXPECT_EQ(r.got, "hello");
}

// One record holds more than the buffer: no event tells of the rest, and all of it comes in one go.
TEST(BodyReader, UnderALayerWhatIsBufferedInsideIsReadWithNoEvent) {
  Reading r(std::make_unique<Sealed>());
  StreamPair::shake_hands(r.pair);
  const std::string body(3 * ReadBuffer::kFirst + 17, 'b');
  r.reader.begin(r.pair.near, r.buffer, of_length(body.size()), body.size());
  r.pair.peer.send(seal('d', body));
  ASSERT_TRUE(r.pair.until([&] { return r.pair.near.readable(); }));
  r.pair.settle();
  EXPECT_EQ(r.read(), BodyState::end);
  EXPECT_EQ(r.got, body);
}

TEST(BodyReader, UnderALayerACutIsNotTheEndOfABodyWithoutLength) {
  Reading cut(std::make_unique<Sealed>());
  StreamPair::shake_hands(cut.pair);
  cut.reader.begin(cut.pair.near, cut.buffer, kUntilClose);
  cut.pair.peer.send(seal('d', "hello"));
  cut.pair.peer.close();
  EXPECT_EQ(cut.read_all(), BodyState::failed);
  EXPECT_EQ(cut.reader.failure(), BodyFailure::truncated);
  Reading whole(std::make_unique<Sealed>());
  StreamPair::shake_hands(whole.pair);
  whole.reader.begin(whole.pair.near, whole.buffer, kUntilClose);
  whole.pair.peer.send(seal('d', "hello") + seal('e'));
  EXPECT_EQ(whole.read_all(), BodyState::end);
  EXPECT_EQ(whole.got, "hello");
}

// As TLS gives a record at a time, however many it has taken in.
class Piecemeal final : public StreamLayer {
 public:
  Progress advance(Socket& socket) override { return below_.advance(socket); }
  IoResult receive(Socket& socket, std::span<char> into) override { return below_.receive(socket, into.first(1)); }
  IoResult send(Socket& socket, std::span<const iovec> parts) override { return below_.send(socket, parts); }
  IoStatus shutdown(Socket& socket) override { return below_.shutdown(socket); }
  bool readable(const Socket& socket) const override { return below_.readable(socket); }
  bool writable(const Socket& socket) const override { return below_.writable(socket); }
  bool peer_closed(const Socket& socket) const override { return below_.peer_closed(socket); }
  bool silent(Socket& socket) override { return below_.silent(socket); }

 private:
  Sealed below_;
};

TEST(BodyReader, UnderALayerTheRestOfAChunksHeadIsNotWaitedFor) {
  Reading r(std::make_unique<Piecemeal>());
  StreamPair::shake_hands(r.pair);
  r.reader.begin(r.pair.near, r.buffer, kChunked, 100);
  r.pair.peer.send(seal('d', "5\r\nhello\r\n0\r\n\r\n"));
  r.pair.settle();
  EXPECT_EQ(r.read(), BodyState::end) << "no event tells of records that have been taken in";
  EXPECT_EQ(r.got, "hello");
}

TEST(BodyReader, UnderALayerTicketsAndNewKeysAreNoPartOfTheBody) {
  Reading r(std::make_unique<Sealed>());
  StreamPair::shake_hands(r.pair);
  r.reader.begin(r.pair.near, r.buffer, kChunked, 100);
  r.pair.peer.send(seal('d', "5\r\nhe") + seal('t') + seal('k') + seal('d', "llo\r\n0\r\n\r\n"));
  EXPECT_EQ(r.read_all(), BodyState::end);
  EXPECT_EQ(r.got, "hello");
}

}  // namespace
}  // namespace edge::test::body_reader_test
