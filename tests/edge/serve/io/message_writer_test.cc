// Heads and bodies to a plain stream and to one under a layer.
#include "edge/serve/io/message_writer.h"

#include "tests/edge/serve/sealed.h"

namespace edge::test::message_writer_test {
namespace {

using http::Body;
using http::BodyKind;

constexpr Body kChunked{.kind = BodyKind::chunked, .length = 0};

Body of_length(std::uint64_t length) { return {.kind = BodyKind::length, .length = length}; }

struct Writing {
  explicit Writing(std::unique_ptr<StreamLayer> layer = nullptr) : pair(loop, std::move(layer)) {
    writer.begin(pair.near, out);
  }
  void head(std::string_view text, const Body& body) {
    out.append(text);
    writer.begin_body(body);
  }
  // As pump() does, while the peer reads.
  template <class Take>
  void write_all(std::string_view data, Take take) {
    static_cast<void>(pair.until([&] {
      while (!data.empty()) {
        const std::size_t n = writer.write(data);
        data.remove_prefix(n);
        if (n == 0) break;
      }
      if (data.empty()) writer.end({});
      const bool over = data.empty() && writer.flush() == Sent::all;
      take();
      return over || writer.failed();
    }));
  }

  shared::WorkerLoop loop;
  StreamPair pair;
  OutBuffer out;
  MessageWriter writer;
};

TEST(MessageWriter, SmallPiecesLeaveWithTheHeadInOneSend) {
  Writing w;
  w.head("HEAD\r\n\r\n", of_length(10));
  EXPECT_EQ(w.writer.write("12345"), 5U);
  EXPECT_EQ(w.writer.write("67890"), 5U);
  EXPECT_EQ(w.writer.octets_sent(), 0U);
  EXPECT_EQ(w.writer.flush(), Sent::all);
  EXPECT_EQ(w.pair.peer.receive(), "HEAD\r\n\r\n1234567890");
  EXPECT_EQ(w.writer.octets_sent(), 18U);
}

TEST(MessageWriter, ATunnelsOctetsAreSentFromWhereTheyLie) {
  Writing w;
  w.head("101\r\n\r\n", {.kind = BodyKind::until_close, .length = 0});
  EXPECT_EQ(w.writer.write("hello"), 5U);
  EXPECT_EQ(w.writer.octets_sent(), 12U);
  EXPECT_EQ(w.writer.write("again"), 5U);
  EXPECT_FALSE(w.writer.pending());
  EXPECT_EQ(w.pair.peer.receive(), "101\r\n\r\nhelloagain");
}

TEST(MessageWriter, ChunksHaveTheirFrames) {
  Writing w;
  w.head("H\r\n\r\n", kChunked);
  EXPECT_EQ(w.writer.write("hello"), 5U);
  w.writer.end("X-Sum: 7\r\n");
  EXPECT_EQ(w.writer.flush(), Sent::all);
  EXPECT_EQ(w.pair.peer.receive(), "H\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n");
}

// What is compressed comes in one piece, and its end right behind it.
TEST(MessageWriter, AChunkOfSomeOctetsWaitsForTheLastOne) {
  Writing w;
  w.head("H\r\n\r\n", kChunked);
  EXPECT_EQ(w.writer.write(std::string(6000, 'c')), 6000U);
  EXPECT_EQ(w.writer.octets_sent(), 0U);
  static_cast<void>(w.writer.write(std::string(9000, 'd')));
  EXPECT_GT(w.writer.octets_sent(), 0U) << "what is longer is not copied";
}

TEST(MessageWriter, PromisesNothingToAStreamThatTakesNothing) {
  Writing w;
  w.pair.fill();
  EXPECT_EQ(w.pair.send("x").status, IoStatus::again);
  w.head("H\r\n\r\n", kChunked);
  EXPECT_TRUE(w.writer.blocked());
  EXPECT_EQ(w.writer.write(std::string(100'000, 'x')), 0U);
  EXPECT_EQ(w.out.view(), "H\r\n\r\n");
  EXPECT_EQ(w.writer.flush(), Sent::blocked);
  w.pair.peer.close();
  static_cast<void>(w.pair.until([&] { return w.writer.flush() == Sent::failed; }));
  EXPECT_TRUE(w.writer.failed());
}

TEST(MessageWriter, WhoFillsTheQueueOfAStreamThatTakesNothingHasLost) {
  Writing w;
  w.pair.fill();
  EXPECT_EQ(w.pair.send("x").status, IoStatus::again);
  w.out.append(std::string(OutBuffer::kCeiling + 1, 'x'));
  EXPECT_EQ(w.writer.flush(), Sent::failed);
}

TEST(MessageWriter, OnlyARawStreamMayBeWrittenToDirectly) {
  Writing plain;
  plain.head("H\r\n\r\n", of_length(5));
  EXPECT_EQ(plain.writer.direct(), nullptr) << "the head waits before the body";
  EXPECT_EQ(plain.writer.flush(), Sent::all);
  EXPECT_EQ(plain.writer.direct(), plain.pair.near.raw());
  Writing chunked;
  chunked.head("H\r\n\r\n", kChunked);
  EXPECT_EQ(chunked.writer.flush(), Sent::all);
  EXPECT_EQ(chunked.writer.direct(), nullptr) << "its octets have frames";
  Writing layered(std::make_unique<Sealed>());
  StreamPair::shake_hands(layered.pair);
  layered.head("H\r\n\r\n", of_length(5));
  EXPECT_EQ(layered.writer.flush(), Sent::all);
  EXPECT_EQ(layered.writer.direct(), nullptr) << "its octets are changed";
}

// Sealed complains when a record is half out and other octets are offered.
TEST(MessageWriter, UnderALayerARecordThatIsHalfOutIsOfferedAgain) {
  for (const Body& body : {of_length(200'000), kChunked}) {
    Writing w(std::make_unique<Sealed>());
    StreamPair::shake_hands(w.pair);
    w.head("HEAD\r\n\r\n", body);
    std::string data(200'000, '\0');
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>('a' + i % 23);
    std::string raw;
    w.write_all(data, [&] { raw += w.pair.peer.receive_now(7000); });
    ASSERT_EQ(w.writer.flush(), Sent::all);
    w.pair.near.close();
    for (std::string more = w.pair.peer.receive(); !more.empty(); more = w.pair.peer.receive()) raw += more;
    std::string got;
    for (auto record = open_record(raw); record.first == 'd'; record = open_record(raw)) got += record.second;
    if (body.kind == BodyKind::length) {
      EXPECT_EQ(got, "HEAD\r\n\r\n" + data);
    } else {
      EXPECT_TRUE(got.starts_with("HEAD\r\n\r\n") && got.ends_with("\r\n0\r\n\r\n"));
    }
  }
}

TEST(MessageWriter, UnderALayerItIsBlockedWhileTheLayerWaitsForThePeer) {
  auto* layer = new Sealed;
  Writing w{std::unique_ptr<StreamLayer>(layer)};
  StreamPair::shake_hands(w.pair);
  layer->ask_for_key();
  w.head("HEAD\r\n\r\n", of_length(0));
  EXPECT_EQ(w.writer.flush(), Sent::blocked);
  w.pair.settle();
  EXPECT_TRUE(w.writer.blocked()) << "though the socket takes octets";
  EXPECT_EQ(w.pair.peer.record().first, 'k');
  w.pair.peer.send(seal('K'));
  ASSERT_TRUE(w.pair.until([&] { return !w.writer.blocked(); }));
  EXPECT_EQ(w.writer.flush(), Sent::all);
  EXPECT_EQ(w.pair.peer.record().second, "HEAD\r\n\r\n");
}

}  // namespace
}  // namespace edge::test::message_writer_test
