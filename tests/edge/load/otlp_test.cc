#include "edge/load/otlp.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/edge/load/load.h"

namespace edge::otlp_test {
namespace {

using testing::Loaded;
using testing::with_regions;

class OtlpFiles : public ::testing::Test {
 protected:
  ~OtlpFiles() override { std::filesystem::remove_all(folder_); }

  std::optional<OtlpPlan> build(const std::string& otlp) {
    Loaded loaded(with_regions(testing::edge_with("{servers: [\"10.0.0.1:80\"]}") +
                               "  trace: {sample: 5%, otlp: " + otlp + "}\n"));
    std::optional<OtlpPlan> plan;
    if (loaded.edge.trace && loaded.edge.trace->otlp) plan = build_otlp(*loaded.edge.trace->otlp, loaded.diagnostics);
    problems_ = loaded.diagnostics.render();
    return plan;
  }
  std::string file(const std::string& text, std::filesystem::perms mode = std::filesystem::perms::owner_read) {
    const auto path = folder_ / "headers";
    std::filesystem::remove(path);
    std::ofstream(path) << text;
    std::filesystem::permissions(path, mode);
    return path.string();
  }
  static std::filesystem::path make() {
    std::string name = (std::filesystem::temp_directory_path() / "meridian-otlp-XXXXXX").string();
    return ::mkdtemp(name.data());
  }

  std::filesystem::path folder_ = make();
  std::string problems_;
};

TEST_F(OtlpFiles, IsBuiltWithItsFields) {
  const auto plan =
      build("{url: \"https://collector.internal:4318/v1/traces\", headers: {X-Tenant: shop}, headers_file: " +
            file("# keys\n\n  Authorization:  Bearer abc \nX-Other: 1") +
            ", timeout: 3s, gzip: true, batch: 100, delay: 2s, queue: 1MiB, service: edge, query: true}");
  EXPECT_EQ(problems_, "");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->headers, (WebFields{{"X-Tenant", "shop"}, {"Authorization", "Bearer abc"}, {"X-Other", "1"}}));
  EXPECT_EQ(plan->url.port, 4318);
  ASSERT_TRUE(plan->tls);
  EXPECT_TRUE(plan->tls->verify);
  EXPECT_EQ(plan->tls->server_name, "collector.internal");
  EXPECT_EQ(plan->timeout, shared::Duration(shared::seconds(3)));
  EXPECT_TRUE(plan->gzip);
  EXPECT_EQ(plan->batch, 100U);
  EXPECT_EQ(plan->delay, shared::Duration(shared::seconds(2)));
  EXPECT_EQ(plan->queue, 1U << 20);
  EXPECT_EQ(plan->service, "edge");
  const auto plain = build("{url: \"http://127.0.0.1:4318/v1/traces\"}");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->service, "meridian-edge");
  EXPECT_EQ(plain->batch, 512U);
}

TEST_F(OtlpFiles, WhatIsWrongIsTold) {
  const std::string url = "url: \"http://a.b/v1/traces\"";
  const auto says = [&](const std::string& otlp, std::string_view part) {
    static_cast<void>(build(otlp));
    return problems_.find(part) != std::string::npos;
  };
  EXPECT_TRUE(says("{}", "url"));
  EXPECT_TRUE(says("{url: \"collector:4318\"}", "expected a URL such as"));
  EXPECT_TRUE(says("{url: \"http://a.b\"}", "/v1/traces"));
  EXPECT_TRUE(says("{" + url + ", tls: {}}", "tls has no effect"));
  EXPECT_TRUE(says("{" + url + ", headers: {Content-Length: \"5\"}}", "the edge's own to say"));
  EXPECT_TRUE(says("{" + url + ", headers: {Host: x}}", "the edge's own to say"));
  EXPECT_TRUE(says("{" + url + ", headers: {\"A B\": x}}", "A B"));
  EXPECT_TRUE(says("{" + url + ", headers: {X-A: \"a\\nb\"}}", "not printable"));
  EXPECT_TRUE(says("{" + url + ", headers_file: " + (folder_ / "gone").string() + "}", "cannot read"));
  EXPECT_TRUE(says("{" + url + ", headers_file: " + file("Authorization secret\n") + "}", "line 1"));
  EXPECT_EQ(problems_.find("secret"), std::string::npos) << "what stands in it is never told";
  EXPECT_TRUE(says("{" + url + ", headers_file: " + file("A: b\n", std::filesystem::perms(0644)) + "}", "chmod o-rwx"));
  EXPECT_TRUE(says("{" + url + ", batch: 0}", "batch"));
}

TEST_F(OtlpFiles, ItsFilesAreWatched) {
  OtlpConfig config;
  config.headers_file.value = "/keys";
  config.tls.emplace();
  config.tls->ca = "/ca.pem";
  const auto files = files_of(config);
  EXPECT_NE(std::ranges::find(files, "/keys"), files.end());
  EXPECT_NE(std::ranges::find(files, "/ca.pem"), files.end());
}

}  // namespace
}  // namespace edge::otlp_test
