#include "dns/core/steer/address_rr.h"

#include <gtest/gtest.h>

namespace dns::address_rr_test {
namespace {

TEST(AddressRr, IsARecordReadyForTheWire) {
  std::vector<std::uint8_t> out;
  append_address_rr(out, AddressType::a, 0x01020304, shared::IpAddress::v4(0xC0000201));
  EXPECT_EQ(out, (std::vector<std::uint8_t>{0xC0, 12, 0, 1, 0, 1, 1, 2, 3, 4, 0, 4, 192, 0, 2, 1}));
  EXPECT_EQ(out.size(), address_rr_size(AddressType::a));
  append_address_rr(out, AddressType::aaaa, 60, shared::IpAddress::parse("2001:db8::1").value());
  ASSERT_EQ(out.size(), address_rr_size(AddressType::a) + address_rr_size(AddressType::aaaa));
  EXPECT_EQ(std::vector<std::uint8_t>(out.begin() + 18, out.begin() + 30),
            (std::vector<std::uint8_t>{0, 28, 0, 1, 0, 0, 0, 60, 0, 16, 0x20, 0x01}));
  EXPECT_EQ(out.back(), 1);
}

}  // namespace
}  // namespace dns::address_rr_test
