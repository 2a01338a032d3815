#include "shared/core/ip_text.h"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

namespace shared::ip_text_test {
namespace {

TEST(IpText, EveryNumberAtEveryPlaceAsTheStringHasIt) {
  std::array<char, kV4Room> room;
  for (std::uint32_t number = 0; number < 256; ++number) {
    for (unsigned place = 0; place < 4; ++place) {
      for (const std::uint32_t others : {0U, 0xFFFFFFFFU, 0x0A630009U}) {
        const std::uint32_t value = (others & ~(0xFFU << (8 * place))) | number << (8 * place);
        const IpAddress address = IpAddress::v4(value);
        const char* const end = write_v4(room.data(), address);
        ASSERT_EQ(std::string_view(room.data(), static_cast<std::size_t>(end - room.data())), address.to_string());
      }
    }
  }
}

}  // namespace
}  // namespace shared::ip_text_test
