#include "edge/core/message/websocket_frames.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace edge::websocket_frames_test {
namespace {

using Sender = WebSocketFrames::Sender;

std::string frame(int first, std::size_t size, Sender sender) {
  const int mask = sender == Sender::client ? 0x80 : 0;
  std::string text(1, static_cast<char>(first));
  if (size < 126) {
    text.push_back(static_cast<char>(mask | static_cast<int>(size)));
  } else {
    const int octets = size < 65536 ? 2 : 8;
    text.push_back(static_cast<char>(mask | (octets == 2 ? 126 : 127)));
    for (int i = octets - 1; i >= 0; --i) text.push_back(static_cast<char>(size >> (8 * i)));
  }
  if (mask != 0) text += "mask";
  return text + std::string(size, '\x88');  // what would begin a Close, were it not payload
}

TEST(WebSocketFrames, KnowsBoundariesAtEverySplit) {
  for (const Sender sender : {Sender::client, Sender::server}) {
    const std::vector<std::string> frames{
        frame(0x81, 0, sender),   frame(0x01, 5, sender),     frame(0x89, 125, sender), frame(0x80, 126, sender),
        frame(0xC2, 700, sender), frame(0x82, 65536, sender), frame(0x8A, 0, sender)};
    std::string all;
    std::vector<std::size_t> ends{0};
    for (const std::string& one : frames) ends.push_back((all += one).size());
    for (std::size_t split = 0; split <= all.size(); split += split < 1200 ? 1 : 997) {
      WebSocketFrames seen(sender);
      seen.follow(std::string_view(all).substr(0, split));
      const bool boundary = std::ranges::find(ends, split) != ends.end();
      ASSERT_EQ(seen.at_boundary(), boundary) << split;
      const std::size_t next = *std::ranges::lower_bound(ends, split);
      ASSERT_EQ(seen.rest_of_frame(std::string_view(all).substr(split)), next - split) << split;
      seen.follow(std::string_view(all).substr(split));
      ASSERT_TRUE(seen.at_boundary() && !seen.closed() && !seen.lost());
    }
  }
}

TEST(WebSocketFrames, OctetByOctet) {
  const std::string all = frame(0x82, 70000, Sender::client) + frame(0x88, 2, Sender::client);
  WebSocketFrames seen(Sender::client);
  for (const char& octet : all) {
    EXPECT_FALSE(seen.closed());
    seen.follow({&octet, 1});
  }
  EXPECT_TRUE(seen.closed());
}

TEST(WebSocketFrames, ACloseIsSeenWhenItIsWhole) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{2}, std::size_t{125}}) {
    const std::string close = frame(0x88, size, Sender::server);
    WebSocketFrames seen(Sender::server);
    seen.follow(close.substr(0, close.size() - 1));
    EXPECT_FALSE(seen.closed());
    seen.follow(close.substr(close.size() - 1));
    EXPECT_TRUE(seen.closed());
  }
}

TEST(WebSocketFrames, IsLostWhereThereAreNone) {
  const auto lost = [](const std::string& octets, Sender sender) {
    WebSocketFrames seen(sender);
    seen.follow(octets);
    return seen.lost() && !seen.at_boundary() && seen.rest_of_frame("more") == 4;
  };
  EXPECT_TRUE(lost(frame(0x81, 1, Sender::server), Sender::client)) << "a client masks";
  EXPECT_TRUE(lost(frame(0x81, 1, Sender::client), Sender::server)) << "a server does not";
  EXPECT_TRUE(lost(frame(0x83, 1, Sender::server), Sender::server)) << "opcode";
  EXPECT_TRUE(lost(frame(0x8B, 1, Sender::server), Sender::server)) << "opcode of a control frame";
  EXPECT_TRUE(lost(frame(0x09, 1, Sender::server), Sender::server)) << "control frame in pieces";
  EXPECT_TRUE(lost(frame(0x89, 126, Sender::server), Sender::server)) << "long control frame";
  EXPECT_TRUE(lost(std::string("\x82\x7F\xFF\0\0\0\0\0\0\0", 10), Sender::server)) << "length over 63 bits";
}

TEST(WebSocketFrames, GoingAwayIsACloseOfEitherSide) {
  WebSocketFrames server(Sender::server);
  server.follow(kGoingAway);
  EXPECT_TRUE(server.closed() && server.at_boundary());
  const auto masked = masked_going_away(0x12345678);
  WebSocketFrames client(Sender::client);
  client.follow({masked.data(), masked.size()});
  EXPECT_TRUE(client.closed() && client.at_boundary());
  EXPECT_EQ(static_cast<char>(masked[6] ^ masked[2]), '\x03');
  EXPECT_EQ(static_cast<char>(masked[7] ^ masked[3]), '\xE9');
}

}  // namespace
}  // namespace edge::websocket_frames_test
