// What both ends of HTTP/2 share of the library.
#include "edge/serve/io/h2_library.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "edge/serve/io/frame_pool.h"

namespace edge::test {
namespace {

TEST(H2Library, ItsMemoryIsCountedByThePool) {
  const nghttp2_mem memory = h2_memory();
  const std::size_t before = FramePool::of_this_thread().used();
  void* piece = memory.malloc(1000, nullptr);
  ASSERT_NE(piece, nullptr);
  EXPECT_GE(FramePool::of_this_thread().used(), before + 1000);
  std::memset(piece, 7, 1000);
  piece = memory.realloc(piece, 5000, nullptr);
  ASSERT_NE(piece, nullptr);
  EXPECT_EQ(static_cast<char*>(piece)[999], 7);
  EXPECT_EQ(memory.realloc(piece, 10, nullptr), piece) << "what fits stays";
  memory.free(piece, nullptr);
  memory.free(nullptr, nullptr);
  EXPECT_EQ(FramePool::of_this_thread().used(), before);
}

TEST(H2Library, ZeroedPiecesAreThatAndNeverOverflow) {
  const nghttp2_mem memory = h2_memory();
  auto* const piece = static_cast<char*>(memory.calloc(10, 10, nullptr));
  ASSERT_NE(piece, nullptr);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(piece[i], 0);
  memory.free(piece, nullptr);
  EXPECT_EQ(memory.calloc(std::numeric_limits<std::size_t>::max() / 2, 3, nullptr), nullptr);
  EXPECT_EQ(memory.malloc(std::numeric_limits<std::size_t>::max(), nullptr), nullptr);
}

TEST(H2Library, AHeadHasRoomForAsManyFieldsAsItMay) {
  H2Fields fields;
  for (std::size_t i = 0; i < H2Fields::kMost + 5; ++i) fields.push("name", "value");
  EXPECT_EQ(fields.count, H2Fields::kMost);
  EXPECT_EQ(fields.all[0].namelen, 4U);
  EXPECT_EQ(fields.all[0].valuelen, 5U);
}

struct Client {
  H2Session session;

  explicit Client(nghttp2_mem memory) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session* made = nullptr;
    EXPECT_EQ(nghttp2_session_client_new3(&made, callbacks, nullptr, nullptr, &memory), 0);
    session.reset(made);
    nghttp2_session_callbacks_del(callbacks);
  }
  // The next frame; empty: none.
  std::string next() {
    const std::uint8_t* octets = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session.get(), &octets);
    return size > 0 ? std::string(reinterpret_cast<const char*>(octets), static_cast<std::size_t>(size))
                    : std::string();
  }
  // A head that goes over several frames.
  void ask() {
    const std::string value(10'000, '~');
    H2Fields fields;
    for (const auto& [name, text] : {std::pair{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}) {
      fields.push(name, text);
    }
    fields.push(":authority", "a.example");
    for (int i = 0; i < 4; ++i) fields.push("x-large", value);
    EXPECT_GT(nghttp2_submit_request(session.get(), nullptr, fields.all.data(), fields.count, nullptr, nullptr), 0);
  }
};

TEST(H2Library, SessionsOfAThreadShareTheBufferOfTheFrameThatGoesOut) {
  const std::size_t before = FramePool::of_this_thread().used();
  {
    H2FrameBuffer::Lent lent(H2FrameBuffer::of_this_thread());
    const Client one(lent.memory());
    const Client other(lent.memory());
    EXPECT_LT(FramePool::of_this_thread().used() - before, 2 * 12 * 1024U);
  }
  EXPECT_EQ(FramePool::of_this_thread().used(), before);
}

TEST(H2Library, FramesOfSessionsThatShareABufferAreTheirOwn) {
  Client alone(h2_memory());
  auto lent = std::make_unique<H2FrameBuffer::Lent>(H2FrameBuffer::of_this_thread());
  Client one(lent->memory());
  Client other(lent->memory());
  lent.reset();
  alone.ask();
  one.ask();
  std::string expected;
  std::string got;
  int frames = 0;
  for (std::string frame = alone.next(); !frame.empty(); frame = alone.next()) expected += frame;
  for (std::string frame = one.next(); !frame.empty(); frame = one.next()) {
    got += frame;
    ++frames;
    nghttp2_submit_ping(other.session.get(), NGHTTP2_FLAG_NONE, nullptr);
    EXPECT_FALSE(other.next().empty());
  }
  EXPECT_GT(frames, 2);
  EXPECT_EQ(got == expected, true) << got.size() << " " << expected.size();
}

}  // namespace
}  // namespace edge::test
