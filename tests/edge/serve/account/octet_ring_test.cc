#include "edge/serve/account/octet_ring.h"

#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace edge::octet_ring_test {
namespace {

TEST(OctetRing, HasWhatWasPutInOrderAndAroundItsEnd) {
  OctetRing ring(8);
  std::string out;
  ring.drain(out);
  EXPECT_EQ(out, "");
  EXPECT_TRUE(ring.put("abcde"));
  ring.drain(out);
  EXPECT_TRUE(ring.put("fghij"));
  EXPECT_TRUE(ring.put("klm"));
  ring.drain(out);
  EXPECT_EQ(out, "abcdefghijklm");
}

TEST(OctetRing, ARecordIsTakenWholeOrNotAtAll) {
  OctetRing ring(8);
  EXPECT_TRUE(ring.put("abcde"));
  EXPECT_FALSE(ring.put("fghi"));
  EXPECT_TRUE(ring.put("fgh"));
  EXPECT_FALSE(ring.put("i"));
  std::string out;
  ring.drain(out);
  EXPECT_EQ(out, "abcdefgh");
  EXPECT_TRUE(ring.put("12345678"));
}

TEST(OctetRing, TwoThreadsLoseNothing) {
  OctetRing ring(64);
  constexpr int kRecords = 20'000;
  std::thread writer([&] {
    for (int i = 0; i < kRecords; ++i) {
      const std::string record = std::to_string(i) + "\n";
      while (!ring.put(record)) std::this_thread::yield();
    }
  });
  std::string got;
  std::string wanted;
  for (int i = 0; i < kRecords; ++i) wanted += std::to_string(i) + "\n";
  while (got.size() < wanted.size()) ring.drain(got);
  writer.join();
  EXPECT_EQ(got, wanted);
}

}  // namespace
}  // namespace edge::octet_ring_test
