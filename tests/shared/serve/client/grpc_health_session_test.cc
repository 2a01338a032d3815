// A client of grpc.health.v1 against frames that a server made by hand.
#include "shared/serve/client/grpc_health_session.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace shared::grpc_health_session_test {
namespace {

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  for (int shift = 16; shift >= 0; shift -= 8) out.push_back(static_cast<char>(payload.size() >> shift));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(stream >> shift));
  return out.append(payload);
}

// A literal without indexing (RFC 7541 6.2.2).
std::string field(std::string_view name, std::string_view value) {
  std::string out(1, '\0');
  out.push_back(static_cast<char>(name.size()));
  out.append(name);
  out.push_back(static_cast<char>(value.size()));
  return out.append(value);
}

constexpr std::uint8_t kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kGoaway = 7, kPing = 6;
constexpr std::uint8_t kEndHeaders = 4, kEnd = 1;
const std::string kOk = field(":status", "200") + field("content-type", "application/grpc");

std::string answer(std::uint32_t stream, std::string_view message, std::string_view status = "0") {
  return frame(kHeaders, kEndHeaders, stream, kOk) + frame(kData, 0, stream, message) +
         frame(kHeaders, kEndHeaders | kEnd, stream, field("grpc-status", status));
}

class GrpcHealthSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    session_.ask("shop.example", "shop.Cart", "http");
    const std::string out = session_.take_output();
    EXPECT_TRUE(out.starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    EXPECT_TRUE(out.ends_with(std::string("\0\0\0\0\x0B\x0A\x09shop.Cart", 16)))
        << "END_STREAM, with the service's name";
    EXPECT_TRUE(session_.feed(frame(kSettings, 0, 0, "")));
  }
  std::string verdict(std::string_view octets) {
    EXPECT_TRUE(session_.feed(octets));
    EXPECT_TRUE(session_.done());
    return session_.verdict();
  }
  GrpcHealthSession session_;
};

TEST_F(GrpcHealthSessionTest, OnlyServingIsGood) {
  EXPECT_EQ(verdict(answer(1, std::string("\0\0\0\0\2\x08\1", 7))), "");
  session_.ask("shop.example", "shop.Cart", "http");
  EXPECT_FALSE(session_.done());
  EXPECT_FALSE(session_.take_output().empty());
  EXPECT_EQ(verdict(answer(3, std::string("\0\0\0\0\2\x08\2", 7))), "NOT_SERVING");
}

TEST_F(GrpcHealthSessionTest, AServiceThatIsNotThere) {
  EXPECT_EQ(verdict(frame(kHeaders, kEndHeaders | kEnd, 1, kOk + field("grpc-status", "12"))), "grpc-status 12");
}

TEST_F(GrpcHealthSessionTest, AServerThatIsNoneOfGrpc) {
  EXPECT_EQ(verdict(frame(kHeaders, kEndHeaders | kEnd, 1, field(":status", "404"))), "status 404");
}

TEST_F(GrpcHealthSessionTest, AnAnswerWithoutAnEnd) {
  EXPECT_EQ(verdict(frame(kHeaders, kEndHeaders, 1, kOk) + frame(kData, kEnd, 1, std::string("\0\0\0\0\2\x08\1", 7))),
            "grpc-status missing");
}

TEST_F(GrpcHealthSessionTest, AMalformedMessage) {
  EXPECT_EQ(verdict(answer(1, "nonsense")), "malformed answer of grpc.health.v1");
}

TEST_F(GrpcHealthSessionTest, AReset) {
  EXPECT_EQ(verdict(frame(kReset, 0, 1, std::string("\0\0\0\2", 4))), "the call was reset: INTERNAL_ERROR");
}

TEST_F(GrpcHealthSessionTest, PingsAreAnsweredAndAGoawayIsSeen) {
  static_cast<void>(session_.take_output());
  ASSERT_TRUE(session_.feed(frame(kPing, 0, 0, "12345678")));
  EXPECT_NE(session_.take_output().find("12345678"), std::string::npos);
  EXPECT_FALSE(session_.leaving());
  ASSERT_TRUE(session_.feed(frame(kGoaway, 0, 0, std::string(8, '\0'))));
  EXPECT_TRUE(session_.leaving());
}

TEST_F(GrpcHealthSessionTest, WhatIsNoHttp2IsTold) { EXPECT_FALSE(session_.feed("HTTP/1.1 400 Bad Request\r\n\r\n")); }

}  // namespace
}  // namespace shared::grpc_health_session_test
