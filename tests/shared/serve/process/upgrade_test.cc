// Both sides of an upgrade in one process: the running server's on the test's loop, the successor's on a thread, since
// it waits for its answers.
#include "shared/serve/process/upgrade.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "shared/serve/os/pass_descriptors.h"
#include "shared/serve/os/socket.h"
#include "tests/shared/serve/run_until.h"

namespace shared::upgrade_test {
namespace {

using test::run_until;
using Asked = Result<std::optional<Predecessor>>;

ino_t inode(int fd) {
  struct stat seen{};
  EXPECT_EQ(::fstat(fd, &seen), 0);
  return seen.st_ino;
}

class UpgradeTest : public testing::Test {
 protected:
  UpgradeTest() : folder_(std::filesystem::path(testing::TempDir()) / ("upgrade_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    state_.emplace(std::move(*StateDirectory::open(folder_.string())));
    open();
  }
  ~UpgradeTest() override {
    port_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    UpgradePort::Hooks hooks;
    hooks.offer = [this] { return offer_; };
    hooks.taken_over = [this] { ++taken_over_; };
    auto port = UpgradePort::open(loop_, *state_, std::move(hooks));
    ASSERT_TRUE(port) << port.error().message;
    port_ = std::move(*port);
  }
  Asked ask() {
    auto asked = std::async(std::launch::async, [this] { return Predecessor::ask(folder_.string()); });
    EXPECT_TRUE(until([&] { return asked.wait_for(seconds(0)) == std::future_status::ready; }));
    return asked.get();
  }
  template <class Condition>
  bool until(Condition condition) {
    return run_until(loop_, condition);
  }
  // A client that speaks for itself.
  UniqueFd connect() const {
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s/upgrade", folder_.c_str());
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  LogCapture log_;
  std::filesystem::path folder_;
  std::optional<StateDirectory> state_;
  Loop loop_{kOneThread};
  std::optional<UpgradePort::Offer> offer_{UpgradePort::Offer{}};
  int taken_over_ = 0;
  std::unique_ptr<UpgradePort> port_;
};

// More sockets than one message takes, and more state.
TEST_F(UpgradeTest, HandsOverAllItHasAndHearsThatItMayGo) {
  const auto sockets = bind_udp(*Endpoint::parse("127.0.0.1:0"), kMostDescriptors + 2);
  ASSERT_TRUE(sockets) << sockets.error().message;
  for (const UniqueFd& fd : *sockets) offer_->sockets.push_back(fd.get());
  for (int i = 0; i < 20'000; ++i) offer_->state += std::to_string(i) + ' ';
  EXPECT_FALSE(port_->busy());
  auto asked = ask();
  ASSERT_TRUE(asked) << asked.error().message;
  ASSERT_TRUE(*asked);
  Predecessor& before = **asked;
  EXPECT_TRUE(port_->busy());
  EXPECT_TRUE(log_.contains("event=upgrade_begun"));
  EXPECT_EQ(before.state(), offer_->state);
  const auto taken = before.take_sockets();
  ASSERT_EQ(taken.size(), sockets->size());
  for (std::size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(inode(taken[i].get()), inode((*sockets)[i].get()));
  EXPECT_EQ(inode(before.take_lock().get()), inode(state_->lock()));
  EXPECT_EQ(taken_over_, 0);
  before.ready();
  ASSERT_TRUE(until([this] { return taken_over_ > 0; }));
  EXPECT_FALSE(port_->busy());
  bool ended = false;
  before.on_end(loop_, [&] { ended = true; });
  test::run_for(loop_, milliseconds(20));
  EXPECT_FALSE(ended) << "it drains";
  port_.reset();
  EXPECT_TRUE(until([&] { return ended; }));
  EXPECT_EQ(taken_over_, 1);
}

TEST_F(UpgradeTest, OneThatFailsIsToldOfAndTheNextMayTry) {
  auto first = ask();
  ASSERT_TRUE(first && *first);
  (*first)->failed("no such zone");
  ASSERT_TRUE(until([this] { return log_.contains("event=upgrade_failed reason=\"no such zone\""); }));
  EXPECT_FALSE(port_->busy());
  {
    const auto second = ask();
    ASSERT_TRUE(second && *second);
    EXPECT_TRUE(port_->busy());
  }
  ASSERT_TRUE(until([this] { return log_.contains("reason=\"it ended before it was ready\""); }));
  auto third = ask();
  ASSERT_TRUE(third && *third);
  (*third)->ready();
  EXPECT_TRUE(until([this] { return taken_over_ == 1; }));
}

TEST_F(UpgradeTest, TwoAtATimeWaitForEachOther) {
  auto first = ask();
  ASSERT_TRUE(first && *first);
  auto second = std::async(std::launch::async, [this] { return Predecessor::ask(folder_.string()); });
  test::run_for(loop_, milliseconds(50));
  EXPECT_EQ(second.wait_for(seconds(0)), std::future_status::timeout);
  (*first)->failed("of a test");
  ASSERT_TRUE(until([&] { return second.wait_for(seconds(0)) == std::future_status::ready; }));
  const auto asked = second.get();
  EXPECT_TRUE(asked && *asked);
}

TEST_F(UpgradeTest, WhoSpeaksOtherwiseIsSentAway) {
  for (const char* word : {"meridian 2", "ready", "end"}) {
    const std::size_t before = log_.lines().size();
    const UniqueFd other = connect();
    ASSERT_TRUE(send_with_descriptors(other.get(), word, {}));
    EXPECT_TRUE(until([&] { return log_.lines().size() > before; })) << word;
    EXPECT_NE(log_.lines().back().find("it speaks another protocol"), std::string::npos) << log_.lines().back();
    EXPECT_FALSE(port_->busy());
  }
  EXPECT_EQ(taken_over_, 0);
  // Who has been offered everything does not ask again.
  const UniqueFd twice = connect();
  ASSERT_TRUE(send_with_descriptors(twice.get(), "meridian 1", {}));
  ASSERT_TRUE(until([this] { return port_->busy(); }));
  ASSERT_TRUE(send_with_descriptors(twice.get(), "meridian 1", {}));
  EXPECT_TRUE(until([this] { return !port_->busy(); }));
}

TEST_F(UpgradeTest, WhoEndsGivesNothing) {
  offer_.reset();
  const auto asked = ask();
  ASSERT_FALSE(asked);
  EXPECT_NE(asked.error().message.find("the running server does not"), std::string::npos) << asked.error().message;
  EXPECT_TRUE(log_.contains("event=upgrade_failed reason=\"this server is ending\""));
}

TEST_F(UpgradeTest, WithoutAServerThereIsNobodyToTakeOverFrom) {
  const auto nowhere = Predecessor::ask((folder_ / "nowhere").string());
  ASSERT_TRUE(nowhere) << nowhere.error().message;
  EXPECT_FALSE(*nowhere);
  port_.reset();  // its socket's file stays, as after a kill
  EXPECT_TRUE(std::filesystem::exists(folder_ / "upgrade"));
  const auto dead = Predecessor::ask(folder_.string());
  ASSERT_TRUE(dead) << dead.error().message;
  EXPECT_FALSE(*dead);
  std::filesystem::remove(folder_ / "upgrade");
  const auto gone = Predecessor::ask(folder_.string());
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_FALSE(*gone);
}

TEST_F(UpgradeTest, WhatCannotBeReachedIsAnError) {
  port_.reset();
  std::filesystem::remove(folder_ / "upgrade");
  const UniqueFd other(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s/upgrade", folder_.c_str());
  ASSERT_EQ(::bind(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(other.get(), 1), 0);
  const auto asked = Predecessor::ask(folder_.string());
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().message,
            "cannot reach the running server at " + folder_.string() + "/upgrade: Protocol wrong type for socket");
}

// What a killed server left is replaced, and only its own user may ask.
TEST_F(UpgradeTest, TheSocketIsItsOwnersAlone) {
  port_.reset();
  open();
  struct stat seen{};
  ASSERT_EQ(::stat((folder_ / "upgrade").c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0777U, 0600U);
  EXPECT_FALSE(std::filesystem::exists(folder_ / ".upgrade.new"));
  const auto asked = ask();
  EXPECT_TRUE(asked && *asked);
}

}  // namespace
}  // namespace shared::upgrade_test
