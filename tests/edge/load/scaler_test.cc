#include "edge/load/scaler.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/edge/load/load.h"

namespace edge::scaler_test {
namespace {

using testing::Loaded;
using testing::with_regions;

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
}  // namespace edge::scaler_test
