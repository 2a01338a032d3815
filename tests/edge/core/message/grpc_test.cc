#include "edge/core/message/grpc.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace edge::grpc_test {
namespace {

using namespace std::chrono_literals;

http::FieldList fields_of(std::string_view name, std::string_view value) {
  http::FieldList fields;
  EXPECT_TRUE(fields.push({.name = name, .value = value, .id = http::field_id(name)}));
  return fields;
}

bool is_call(std::string_view type) { return is_grpc(fields_of("content-type", type)); }

TEST(Grpc, ACallIsKnownByItsType) {
  EXPECT_TRUE(is_call("application/grpc"));
  EXPECT_TRUE(is_call("application/grpc+proto"));
  EXPECT_TRUE(is_call("Application/gRPC;charset=utf-8"));
  EXPECT_FALSE(is_call("application/grpc-web"));
  EXPECT_FALSE(is_call("application/json"));
  EXPECT_FALSE(is_grpc({}));
}

std::optional<shared::Duration> timeout(std::string_view text) { return grpc_timeout(fields_of("grpc-timeout", text)); }

TEST(Grpc, TimeoutsHaveEightDigitsAndAUnit) {
  EXPECT_EQ(timeout("10S"), 10s);
  EXPECT_EQ(timeout("250m"), 250ms);
  EXPECT_EQ(timeout("7u"), 7us);
  EXPECT_EQ(timeout("100n"), 100ns);
  EXPECT_EQ(timeout("2M"), 2min);
  EXPECT_EQ(timeout("1H"), 1h);
  EXPECT_EQ(timeout("0S"), 0s);
  EXPECT_EQ(timeout("99999999H"), std::chrono::hours(24 * 365)) << "more than can be counted";
  for (const std::string_view bad : {"", "S", "10", "123456789S", "-1S", "1.5S", "1s", " 1S", "1 S", "+1S"}) {
    EXPECT_EQ(timeout(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(grpc_timeout({}), std::nullopt);
}

TEST(Grpc, StatusesOfHttpBecomeThoseOfItsDocument) {
  EXPECT_EQ(grpc_status_for(400), GrpcStatus::internal);
  EXPECT_EQ(grpc_status_for(401), GrpcStatus::unauthenticated);
  EXPECT_EQ(grpc_status_for(403), GrpcStatus::permission_denied);
  EXPECT_EQ(grpc_status_for(404), GrpcStatus::not_served);
  for (const std::uint16_t status : {429, 502, 503, 504}) EXPECT_EQ(grpc_status_for(status), GrpcStatus::unavailable);
  for (const std::uint16_t status : {301, 413, 431, 500}) EXPECT_EQ(grpc_status_for(status), GrpcStatus::unknown);
}

TEST(Grpc, PoolsJudgeACallByWhatItWouldHaveBeen) {
  EXPECT_EQ(http_status_for(0), 200);
  EXPECT_EQ(http_status_for(1), 499);
  EXPECT_EQ(http_status_for(4), 504);
  EXPECT_EQ(http_status_for(5), 404);
  EXPECT_EQ(http_status_for(14), 503);
  EXPECT_EQ(http_status_for(16), 401);
  EXPECT_EQ(http_status_for(17), 500);
}

TEST(Grpc, TheStatusIsFoundInHeadsAndTrailers) {
  EXPECT_EQ(grpc_status_of(fields_of("grpc-status", "14")), 14);
  EXPECT_EQ(grpc_status_of(fields_of("grpc-status", "17")), std::nullopt);
  EXPECT_EQ(grpc_status_of(fields_of("grpc-status", "x")), std::nullopt);
  EXPECT_EQ(grpc_status_of(http::FieldList{}), std::nullopt);
  EXPECT_EQ(grpc_status_of("x: 1\r\nGrpc-Status: 0\r\n"), 0);
  EXPECT_EQ(grpc_status_of("grpc-status:5\r\nx: 1\r\n"), 5);
  EXPECT_EQ(grpc_status_of("grpc-status-details-bin: 5\r\n"), std::nullopt);
  EXPECT_EQ(grpc_status_of("grpc-status: \r\n"), std::nullopt);
  EXPECT_EQ(grpc_status_of("grpc-status: 3"), 3);
  EXPECT_EQ(grpc_status_of(""), std::nullopt);
}

TEST(Grpc, MetadataPassesAndWhatOthersActOnDoesNot) {
  for (const std::string_view name : {"x-my-key", "my-data-bin", "grpc-status", "trace", "retry-pushback-ms"}) {
    EXPECT_TRUE(grpc_trailer_allowed(name)) << name;
  }
  for (const std::string_view name : {"content-length", "Transfer-Encoding", "host", "authorization", "set-cookie",
                                      "x-forwarded-for", "content_length", "x-forwarded-anything", "content-range",
                                      "proxy-authorization", "www-authenticate", "te", "trailer", "if-match"}) {
    EXPECT_FALSE(grpc_trailer_allowed(name)) << name;
  }
}

TEST(Grpc, APageBecomesTheEndOfACall) {
  const OwnHead end = grpc_end({.status = 503, .length = 20}, GrpcStatus::unavailable, "no server");
  EXPECT_EQ(end.status, 200);
  EXPECT_EQ(end.length, 0U);
  std::string out(1000, ' ');
  const auto size = write_own_response(out, {.head = end});
  ASSERT_TRUE(size);
  EXPECT_LE(*size, own_response_bound({.head = end}));
  const std::string head = out.substr(0, *size);
  EXPECT_NE(head.find("HTTP/1.1 200 OK\r\n"), std::string::npos);
  EXPECT_NE(head.find("Content-Type: application/grpc\r\n"), std::string::npos);
  EXPECT_NE(head.find("grpc-status: 14\r\ngrpc-message: no server\r\n"), std::string::npos);
  EXPECT_EQ(grpc_trailers(GrpcStatus::deadline_exceeded, "late"), "grpc-status: 4\r\ngrpc-message: late\r\n");
}

TEST(Grpc, StatusesHaveNames) {
  EXPECT_EQ(grpc_status_name(0), "OK");
  EXPECT_EQ(grpc_status_name(4), "DEADLINE_EXCEEDED");
  EXPECT_EQ(grpc_status_name(12), "UNIMPLEMENTED");
  EXPECT_EQ(grpc_status_name(14), "UNAVAILABLE");
  EXPECT_EQ(grpc_status_name(16), "UNAUTHENTICATED");
  EXPECT_EQ(grpc_status_name(17), "");
}

}  // namespace
}  // namespace edge::grpc_test
