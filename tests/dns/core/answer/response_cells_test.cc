#include "dns/core/answer/response_cells.h"

#include <gtest/gtest.h>

#include <random>

namespace dns::response_cells_test {
namespace {

constexpr std::uint32_t kTenASecond = 100'000;  // microseconds between

shared::IpAddress ip(const char* text) { return *shared::IpAddress::parse(text); }

TEST(ResponseCells, ASecondsWorthAtOnceThenTheRate) {
  ResponseCells cells(1);
  unsigned admitted = 0;
  for (int i = 0; i < 100; ++i) admitted += cells.admit(42, 5'000'000, kTenASecond) ? 1U : 0U;
  EXPECT_EQ(admitted, 10U);
  admitted = 0;
  for (std::uint64_t ms = 1; ms <= 10'000; ++ms) {  // a thousand a second for ten seconds
    admitted += cells.admit(42, 5'000'000 + ms * 1000, kTenASecond) ? 1U : 0U;
  }
  EXPECT_EQ(admitted, 100U);
}

TEST(ResponseCells, QuietRestoresTheAllowance) {
  ResponseCells cells(1);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(cells.admit(42, 0, kTenASecond));
  EXPECT_FALSE(cells.admit(42, 0, kTenASecond));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(cells.admit(42, 1'000'000, kTenASecond)) << i;
  EXPECT_FALSE(cells.admit(42, 1'000'000, kTenASecond));
}

// 2^40 microseconds are 12.7 days: a cell that nobody touched for so long, or half as long, must not look busy.
TEST(ResponseCells, TimeWrapsAndOldCellsMeanNothing) {
  ResponseCells cells(1);
  constexpr std::uint64_t kWrap = std::uint64_t{1} << 40;
  for (const std::uint64_t start : {kWrap - 500'000, kWrap + kWrap / 2, 3 * kWrap + kWrap / 3}) {
    unsigned admitted = 0;
    for (int i = 0; i < 20; ++i) admitted += cells.admit(7, start, kTenASecond) ? 1U : 0U;
    for (int i = 0; i < 20; ++i) admitted += cells.admit(7, start + 1'000'000, kTenASecond) ? 1U : 0U;
    EXPECT_EQ(admitted, 20U) << start;
  }
}

TEST(ResponseCells, AFullLineGivesUpItsLeastUsedCell) {
  ResponseCells cells(1);
  const auto in_one_line = [](std::uint64_t tag) { return (std::uint64_t{5} << 51) | tag; };
  for (int i = 0; i < 10; ++i) (void)cells.admit(in_one_line(1), 0, kTenASecond);
  for (std::uint64_t tag = 2; tag < 200; ++tag) EXPECT_TRUE(cells.admit(in_one_line(tag), 0, kTenASecond));
  EXPECT_FALSE(cells.admit(in_one_line(1), 0, kTenASecond));  // the busiest stayed
}

// A flood from random networks: each gets its allowance, and a victim among them is still known.
TEST(ResponseCells, ManyNetworksDoNotForgetTheBusyOne) {
  ResponseCells cells(99);
  std::mt19937_64 random(3);
  const std::uint64_t victim = cells.key(ip("192.0.2.1"), ResponseKind::answer, 1);
  constexpr std::uint32_t kInterval = 5000;
  unsigned admitted = 0;
  for (std::uint64_t us = 0; us < 1'000'000; us += 10) {
    (void)cells.admit(random(), us, kInterval);
    admitted += cells.admit(victim, us, kInterval) ? 1U : 0U;
  }
  EXPECT_LE(admitted, 400U);  // a second's worth and a second's rate
  EXPECT_GE(admitted, 390U);
}

TEST(ResponseCells, KeysAreByNetworkKindAndWhatItIsAbout) {
  const ResponseCells cells(7);
  const auto key = [&](const char* client, ResponseKind kind = ResponseKind::answer, std::uint64_t account = 5) {
    return cells.key(ip(client), kind, account);
  };
  EXPECT_EQ(key("192.0.2.1"), key("192.0.2.254"));
  EXPECT_NE(key("192.0.2.1"), key("192.0.3.1"));
  EXPECT_EQ(key("2001:db8:1:200::1"), key("2001:db8:1:2ff:ffff::9"));
  EXPECT_NE(key("2001:db8:1:200::1"), key("2001:db8:1:300::1"));
  EXPECT_NE(key("192.0.2.1"), key("192.0.2.1", ResponseKind::nodata));
  EXPECT_NE(key("192.0.2.1"), key("192.0.2.1", ResponseKind::answer, 6));
  EXPECT_NE(key("192.0.2.1"), ResponseCells(8).key(ip("192.0.2.1"), ResponseKind::answer, 5));
}

}  // namespace
}  // namespace dns::response_cells_test
