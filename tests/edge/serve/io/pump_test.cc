// The loop that moves bodies, between a source and a sink of the test's own.
#include "edge/serve/io/pump.h"

#include <deque>
#include <string>

#include <gtest/gtest.h>

namespace edge::pump_test {
namespace {

struct Source {
  std::deque<BodyPiece> pieces;  // what peek() says, one after another
  std::size_t consumed = 0;

  [[nodiscard]] BodyPiece peek() const { return pieces.front(); }
  void consume(std::size_t n) {
    consumed += n;
    pieces.front().data.remove_prefix(n);
    if (pieces.front().data.empty()) pieces.pop_front();
  }
  [[nodiscard]] std::string_view trailers() const { return "X: y\r\n"; }
};

struct Sink {
  std::size_t room = std::string::npos;
  Sent flushed = Sent::all;
  bool broken = false;
  std::string got{};
  std::string ended{};
  int flushes = 0;

  [[nodiscard]] std::size_t write(std::string_view data) {
    const std::size_t n = broken ? 0 : std::min(room, data.size());
    room -= n;
    got += data.substr(0, n);
    return n;
  }
  void end(std::string_view trailers) { ended = "end " + std::string(trailers); }
  [[nodiscard]] Sent flush() {
    ++flushes;
    return flushed;
  }
  [[nodiscard]] bool failed() const { return broken; }
  [[nodiscard]] bool blocked() const { return room == 0; }
};

constexpr BodyPiece kWait{.state = BodyState::wait, .data = {}};
constexpr BodyPiece kEnd{.state = BodyState::end, .data = {}};
constexpr BodyPiece kFailed{.state = BodyState::failed, .data = {}};

BodyPiece piece(std::string_view text) { return {.state = BodyState::data, .data = text}; }

Pumped run(Source& from, Sink& to) {
  std::uint64_t moved = 0;
  const std::size_t before = from.consumed;
  const Pumped pumped = pump(from, to, moved);
  EXPECT_EQ(moved, from.consumed - before);
  return pumped;
}

TEST(Pump, MovesAllAndEndsWithTheTrailers) {
  Source from{{piece("hello "), piece("world"), kEnd}};
  Sink to;
  EXPECT_EQ(run(from, to), Pumped::done);
  EXPECT_EQ(to.got, "hello world");
  EXPECT_EQ(to.ended, "end X: y\r\n");
  EXPECT_EQ(to.flushes, 1) << "once, for all";
}

TEST(Pump, AWaitFlushesWhatHasCome) {
  Source from{{piece("hello"), kWait}};
  Sink to;
  EXPECT_EQ(run(from, to), Pumped::source_waits);
  EXPECT_EQ(to.flushes, 1);
  EXPECT_EQ(to.ended, "");
}

TEST(Pump, StopsWhereTheSinkIsBlocked) {
  Source from{{piece("hello"), kEnd}};
  Sink to{.room = 3};
  EXPECT_EQ(run(from, to), Pumped::sink_blocked);
  EXPECT_EQ(to.got, "hel");
  to.room = 10;
  EXPECT_EQ(run(from, to), Pumped::done);
  EXPECT_EQ(to.got, "hello");
}

TEST(Pump, AnEndThatIsNotOutYetIsNotDone) {
  Source from{{kEnd}};
  Sink to{.flushed = Sent::blocked};
  EXPECT_EQ(run(from, to), Pumped::sink_blocked);
}

TEST(Pump, TellsWhichSideFailed) {
  Source broken{{piece("x"), kFailed}};
  Sink well;
  EXPECT_EQ(run(broken, well), Pumped::source_failed);
  Source from{{piece("x"), kEnd}};
  Sink gone{.broken = true};
  EXPECT_EQ(run(from, gone), Pumped::sink_failed);
  Source over{{kEnd}};
  Sink late{.flushed = Sent::failed};
  EXPECT_EQ(run(over, late), Pumped::sink_failed);
}

TEST(Pump, OthersHaveTheirTurnAfterAShare) {
  const std::string large(kPumpShare, 'x');
  Source from{{piece(large), piece("more"), kEnd}};
  Sink to;
  EXPECT_EQ(run(from, to), Pumped::turn_over);
  EXPECT_EQ(to.got.size(), large.size());
}

}  // namespace
}  // namespace edge::pump_test
