#include "shared/serve/process/supervisor.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "tests/shared/serve/notify_socket.h"

namespace shared::supervisor_test {
namespace {

TEST(SupervisorTest, HangupReloadsAndTerminationStops) {
  test::NotifySocket manager;
  const LogCapture quiet;
  Supervisor supervisor;
  std::vector<std::string> calls;
  supervisor.on_reload([&] {
    calls.emplace_back("reload");
    notify_ready();
    ::raise(SIGTERM);
  });
  supervisor.on_stop([&] {
    calls.emplace_back("stop");
    supervisor.post([&] { supervisor.finish(); });
  });
  supervisor.post([] { ::raise(SIGHUP); });
  EXPECT_EQ(supervisor.run(), 0);
  EXPECT_EQ(calls, (std::vector<std::string>{"reload", "stop"}));
  EXPECT_EQ(manager.next().substr(0, 27), "RELOADING=1\nMONOTONIC_USEC=");
  EXPECT_EQ(manager.next(), "READY=1");
  EXPECT_EQ(manager.next(), "STOPPING=1");
}

TEST(SupervisorTest, UserSignalReopensLogsAndEndsNothing) {
  const LogCapture quiet;
  Supervisor supervisor;
  supervisor.on_reopen([&] { supervisor.finish(7); });
  supervisor.post([] { ::raise(SIGUSR1); });
  EXPECT_EQ(supervisor.run(), 7);
}

TEST(SupervisorTest, SecondSignalEndsAtOnce) {
  const LogCapture log;
  Supervisor supervisor;
  supervisor.on_stop([] { ::raise(SIGINT); });
  supervisor.post([] { ::raise(SIGINT); });
  EXPECT_EQ(supervisor.run(), 1);
  EXPECT_TRUE(log.contains("event=stop_forced"));
}

TEST(SupervisorTest, GraceTimeEndsADrainThatHangs) {
  const LogCapture log;
  Supervisor supervisor({.stop_grace = milliseconds(20)});
  bool asked = false;
  supervisor.on_stop([&] { asked = true; });
  supervisor.post([&] { supervisor.request_stop(); });
  EXPECT_EQ(supervisor.run(), 0);
  EXPECT_TRUE(asked);
  EXPECT_TRUE(log.contains("the grace time is over"));
}

TEST(SupervisorTest, TheStopItselfSaysHowLongItMayTake) {
  const LogCapture log;
  Supervisor supervisor({.stop_grace = std::chrono::hours(1)});
  supervisor.on_stop([&] { supervisor.set_stop_grace(milliseconds(20)); });
  supervisor.post([&] { supervisor.request_stop(); });
  EXPECT_EQ(supervisor.run(), 0);
  EXPECT_TRUE(log.contains("the grace time is over"));
}

TEST(SupervisorTest, AStopMayTakeLongerThanTheGraceBefore) {
  const LogCapture log;
  Supervisor supervisor({.stop_grace = milliseconds(0)});
  Timer drained(supervisor.loop());
  supervisor.on_stop([&] {
    supervisor.set_stop_grace(std::chrono::hours(1));
    drained.expires_after(milliseconds(50));
    drained.async_wait([&](error_code) { supervisor.finish(7); });
  });
  supervisor.post([&] { supervisor.request_stop(); });
  EXPECT_EQ(supervisor.run(), 7);
  EXPECT_FALSE(log.contains("stop_forced"));
}

TEST(SupervisorTest, NothingIsReloadedWhileItStops) {
  const LogCapture quiet;
  Supervisor supervisor;
  int reloads = 0;
  supervisor.on_reload([&] { ++reloads; });
  supervisor.on_stop([&] {
    supervisor.request_reload();
    supervisor.request_stop();
    supervisor.finish(3);
  });
  supervisor.post([&] { supervisor.request_stop(); });
  EXPECT_EQ(supervisor.run(), 3);
  EXPECT_EQ(reloads, 0);
}

TEST(SupervisorTest, BrokenPipeIsAnErrorNotADeath) {
  const Supervisor supervisor;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  ::close(ends[1]);
}

TEST(SupervisorTest, ALimitOnFileSizesIsAnErrorNotADeath) {
  const Supervisor supervisor;
  EXPECT_EQ(std::signal(SIGXFSZ, SIG_IGN), SIG_IGN);
}

// As a thread that is held in a mount that hangs, and that somebody joins.
TEST(SupervisorDeathTest, TheProcessEndsAlthoughAThreadDoesNot) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto hang = [] {
    Supervisor supervisor({.last_wait = milliseconds(20)});
    supervisor.post([&] { supervisor.finish(7); });
    const int status = supervisor.run();
    while (status == 7) ::pause();
  };
  EXPECT_EXIT(hang(), ::testing::ExitedWithCode(7), "");
}

TEST(SupervisorTest, WhatFollowsTheRunHasItsTime) {
  Supervisor supervisor({.last_wait = std::chrono::hours(1)});
  supervisor.post([&] { supervisor.finish(7); });
  EXPECT_EQ(supervisor.run(), 7);
}

TEST(SupervisorTest, DescriptorLimitIsRaised) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(raise_descriptor_limit(), before.rlim_max);
  rlimit after{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
}

TEST(SupervisorTest, WithoutAManagerNothingIsSaid) {
  const LogCapture log;
  ::unsetenv("NOTIFY_SOCKET");
  notify_ready();
  EXPECT_TRUE(log.lines().empty());
}

}  // namespace
}  // namespace shared::supervisor_test
