#include "shared/serve/process/service.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"

namespace shared::service_test {
namespace {

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest()
      : folder_(std::filesystem::path(::testing::TempDir()) / ("service_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    config_.hash = 7;
  }
  ~ServiceTest() override { std::filesystem::remove_all(folder_); }

  Service::Hooks hooks() {
    Service::Hooks hooks;
    hooks.heartbeats = [this] { return beats_; };
    hooks.state = [] { return std::string("what no file says"); };
    hooks.handed_over = [this] { ++handed_over_; };
    return hooks;
  }

  std::filesystem::path folder_;
  load::Config config_;
  std::vector<std::uint64_t> beats_{1, 1};
  int handed_over_ = 0;
  LogCapture log_;
  Supervisor supervisor_;
  Service service_{supervisor_, "1.2.3", "config.yaml", hooks()};
};

TEST_F(ServiceTest, ServesWithAnAdminSocketAndAPortForASuccessor) {
  ASSERT_TRUE(service_.claim(folder_.string(), Start::alone));
  service_.configured(config_);
  ASSERT_TRUE(service_.open_admin({.admin = config_.admin.dns, .metrics = config_.metrics.dns, .own = {}}, config_));
  ASSERT_EQ(service_.admins().size(), 1U);
  EXPECT_TRUE(service_.admins()[0]->address().ends_with("admin.sock"));
  service_.listens_on(*Endpoint::parse("127.0.0.1:53"), 5);
  service_.listens_on(*Endpoint::parse("127.0.0.1:53"), 6);
  EXPECT_EQ(service_.listening().size(), 1U);
  EXPECT_EQ(service_.listeners(), 2U);
  service_.serve({{"zones", 3}});
  EXPECT_TRUE(
      log_.contains("started listen=127.0.0.1:53 workers=2 version=1.2.3 config_hash=0000000000000007 zones=3"));
  EXPECT_FALSE(log_.contains("no_upgrades"));
  EXPECT_FALSE(service_.upgrading());
  EXPECT_EQ(service_.healthz().status, 200U);
  service_.close();
  EXPECT_TRUE(service_.admins().empty());
}

TEST_F(ServiceTest, AWorkerThatBeatsNoMoreIsNamed) {
  const auto told = [this] { return service_.healthz(); };
  EXPECT_EQ(told().status, 200U);
  for (int i = 0; i < 600 && told().status == 200; ++i) {
    ++beats_[0];
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(told().status, 503U);
  EXPECT_EQ(told().body, "worker 1 hangs\n");
  ++beats_[1];
  EXPECT_EQ(told().status, 200U);
}

TEST_F(ServiceTest, AnotherServerOnTheStateDirectoryIsAnError) {
  ASSERT_TRUE(service_.claim(folder_.string(), Start::alone));
  Service other(supervisor_, "1.2.3", "config.yaml", hooks());
  EXPECT_FALSE(other.claim(folder_.string(), Start::alone));
}

TEST_F(ServiceTest, CountsReloadsAndLetsNoMoreWaitThanItCanHold) {
  for (std::size_t i = 0; i < Service::kMostReloads; ++i) ASSERT_TRUE(service_.begin_reload());
  EXPECT_FALSE(service_.begin_reload());
  EXPECT_TRUE(service_.reloading());
  load::Diagnostics diagnostics;
  diagnostics.error({}, "no such file");
  service_.refused(diagnostics);
  EXPECT_TRUE(log_.contains("no such file"));
  EXPECT_TRUE(service_.begin_reload());
  for (std::size_t i = 0; i < Service::kMostReloads; ++i) service_.reloaded({{"generation", 2}});
  EXPECT_FALSE(service_.reloading());
  EXPECT_EQ(service_.facts().reloads_refused, 2U);
  EXPECT_EQ(service_.facts().reloads_done, Service::kMostReloads);
  EXPECT_TRUE(log_.contains("reloaded generation=2"));
}

TEST_F(ServiceTest, TheConfigurationInForceIsAFact) {
  const WallTime before = service_.facts().configured;
  service_.configured(config_);
  EXPECT_EQ(service_.facts().config_hash, 7U);
  EXPECT_GT(service_.facts().configured, before);
  EXPECT_EQ(service_.facts().version, "1.2.3");
}

}  // namespace
}  // namespace shared::service_test
