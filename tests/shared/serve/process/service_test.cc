#include "shared/serve/process/service.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "shared/serve/os/socket.h"
#include "tests/shared/serve/run_until.h"

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

  Result<void> open_admin(Service& service) const {
    return service.open_admin({.admin = config_.admin.dns, .metrics = config_.metrics.dns, .own = {}}, config_);
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
  ASSERT_TRUE(open_admin(service_));
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

// A successor gets all sockets, that of the operator too, and what is said to it; it hears of the end of the one
// before.
TEST_F(ServiceTest, ASuccessorTakesOverAndHearsOfTheEnd) {
  auto sockets = bind_udp(*Endpoint::parse("127.0.0.1:0"), 2);
  ASSERT_TRUE(sockets);
  const Endpoint where = local_endpoint(sockets->front().get());
  ASSERT_TRUE(service_.claim(folder_.string(), Start::alone));
  ASSERT_TRUE(open_admin(service_));
  for (const UniqueFd& fd : *sockets) service_.listens_on(where, fd.get());
  service_.serve({});
  const std::string path = folder_ / "admin.sock";
  EXPECT_TRUE(std::filesystem::exists(path));

  Supervisor next;
  int ended = 0;
  Service::Hooks hooks_of_next = hooks();
  hooks_of_next.predecessor_ended = [&] { ++ended; };
  auto successor = std::make_unique<Service>(next, "1.2.4", "config.yaml", std::move(hooks_of_next));
  auto claim = std::async(std::launch::async, [&] { return successor->claim(folder_.string(), Start::upgrade); });
  ASSERT_TRUE(test::run_until(service_.loop(),
                              [&] { return claim.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  const auto claimed = claim.get();
  ASSERT_TRUE(claimed) << claimed.error().message;
  EXPECT_TRUE(service_.upgrading());
  EXPECT_EQ(successor->inherited_state(), "what no file says");
  EXPECT_EQ(successor->inherited().left(), 3U);
  EXPECT_EQ(successor->inherited().take_udp(where).size(), 2U);
  ASSERT_TRUE(open_admin(*successor));
  EXPECT_EQ(successor->inherited().left(), 0U);
  EXPECT_FALSE(service_.handed_over());
  successor->serve({});
  ASSERT_TRUE(test::run_until(service_.loop(), [&] { return service_.handed_over(); }));
  EXPECT_EQ(handed_over_, 1);
  EXPECT_FALSE(service_.upgrading());
  EXPECT_TRUE(supervisor_.stopping());
  service_.state_writer().write("late", [] { return std::string("of the one before"); });
  test::run_for(service_.loop(), std::chrono::milliseconds(50));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "late")) << "the files are the successor's";
  test::run_for(next.loop(), std::chrono::milliseconds(20));
  EXPECT_EQ(ended, 0) << "it drains";
  service_.close();
  EXPECT_TRUE(test::run_until(next.loop(), [&] { return ended == 1; }));
  EXPECT_TRUE(log_.contains("event=predecessor_ended"));
  EXPECT_TRUE(std::filesystem::exists(path)) << "the successor listens there";
  successor->close();
  EXPECT_FALSE(std::filesystem::exists(path));
  service_.stop();
  successor->stop();
}

// The running one goes on.
TEST_F(ServiceTest, ASuccessorThatFailsSaysWhy) {
  ASSERT_TRUE(service_.claim(folder_.string(), Start::alone));
  ASSERT_TRUE(open_admin(service_));
  service_.serve({});
  Supervisor next;
  Service successor(next, "1.2.4", "config.yaml", hooks());
  auto claim = std::async(std::launch::async, [&] { return successor.claim(folder_.string(), Start::upgrade); });
  ASSERT_TRUE(test::run_until(service_.loop(),
                              [&] { return claim.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  ASSERT_TRUE(claim.get());
  successor.failed("no port for it");
  EXPECT_TRUE(test::run_until(service_.loop(),
                              [&] { return log_.contains("event=upgrade_failed reason=\"no port for it\""); }));
  EXPECT_FALSE(service_.upgrading());
  EXPECT_FALSE(service_.handed_over());
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
