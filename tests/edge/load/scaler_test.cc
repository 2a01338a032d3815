#include "edge/load/scaler.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/edge/load/load.h"

namespace edge {
namespace {

using testing::Loaded;
using testing::with_regions;

TEST(WebUrl, HasAHostAPortAndATarget) {
  const auto plain = parse_web_url("http://scaler.internal/meridian?of=eu");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->host, "scaler.internal");
  EXPECT_EQ(plain->port, 80);
  EXPECT_EQ(plain->target, "/meridian?of=eu");
  const auto tls = parse_web_url("https://[2001:db8::1]:8443");
  ASSERT_TRUE(tls);
  EXPECT_TRUE(tls->tls);
  EXPECT_EQ(tls->host, "2001:db8::1");
  EXPECT_EQ(tls->authority, "[2001:db8::1]:8443");
  EXPECT_EQ(tls->port, 8443);
  EXPECT_EQ(tls->target, "/");
  EXPECT_EQ(parse_web_url("https://127.0.0.1/x")->port, 443);
  EXPECT_EQ(parse_web_url("http://a.b?x=1")->target, "/?x=1");
}

TEST(WebUrl, NothingElseIsOne) {
  for (const std::string_view text :
       {"", "scaler.internal", "ftp://a.b/", "http://", "http:///x", "http://a b/", "http://a.b:0/",
        "http://a.b:65536/", "http://a.b:x/", "http://a.b:/", "http://user@a.b/", "http://[::1", "http://[1.2.3.4]/",
        "http://a.b/x y", "http://a.b/#top", "http://a.b/\r\nX: y", "http://A.B/"}) {
    EXPECT_FALSE(parse_web_url(text)) << text;
  }
}

class ScalerFiles : public ::testing::Test {
 protected:
  ScalerFiles() {
    std::ofstream(folder_ / "key") << key_ << "\n";
    std::filesystem::permissions(folder_ / "key", std::filesystem::perms::owner_read);
    std::ofstream(folder_ / "short") << "short\n";
  }
  ~ScalerFiles() override { std::filesystem::remove_all(folder_); }

  ScalerPlan build(const std::string& scaler) {
    Loaded loaded(
        with_regions("  listen: [{address: \"{edge}:8080\"}]\n  pools:\n    web: {servers: "
                     "[\"10.0.0.1:80\"]}\n  routes: [{path: /, pool: web}]\n  scaler: " +
                     scaler + "\n"));
    ScalerPlan plan = build_scaler(loaded.edge.scaler, loaded.diagnostics);
    problems_ = loaded.diagnostics.render();
    return plan;
  }

  std::filesystem::path make() {
    std::string name = (std::filesystem::temp_directory_path() / "meridian-scaler-XXXXXX").string();
    return ::mkdtemp(name.data());
  }

  std::filesystem::path folder_ = make();
  std::string key_ = "0123456789abcdef0123";
  std::string problems_;
};

TEST_F(ScalerFiles, IsBuiltWithItsKeyAndTls) {
  const ScalerPlan plan = build("{webhook: {url: \"https://scaler.internal/x\", key: " + (folder_ / "key").string() +
                                ", timeout: 2s}, file: true}");
  EXPECT_EQ(problems_, "");
  ASSERT_TRUE(plan.webhook);
  EXPECT_EQ(plan.webhook->key, key_);
  EXPECT_EQ(plan.webhook->timeout, shared::Duration(shared::seconds(2)));
  ASSERT_TRUE(plan.webhook->tls);
  EXPECT_TRUE(plan.webhook->tls->verify) << "whoever is in the way could start servers";
  EXPECT_EQ(plan.webhook->tls->server_name, "scaler.internal");
  EXPECT_TRUE(plan.file);
  EXPECT_FALSE(build("{file: true}").webhook);
}

TEST_F(ScalerFiles, WhatIsWrongIsTold) {
  const std::string key = (folder_ / "key").string();
  const auto says = [&](const std::string& scaler, std::string_view part) {
    static_cast<void>(build(scaler));
    return problems_.find(part) != std::string::npos;
  };
  EXPECT_TRUE(says("{}", "say whom to tell"));
  EXPECT_TRUE(says("{webhook: {url: \"scaler:80\", key: " + key + "}}", "expected a URL such as"));
  EXPECT_TRUE(says("{webhook: {url: \"http://a.b/\"}}", "key"));
  EXPECT_TRUE(says("{webhook: {url: \"http://a.b/\", key: " + (folder_ / "short").string() + "}}", "at least 16"));
  EXPECT_TRUE(says("{webhook: {url: \"http://a.b/\", key: " + (folder_ / "gone").string() + "}}", "cannot read"));
  EXPECT_TRUE(says("{webhook: {url: \"http://a.b/\", key: " + key + ", tls: {}}}", "tls has no effect"));
}

}  // namespace
}  // namespace edge
