#include "edge/serve/request/compressing_sink.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/edge/serve/fakes.h"
#include "tests/edge/serve/request/plain_sink.h"

namespace edge::compressing_sink_test {
namespace {

using test::Answered;
using test::FakeSource;
using test::PlainSink;

// What can be read of it; `whole`: and its end.
std::string gunzip(const std::string& data, bool whole = true) {
  std::string out(4 << 20, '\0');
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int state = ::inflate(&stream, Z_SYNC_FLUSH);
  EXPECT_EQ(state, whole ? Z_STREAM_END : Z_OK);
  EXPECT_EQ(stream.avail_in, 0U) << "nothing behind the end";
  out.resize(out.size() - stream.avail_out);
  ::inflateEnd(&stream);
  return out;
}

std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += "line " + std::to_string(i * i % 977) + " of many\n";
  text.resize(size);
  return text;
}

struct Settled {
  static std::string get(std::string_view accepts) {
    return test::get("/", "Accept-Encoding: " + std::string(accepts) + "\r\n");
  }

  explicit Settled(std::string_view accepts = "gzip") : Settled(get(accepts), 0) {}
  Settled(std::string head, int /*whole*/) : source(std::move(head)) {}

  // A server's answer of text, with more fields.
  void answer(std::size_t size, const std::string& more = "", http::BodyKind kind = http::BodyKind::length) {
    answered = std::make_unique<Answered>("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" +
                                          (kind == http::BodyKind::length || kind == http::BodyKind::none
                                               ? "Content-Length: " + std::to_string(size) + "\r\n"
                                               : std::string()) +
                                          more + "\r\n");
    framing.body = {.kind = kind, .length = kind == http::BodyKind::length ? size : 0};
    sink.start(answered->head, framing, rules);
  }
  // The turns of its worker that it needs.
  void write(std::string_view data) {
    for (int turn = 0; turn < 1000 && !data.empty(); ++turn) {
      data.remove_prefix(sink.write(data));
      worker.loop.poll();
    }
    EXPECT_TRUE(data.empty());
  }
  Sent flush() {
    Sent sent = Sent::blocked;
    for (int turn = 0; turn < 1000 && sent == Sent::blocked; ++turn) {
      sent = sink.flush();
      worker.loop.poll();
    }
    return sent;
  }
  [[nodiscard]] bool has(const std::string& field) const {
    return ("\r\n" + below.fields).find("\r\n" + field) != std::string::npos;
  }

