#include "edge/load/check.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/load/load.h"

namespace edge::check_test {
namespace {

using testing::Loaded;
using testing::with_regions;

const std::string kListen = "  listen: [{address: \"{edge}:8080\"}]\n";
const std::string kPools = "  pools: {web: {servers: [\"10.0.0.1:80\"]}}\n";
const std::string kRoutes = "  routes: [{path: /, pool: web}]\n";

std::string said(const std::string& edge) { return Loaded(with_regions(edge)).diagnostics.render(); }

bool has(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

TEST(CheckEdge, PoolsThatStandForEachOtherInARing) {
  const std::string three =
      "  pools:\n    a: {servers: {us: [\"10.0.0.1:80\"]}, absent: b}\n    b: {servers: {us: [\"10.0.0.1:80\"]}, "
      "absent: c}\n    c: {servers: {us: [\"10.0.0.1:80\"]}, absent: a}\n";
  const std::string text = said(kListen + three + "  routes: [{path: /, pool: a}]\n");
  for (const char* name : {"'a'", "'b'", "'c'"}) {
    EXPECT_TRUE(has(text, "pool " + std::string(name) + " would stand in for itself")) << text;
  }
}

TEST(CheckEdge, AChainThatEndsIsNoRing) {
  const std::string chain =
      "  pools:\n    a: {servers: {us: [\"10.0.0.1:80\"]}, absent: b}\n    b: {servers: [\"10.0.0.2:80\"]}\n";
  EXPECT_EQ(said(kListen + chain + "  routes: [{path: /, pool: a}]\n"), "");
}

TEST(CheckEdge, ARouteBehindOneThatTakesAllIsNeverReached) {
  const auto routes = [](const std::string& two) { return said(kListen + kPools + "  routes: [" + two + "]\n"); };
  EXPECT_TRUE(has(routes("{path: /, pool: web}, {path: /, method: GET, pool: web}"), "is never reached"));
  EXPECT_EQ(routes("{path: /, method: GET, pool: web}, {path: /, pool: web}"), "");
  EXPECT_EQ(routes("{path: /, share: 10%, pool: web}, {path: /, pool: web}"), "");
  EXPECT_TRUE(has(routes("{path: /, share: 100%, pool: web}, {path: /, pool: web}"), "is never reached"))
      << "all of the clients are all";
  EXPECT_EQ(routes("{path: /, host: a.b, pool: web}, {path: /, pool: web}"), "");
}

TEST(CheckEdge, ATimeThatAnotherAlwaysEndsFirst) {
  EXPECT_TRUE(has(said(kListen + kPools + kRoutes + "  timeout: {try: 3s, total: 2s}\n"),
                  "timeout: try: 3s is never reached: total: 2s ends first"));
  EXPECT_TRUE(has(said(kListen + kPools + kRoutes + "  timeout: {connect: 3s, total: 2s}\n"), "timeout: connect: 3s"));
  EXPECT_EQ(said(kListen + kPools + kRoutes + "  timeout: {try: 2s, total: 2s}\n"), "");
  EXPECT_EQ(said(kListen + kPools + kRoutes + "  timeout: {read: 3s, total: 2s}\n"), "")
      << "a body may be read for longer than the head was waited for";
  const std::string of_route = "  routes: [{path: /, pool: web, timeout: {total: 1s}}]\n";
  EXPECT_TRUE(has(said(kListen + kPools + of_route + "  timeout: {try: 3s}\n"), "total: 1s ends first"))
      << "the route's against the edge's";
}

TEST(CheckEdge, ACacheThatNothingIsEverStoredIn) {
  const auto cached = [](const std::string& pool, const std::string& route) {
    return said(kListen +
                "  caches: {main: {size: 1GiB}}\n  auth: {keys: {api_keys: /nowhere}}\n  pools: {web: {servers: "
                "[\"10.0.0.1:80\"]" +
                pool + "}}\n  routes: [{path: /, pool: web, cache: {store: main}" + route + "}]\n");
  };
  EXPECT_TRUE(has(cached("", ", auth: keys"), "cache has no effect: a route with auth"));
  EXPECT_TRUE(has(cached(", proxy_protocol: v1", ""), "cache has no effect: the servers of pool 'web'"));
  EXPECT_FALSE(has(cached("", ""), "no effect"));
}

// Ports are compared as the DNS nodes will ask.
TEST(CheckEdge, WhatDnsNodesAskMustBeListenedFor) {
  const auto with_dns = [](const std::string& health, const std::string& listen) {
    const std::string text = "service: shop\nregions:\n  us: {edges: [192.0.2.11]}\nhealth: {edge: {" + health +
                             "}}\ndns: {}\nedge:\n  listen: [{address: \"{edge}:" + listen + "\"}]\n" + kPools +
                             kRoutes;
    return Loaded(text).diagnostics.render();
  };
  EXPECT_EQ(with_dns("kind: http, port: 8080", "8080"), "");
  EXPECT_TRUE(has(with_dns("kind: http", "8080"), "health.edge asks port 80, where no listener of the edge"));
  EXPECT_EQ(with_dns("kind: http", "80"), "");
}

TEST(CheckEdge, TooManyTiersForASetOfBits) {
  std::string order;
  for (int i = 0; i < 33; ++i) order += (i == 0 ? "t" : ", t") + std::to_string(i);
  const std::string tiers =
      "  trusted_proxies: [10.0.0.0/8]\n  tiers: {order: [" + order + "], from: [{header: X-T}]}\n";
  EXPECT_TRUE(has(said(kListen + kPools + kRoutes + tiers), "order: more than 32 tiers"));
}

}  // namespace
}  // namespace edge::check_test
