#include "shared/core/grpc_health.h"

#include <string>

#include <gtest/gtest.h>

namespace shared::grpc_health_test {
namespace {

std::string framed(std::string_view message) {
  return std::string("\0\0\0\0", 4) + static_cast<char>(message.size()) + std::string(message);
}

TEST(GrpcHealth, AsksForAService) {
  EXPECT_EQ(write_grpc_health_request(""), std::string(5, '\0'));
  EXPECT_EQ(write_grpc_health_request("shop.Cart"), framed("\x0A\x09shop.Cart"));
  const std::string large = write_grpc_health_request(std::string(300, 'a'));
  EXPECT_EQ(large.size(), 5U + 3U + 300U);
  EXPECT_EQ(large.substr(3, 5), std::string("\x01\x2F\x0A\xAC\x02"));
}

TEST(GrpcHealth, UnderstandsTheAnswer) {
  EXPECT_EQ(read_grpc_health_response(framed("\x08\x01")), ServingStatus::serving);
  EXPECT_EQ(read_grpc_health_response(framed("\x08\x02")), ServingStatus::not_serving);
  EXPECT_EQ(read_grpc_health_response(framed("\x08\x03")), ServingStatus::service_unknown);
  EXPECT_EQ(read_grpc_health_response(framed("")), ServingStatus::unknown) << "the default is not sent";
  EXPECT_EQ(read_grpc_health_response(framed("\x08\x63")), ServingStatus::unknown) << "of a later version";
  EXPECT_EQ(read_grpc_health_response(framed("\x08\x02\x08\x01")), ServingStatus::serving) << "the last one counts";
}

TEST(GrpcHealth, PassesOverWhatItDoesNotKnow) {
  EXPECT_EQ(read_grpc_health_response(framed("\x12\x02hi\x18\x05\x08\x01")), ServingStatus::serving);
  EXPECT_EQ(read_grpc_health_response(framed("\x21"
                                             "12345678"
                                             "\x08\x01")),
            ServingStatus::serving);
  EXPECT_EQ(read_grpc_health_response(framed("\x25"
                                             "1234"
                                             "\x08\x01")),
            ServingStatus::serving);
}

TEST(GrpcHealth, WhatIsMalformedIsNoAnswer) {
  for (const std::string& bad : {std::string(), std::string("\0\0\0\0", 4), std::string("\1\0\0\0\2\x08\1", 7),
                                 std::string("\0\0\0\0\3\x08\1", 7), framed("\x08\x01") + "x", framed("\x08"),
                                 framed("\x08\xFF"), framed("\x12\x05hi"), framed("\x0B"),
                                 framed("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"), framed(std::string("\0\1", 2)),
                                 framed("\x21"
                                        "1234")}) {
    EXPECT_EQ(read_grpc_health_response(bad), std::nullopt) << bad.size();
  }
}

TEST(GrpcHealth, StatusesHaveTheirNames) {
  EXPECT_EQ(name_of(ServingStatus::not_serving), "NOT_SERVING");
  EXPECT_EQ(name_of(ServingStatus::service_unknown), "SERVICE_UNKNOWN");
}

}  // namespace
}  // namespace shared::grpc_health_test
