#include "edge/core/message/h2_frame_heads.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace edge {
namespace {

using Seen = std::vector<std::pair<int, int>>;

std::string frame(int type, std::uint32_t stream, std::size_t size) {
  std::string octets;
  for (int i = 2; i >= 0; --i) octets += static_cast<char>(size >> 8 * i);
  octets += static_cast<char>(type);
  octets += '\0';
  for (int i = 3; i >= 0; --i) octets += static_cast<char>(stream >> 8 * i);
  return octets + std::string(size, 'x');
}

std::string connection() {
  return std::string(H2FrameHeads::kPreface, 'p') + frame(4, 0, 0) + frame(1, 1, 70'000) + frame(0, 0x80000003U, 1) +
         frame(6, 0, 8);
}

TEST(H2FrameHeadsTest, HeadsAreFoundInPiecesOfAnySize) {
  const Seen expected{{4, 0}, {1, 1}, {0, 3}, {6, 0}};
  for (const std::size_t size : {1U, 2U, 7U, 9U, 10U, 4096U, 100'000U}) {
    H2FrameHeads heads;
    Seen seen;
    std::string_view rest;
    const std::string all = connection();
    for (rest = all; !rest.empty(); rest.remove_prefix(std::min(size, rest.size()))) {
      EXPECT_TRUE(heads.follow(rest.substr(0, size), [&](int type, std::int32_t stream) {
        seen.emplace_back(type, stream);
        return true;
      }));
    }
    EXPECT_EQ(seen, expected) << size;
  }
}

TEST(H2FrameHeadsTest, WhoSaysNoEndsIt) {
  H2FrameHeads heads;
  int calls = 0;
  EXPECT_FALSE(heads.follow(connection(), [&](int type, std::int32_t) {
    ++calls;
    return type != 1;
  }));
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace edge
