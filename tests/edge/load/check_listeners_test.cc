#include "edge/load/check_listeners.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/edge/load/load.h"

namespace edge::check_listeners_test {
namespace {

using testing::Loaded;
using testing::with_regions;

// What is said of a second listener, before a pool of these options and one that is plain.
std::string said(const std::string& listener, const std::string& pool = "") {
  return Loaded(with_regions(
                    "  listen: [{address: \"{edge}:80\"}, {address: \"{edge}:443\", " + listener +
                    "}]\n  pools:\n    web: {servers: [\"10.0.0.1:80\"]}\n    db: {servers: [\"10.0.0.2:80\"]" +
                    (pool.empty() ? "" : ", " + pool) + "}\n  routes: [{path: /, pool: web}, {path: /db, pool: db}]\n"))
      .diagnostics.render();
}

bool has(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

TEST(CheckListeners, APoolThatIsThereIsNotSpokenOf) {
  EXPECT_EQ(said("protocol: tcp, pool: db"), "");
  EXPECT_EQ(said("protocol: tcp, sni: [{name: a.example, pool: web}, {name: b.example, pool: db}]"), "");
}

TEST(CheckListeners, APoolThatIsNotThereIsNamedBesideTheNearest) {
  EXPECT_TRUE(has(said("protocol: tcp, pool: bd"), "unknown pool 'bd'"));
  EXPECT_TRUE(
      has(said("protocol: tcp, sni: [{name: a.example, pool: wbe}]"), "unknown pool 'wbe' (did you mean 'web'?)"));
}

// Octets that are passed on have no cookies and no header fields.
TEST(CheckListeners, WhatOnlyARequestSaysIsReadByNobody) {
  EXPECT_TRUE(has(said("protocol: tcp, pool: db", "balance: consistent_hash, hash: {by: {header: X-User}}"),
                  "warning: pool 'db' hashes by what a request says"));
  EXPECT_EQ(said("protocol: tcp, pool: db", "balance: consistent_hash"), "") << "by the client's address";
  EXPECT_EQ(said("protocol: http", "balance: consistent_hash, hash: {by: {header: X-User}}"), "");
}

TEST(CheckListeners, ANameLeadsToOnePool) {
  const std::string text =
      said("protocol: tcp, sni: [{name: a.example, pool: web}, {name: [b.example, a.example], pool: db}]");
  EXPECT_TRUE(has(text, "error: name: 'a.example' already has a pool")) << text;
  EXPECT_FALSE(has(text, "'b.example'")) << text;
}

}  // namespace
}  // namespace edge::check_listeners_test
