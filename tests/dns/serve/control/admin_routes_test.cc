#include "dns/serve/control/admin_routes.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dns/serve/control/lone_server.h"

namespace dns::admin_routes_test {
namespace {

using AdminRoutesTest = LoneServer;

TEST_F(AdminRoutesTest, WhatItDoesNotUnderstandItSays) {
  for (const char* wrong : {"/drain", "/drain?target=one&scope=edge", "/drain?target=one&state=up&expires=-1",
                            "/undrain?target=one&state=up", "/undrain?target=nowhere", "/reload?what=zones",
                            "/reload?force_geo=perhaps", "/reload?force=true"}) {
    EXPECT_NE(http("POST", wrong).find(" 400 "), std::string::npos) << wrong;
  }
  for (const char* wrong : {"/explain", "/explain?name=www.example.com&type=NONE",
                            "/explain?name=www.example.com&client=x", "/explain?name=www.example.com&resolver=x"}) {
    EXPECT_NE(http("GET", wrong).find(" 400 "), std::string::npos) << wrong;
  }
  for (const char* right : {"/reload?force_geo=true", "/reload?force_geo=false", "/logs/reopen"}) {
    EXPECT_NE(http("POST", right).find(" 200 "), std::string::npos) << right;
  }
  EXPECT_THAT(http("GET", "/explain?name=www.example.com&format=json"), testing::HasSubstr("application/json"));
  EXPECT_THAT(http("GET", "/explain?name=www.example.com&format=text"), testing::HasSubstr("text/plain"));
  for (const char* page : {"/status", "/metrics", "/given", "/healthz", "/explain?name=www.example.com"}) {
    EXPECT_THAT(http("GET", page), testing::StartsWith("HTTP/1.1 200 ")) << page;
  }
  const std::string given = http("GET", "/given");
  EXPECT_THAT(given, testing::HasSubstr(R"("sampled_one_in":)"));
  EXPECT_THAT(given, testing::HasSubstr(R"({"name":"two","edges":["up"]})"));
}

}  // namespace
}  // namespace dns::admin_routes_test