  test::FakeWorker worker;
  FakeSource source;
  PlainSink below;
  Waiter waiter{worker.loop};
  Work work;
  Exchange exchange{source, below, waiter, work};
  Compression settings;
  Encoders encoders;
  Counters counters;
  HeaderRules rules;
  http::ResponseFraming framing;
  std::unique_ptr<Answered> answered;
  CompressingSink sink{exchange, settings, encoders, counters};
};

TEST(CompressingSink, WhatIsTrueOfTheOctetsAsTheyWereIsNotSaid) {
  Settled settled;
  const std::string text = text_of(200'000);
  settled.answer(text.size(), "Accept-Ranges: bytes\r\nETag: \"a\"\r\nX-Own: \"1\"\r\nContent-Encoding: identity\r\n");
  settled.write(text);
  settled.sink.end("X-Last: 1\r\n");
  EXPECT_EQ(settled.flush(), Sent::all);
  EXPECT_EQ(settled.below.fields,
            "Content-Type: text/html\r\nETag: W/\"a\"\r\nX-Own: \"1\"\r\nContent-Encoding: gzip\r\n"
            "Vary: Accept-Encoding\r\n");
  EXPECT_EQ(settled.below.framed.kind, http::BodyKind::chunked);
  EXPECT_EQ(gunzip(settled.below.body), text);
  EXPECT_LT(settled.below.body.size(), text.size() / 2);
  EXPECT_EQ(settled.below.trailers, "X-Last: 1\r\n");
  EXPECT_EQ(settled.below.ends, 1);
  EXPECT_EQ(settled.counters.encoded[static_cast<std::size_t>(Coding::gzip)].read(), 1U);
  EXPECT_EQ(settled.counters.encoding_in.read(), text.size());
  EXPECT_EQ(settled.counters.encoding_out.read(), settled.below.body.size());
}

TEST(CompressingSink, AWeakTagStaysWhatItIs) {
  Settled settled;
  settled.answer(5000, "ETag: W/\"a\"\r\n");
  EXPECT_TRUE(settled.has("ETag: W/\"a\"\r\n"));
}

TEST(CompressingSink, WhoTakesNoCodingGetsTheTagAsItIsAndHearsThatOthersMay) {
  Settled settled("identity");
  settled.answer(5000, "ETag: \"a\"\r\n");
  EXPECT_TRUE(settled.has("ETag: \"a\"\r\n"));
  EXPECT_TRUE(settled.has("Content-Length: 5000\r\n"));
  EXPECT_TRUE(settled.has("Vary: Accept-Encoding\r\n"));
  EXPECT_FALSE(settled.has("Content-Encoding:"));
  EXPECT_EQ(settled.below.framed.kind, http::BodyKind::length);
  settled.write("as it is");
  settled.sink.end({});
  EXPECT_EQ(settled.flush(), Sent::all);
  EXPECT_EQ(settled.below.body, "as it is");
  EXPECT_EQ(settled.below.ends, 1);
}

TEST(CompressingSink, VaryIsSaidOnce) {
  for (const auto* const said : {"Vary: Origin, accept-encoding\r\n", "Vary: *\r\n"}) {
    Settled settled;
    settled.answer(5000, said);
    EXPECT_TRUE(settled.has(said));
    EXPECT_FALSE(settled.has("Vary: Accept-Encoding\r\n"));
  }
  Settled settled;
  settled.answer(5000, "Vary: Origin\r\n");
  EXPECT_TRUE(settled.has("Vary: Accept-Encoding\r\n"));
}

TEST(CompressingSink, WhatIsNotForItPasses) {
  Settled settled;
  settled.answer(100, "ETag: \"a\"\r\n");
  EXPECT_EQ(settled.below.fields, "Content-Type: text/html\r\nContent-Length: 100\r\nETag: \"a\"\r\n");
  EXPECT_EQ(settled.sink.write("x"), 1U);
  settled.sink.end("T: 1\r\n");
  EXPECT_EQ(settled.below.body, "x");
  EXPECT_EQ(settled.below.trailers, "T: 1\r\n");
}

// Its tag stands for these octets, and for no others.
TEST(CompressingSink, OneTooManyGoesAsItIs) {
  Settled settled;
  settled.counters.encoding_open.add(CompressingSink::kMaxOpen);
  settled.answer(5000, "ETag: \"a\"\r\n");
  EXPECT_EQ(settled.counters.encoding_refused.read(), 1U);
  EXPECT_EQ(settled.below.fields,
            "Content-Type: text/html\r\nContent-Length: 5000\r\nETag: \"a\"\r\nVary: Accept-Encoding\r\n");
  EXPECT_EQ(settled.counters.encoding_open.read(), CompressingSink::kMaxOpen);
}

TEST(CompressingSink, ThoseThatAreOpenAreCountedUntilTheyEnd) {
  Counters counters;
  test::FakeWorker worker;
  FakeSource source(Settled::get("gzip"));
  PlainSink below;
  Waiter waiter(worker.loop);
  Work work;
  const Exchange exchange{source, below, waiter, work};
  const Compression settings;
  Encoders encoders;
  counters.encoding_open.add(CompressingSink::kMaxOpen - 1);
  {
    CompressingSink sink(exchange, settings, encoders, counters);
    const Answered answer("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n");
    http::ResponseFraming framing;
    framing.body = {.kind = http::BodyKind::length, .length = 5000};
    sink.start(answer.head, framing, {});
    EXPECT_EQ(counters.encoding_open.read(), CompressingSink::kMaxOpen);
    EXPECT_EQ(counters.encoding_refused.read(), 0U) << "the last one that fits";
  }
  EXPECT_EQ(counters.encoding_open.read(), CompressingSink::kMaxOpen - 1);
}

TEST(CompressingSink, HeadGetsTheHeadOfGetAndNothingIsEncoded) {
  Settled settled("HEAD / HTTP/1.1\r\nHost: shop.example\r\nAccept-Encoding: gzip\r\n\r\n", 0);
  settled.answer(5000, "ETag: \"a\"\r\n", http::BodyKind::none);
  EXPECT_EQ(settled.below.fields,
            "Content-Type: text/html\r\nETag: W/\"a\"\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n");
  EXPECT_EQ(settled.below.framed.kind, http::BodyKind::none);
  EXPECT_EQ(settled.counters.encoding_open.read(), 0U);
}

// A pause of the source: all that came can be read.
TEST(CompressingSink, WhatCameIsReadableBehindAFlush) {
  Settled settled;
  settled.answer(0, "", http::BodyKind::chunked);
  settled.write("data: one\n\n");
  EXPECT_EQ(settled.flush(), Sent::all);
  EXPECT_EQ(gunzip(settled.below.body, false), "data: one\n\n");
  const std::size_t size = settled.below.body.size();
  EXPECT_EQ(settled.flush(), Sent::all);
  EXPECT_EQ(settled.below.body.size(), size) << "nothing new, nothing said";
  settled.write("data: two\n\n");
  settled.sink.end({});
  EXPECT_EQ(settled.flush(), Sent::all);
  EXPECT_EQ(gunzip(settled.below.body), "data: one\n\ndata: two\n\n");
}

TEST(CompressingSink, AnEndThatIsSaidTwiceIsOne) {
  Settled settled;
  settled.answer(0, "", http::BodyKind::chunked);
  settled.write("text");
  settled.sink.end({});
  settled.sink.end({});
  EXPECT_EQ(settled.flush(), Sent::all);
  EXPECT_EQ(settled.flush(), Sent::all);
  EXPECT_EQ(settled.below.ends, 1);
  EXPECT_EQ(gunzip(settled.below.body), "text");
}

TEST(CompressingSink, WhatIsBlockedBelowIsKeptAndGoesOn) {
  Settled settled;
  std::mt19937 random(1);
  std::string text(100'000, '\0');  // of which most comes out
  std::ranges::generate(text, [&] { return static_cast<char>(random() % 64 + 32); });
  settled.below.room = 100;
  settled.answer(text.size());
  std::string_view rest = text;
  for (int turn = 0; turn < 50; ++turn) {
    rest.remove_prefix(settled.sink.write(rest));
    settled.worker.loop.poll();
  }
  EXPECT_FALSE(rest.empty()) << "it takes no more than what is pending";
  EXPECT_TRUE(settled.sink.blocked());
  EXPECT_EQ(settled.sink.flush(), Sent::blocked);
  EXPECT_EQ(settled.below.ends, 0);
  for (int turn = 0; turn < 5000 && !rest.empty(); ++turn) {
    settled.below.room = 100;
    rest.remove_prefix(settled.sink.write(rest));
    settled.worker.loop.poll();
  }
  ASSERT_TRUE(rest.empty());
  settled.sink.end({});
  Sent sent = Sent::blocked;
  for (int turn = 0; turn < 5000 && sent == Sent::blocked; ++turn) {
    EXPECT_EQ(settled.below.ends, 0) << "the end comes behind the octets";
    settled.below.room = 100;
    sent = settled.sink.flush();
    settled.worker.loop.poll();
  }
  EXPECT_EQ(sent, Sent::all);
  EXPECT_EQ(settled.below.ends, 1);
  EXPECT_EQ(gunzip(settled.below.body), text);
}

// Of one turn; then others have theirs.
TEST(CompressingSink, ATurnEncodesNoMoreThanItsShare) {
  Settled settled;
  const std::string text = text_of(300'000);
  settled.answer(text.size());
  settled.worker.loop.poll();
  const std::size_t taken = settled.sink.write(text);
  EXPECT_EQ(taken, 64U * 1024);
  EXPECT_TRUE(settled.sink.blocked());
  EXPECT_EQ(settled.sink.write(text.substr(taken)), 0U);
  settled.worker.loop.poll();
  EXPECT_EQ(settled.sink.write(text.substr(taken)), 64U * 1024);
}

TEST(CompressingSink, ABrokenClientIsToldOf) {
  Settled settled;
  settled.answer(5000);
  settled.below.broken = true;
  EXPECT_TRUE(settled.sink.failed());
  EXPECT_EQ(settled.sink.write("x"), 0U);
  settled.sink.end({});
  EXPECT_EQ(settled.sink.flush(), Sent::failed);
  EXPECT_EQ(settled.below.ends, 0);
  EXPECT_EQ(settled.counters.encoding_out.read(), 0U) << "for whom there is nobody nothing is encoded";
}

}  // namespace
}  // namespace edge::compressing_sink_test
