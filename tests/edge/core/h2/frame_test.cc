#include "edge/core/h2/frame.h"

#include <string_view>

#include <gtest/gtest.h>

namespace edge::h2::frame_test {
namespace {

using namespace std::string_view_literals;

TEST(Frame, IsWrittenAsSection6HasIt) {
  EXPECT_EQ(octets_of(rst_stream(3, Error::cancel)), "\0\0\4\3\0\0\0\0\3\0\0\0\x08"sv);
  EXPECT_EQ(octets_of(window_update(0x01020304, 0x7FFFFFFF)), "\0\0\4\x08\0\1\2\3\4\x7f\xff\xff\xff"sv);
  EXPECT_EQ(octets_of(goaway(kMaxStream, Error::none)), "\0\0\x08\7\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\0"sv);
  EXPECT_EQ(octets_of(ping("12345678", kAck)),
            "\0\0\x08\6\1\0\0\0\0"
            "12345678"sv);
  EXPECT_EQ(octets_of(settings_ack()), "\0\0\0\4\1\0\0\0\0"sv);
  EXPECT_EQ(octets_of(settings(std::array{SettingValue{Setting::initial_window_size, 0x10000}})),
            "\0\0\6\4\0\0\0\0\0\0\4\0\1\0\0"sv);
}

}  // namespace
}  // namespace edge::h2::frame_test
