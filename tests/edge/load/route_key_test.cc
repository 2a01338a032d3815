#include "edge/load/route_key.h"

#include <gtest/gtest.h>

#include <string>

namespace edge::route_key_test {
namespace {

RouteConfig route(std::string host, std::string path) {
  RouteConfig out;
  out.host = std::move(host);
  out.path = std::move(path);
  return out;
}

TEST(RouteKey, APlaceIsHostAndPathAsMatchingSeesThem) {
  EXPECT_EQ(route_place(route("shop.example", "/api/")), "shop.example/api");
  EXPECT_EQ(route_place(route("shop.example", "/api")), "shop.example/api");
  EXPECT_EQ(route_place(route("", "/")), "/");
  EXPECT_EQ(route_place(route("", "=/login/")), "=/login/") << "an exact path keeps its slash";
}

// A share is drawn by the name: to write alternatives in another order moves nobody.
TEST(RouteKey, TheOrderOfAlternativesMakesNoDifference) {
  RouteConfig one = route("", "/");
  one.methods = {http::Method::put, http::Method::get};
  one.tiers = {{"gold", {}}, {"free", {}}};
  RouteConfig other = route("", "/");
  other.methods = {http::Method::get, http::Method::put};
  other.tiers = {{"free", {}}, {"gold", {}}};
  EXPECT_EQ(route_conditions(one), " tier=free|gold method=GET|PUT");
  EXPECT_EQ(route_name(one), route_name(other));
}

TEST(RouteKey, EveryConditionIsPartOfIt) {
  RouteConfig all = route("", "/x");
  EXPECT_EQ(route_conditions(all), "");
  all.headers = {{"X-Beta", "1", http::FieldId::other}};
  all.cookies = {{"canary", std::nullopt, http::FieldId::other}};
  all.share = 12.5;
  EXPECT_EQ(route_conditions(all), " header=X-Beta:1 cookie=canary:* share=12.5%");
  EXPECT_EQ(route_name(all), "/x header=X-Beta:1 cookie=canary:* share=12.5%");
  all.name = "beta";
  EXPECT_EQ(route_name(all), "beta");
}

TEST(RouteKey, DepthCountsSegments) {
  EXPECT_EQ(route_depth(route("", "/")), 0U);
  EXPECT_EQ(route_depth(route("", "/a")), 1U);
  EXPECT_EQ(route_depth(route("", "/a/")), 1U);
  EXPECT_EQ(route_depth(route("", "/a/b")), 2U);
}

TEST(MethodName, IsThatOfTheRequestLine) {
  EXPECT_EQ(method_name(http::Method::get), "GET");
  EXPECT_EQ(method_name(http::Method::connect), "CONNECT");
  EXPECT_EQ(method_name(http::Method::patch), "PATCH");
  EXPECT_EQ(method_name(http::Method::other), "");
}

}  // namespace
}  // namespace edge::route_key_test
