#include "edge/load/check_sessions.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/edge/load/load.h"

namespace edge::check_sessions_test {
namespace {

using testing::Loaded;
using testing::with_regions;

// A file of the test's own, gone with it.
struct TemporaryFile {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("session-keys-" + std::to_string(::getpid()));

  explicit TemporaryFile(const std::string& text) {
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms(0600));
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
};

std::string sessions_of(const std::string& one, const std::string& two, const std::string& routes) {
  const TemporaryFile file("000102030405060708090a0b0c0d0e0f\n");
  const std::string keys = "keys: \"" + file.path.string() + "\"";
  return Loaded(with_regions("  trusted_proxies: [10.0.0.0/8]\n  listen: [{address: \"{edge}:8080\"}]\n  pools:\n    "
                             "one: {sticky: {" +
                             keys + one + "}, servers: [\"10.0.0.1:80\"]}\n    two: {sticky: {" + keys + two +
                             "}, servers: [\"10.0.0.2:80\"]}\n  routes: " + routes + "\n"))
      .diagnostics.render();
}

TEST(CheckSessions, EachPoolsSessionsHaveACookieOfTheirOwn) {
  const std::string same = "[{path: /, pool: one}, {path: /x, pool: two}]";
  EXPECT_EQ(sessions_of("", "", same), "");
  EXPECT_EQ(session_cookie("api-v2", {}), "MERIDIAN_api-v2");
  EXPECT_EQ(session_cookie("a b", {}), "MERIDIAN_a_b");
  const auto warns = [](const std::string& problems) {
    return problems.find("warning: sticky: pool 'one' has a cookie S on the same host") != std::string::npos;
  };
  const std::string s = ", cookie: S";
  EXPECT_TRUE(warns(sessions_of(s, s, same)));
  EXPECT_TRUE(warns(sessions_of(s, s, "[{host: \"*.b.c\", pool: one}, {host: a.b.c, pool: two}]")));
  EXPECT_TRUE(warns(sessions_of(s + ", domain: b.c", s, "[{host: x.b.c, pool: one}, {host: a.b.c, pool: two}]")));
  EXPECT_FALSE(warns(sessions_of(s, s, "[{host: x.b.c, pool: one}, {host: a.b.c, pool: two}]")));
  EXPECT_FALSE(warns(sessions_of(s + ", path: /a", s + ", path: /b", same)));
  EXPECT_FALSE(warns(sessions_of(s, ", cookie: T", same)));
}

// A pool that stands in for another serves the hosts of both.
TEST(CheckSessions, AStandInHasTheHostsOfWhomItStandsFor) {
  const TemporaryFile file("000102030405060708090a0b0c0d0e0f\n");
  const std::string sticky = "sticky: {cookie: S, keys: \"" + file.path.string() + "\"}";
  const std::string text =
      Loaded(with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools:\n    one: {" + sticky +
                          ", servers: [\"10.0.0.1:80\"]}\n    two: {" + sticky +
                          ", servers: [\"10.0.0.2:80\"]}\n"
                          "    away: {servers: {us: [\"10.0.0.3:80\"]}, absent: two}\n"
                          "  routes: [{host: a.b, pool: one}, {host: a.b, path: /x, pool: away}]\n"))
          .diagnostics.render();
  EXPECT_NE(text.find("pool 'one' has a cookie S on the same host"), std::string::npos) << text;
}

TEST(CheckSessions, ASecureCookieNeedsHttpsSomewhere) {
  const TemporaryFile file("000102030405060708090a0b0c0d0e0f\n");
  const auto problems = [&](const std::string& edge, const std::string& sticky, const std::string& listen) {
    return Loaded(with_regions(edge + "  listen: [{address: \"{edge}:8080\"" + listen +
                               "}]\n  pools: {one: {sticky: {keys: \"" + file.path.string() + "\"" + sticky +
                               "}, servers: [\"10.0.0.1:80\"]}}\n" + "  routes: [{path: /, pool: one}]\n"))
        .diagnostics.render();
  };
  EXPECT_NE(problems("", "", "").find("warning: sticky: browsers send a Secure cookie over https alone"),
            std::string::npos);
  EXPECT_EQ(problems("", ", secure: false", ""), "");
  EXPECT_EQ(problems("  trusted_proxies: [10.0.0.0/8]\n", "", ""), "");
  EXPECT_EQ(problems("", "", ", proxy_protocol: {from: [10.0.0.0/8]}"), "");
}

TEST(CheckSessions, ASecureCookieDoesNotComeBackOverAPlainListenerBesideAnother) {
  const TemporaryFile file("000102030405060708090a0b0c0d0e0f\n");
  const auto problems = [&](const std::string& plain) {
    return Loaded(
               with_regions(
                   "  listen:\n    - {address: \"{edge}:443\", proxy_protocol: {from: [10.0.0.0/8]}}\n    - {address: "
                   "\"{edge}:80\"" +
                   plain + "}\n  pools: {one: {sticky: {keys: \"" + file.path.string() +
                   "\"}, servers: [\"10.0.0.1:80\"]}}\n  routes: [{path: /, pool: one}]\n"))
        .diagnostics.render();
  };
  EXPECT_NE(problems("").find("so clients of the listener {edge}:80 ("), std::string::npos) << problems("");
  EXPECT_EQ(problems(", redirect_to_https: true"), "");
}

}  // namespace
}  // namespace edge::check_sessions_test
