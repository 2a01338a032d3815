// Watchdog: what the service manager hears, with real worker threads.
#include "shared/serve/process/watchdog.h"

#include <unistd.h>

#include <cstdlib>
#include <future>
#include <string>

#include <gtest/gtest.h>

#include "shared/serve/loop/worker_thread.h"
#include "shared/serve/os/log.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/process/notify.h"
#include "tests/shared/serve/notify_socket.h"
#include "tests/shared/serve/run_until.h"

namespace shared::watchdog_test {
namespace {

class WatchdogTest : public testing::Test {
 protected:
  WatchdogTest() { ::setenv("WATCHDOG_USEC", "800000", 1); }
  ~WatchdogTest() override {
    ::unsetenv("WATCHDOG_USEC");
    ::unsetenv("WATCHDOG_PID");
  }

  int signs() {  // that have come since the last call
    int count = 0;
    for (std::string text = manager_.next(); !text.empty(); text = manager_.next()) count += text == "WATCHDOG=1";
    return count;
  }

  test::NotifySocket manager_;
  LogCapture log_;
  Loop loop_;
};

TEST_F(WatchdogTest, AWorkerThatHangsIsFoundAndNothingMoreIsSent) {
  WorkerThread well({.name = "well", .core = std::nullopt});
  WorkerThread sick({.name = "sick", .core = std::nullopt});
  well.start();
  sick.start();
  const Watchdog watchdog(loop_, [&] { return std::vector{well.heartbeats(), sick.heartbeats()}; });
  int heard = 0;
  EXPECT_TRUE(test::run_until(loop_, [&] { return (heard += signs()) >= 6; })) << "while both are well";
  std::promise<void> release;
  sick.post([&] { release.get_future().wait(); });
  EXPECT_TRUE(test::run_until(loop_, [&] { return log_.contains("event=worker_hangs worker=1"); }));
  (void)signs();
  test::run_for(loop_, milliseconds(600));
  EXPECT_EQ(signs(), 0);
  release.set_value();
  EXPECT_TRUE(test::run_until(loop_, [&] { return signs() > 0; })) << "it goes on";
}

TEST(Notify, AManagerThatDoesNotReadHoldsNobody) {
  const LogCapture quiet;
  test::NotifySocket manager;
  for (int i = 0; i < 2000; ++i) notify_watchdog();  // more than a socket's queue takes
  EXPECT_TRUE(quiet.contains("event=notify_failed"));
  EXPECT_EQ(manager.next(), "WATCHDOG=1");
}

TEST_F(WatchdogTest, SilentWhereNobodyAsks) {
  ::setenv("WATCHDOG_PID", std::to_string(::getpid() + 1).c_str(), 1);
  EXPECT_FALSE(watchdog_timeout());
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_timeout(), milliseconds(800));
  for (const char* wrong : {"", "0", "-5", "5s"}) {
    ::setenv("WATCHDOG_USEC", wrong, 1);
    EXPECT_FALSE(watchdog_timeout()) << wrong;
  }
  const Watchdog watchdog(loop_, [] { return std::vector<std::uint64_t>{}; });
  loop_.run();  // no timer waits
  EXPECT_EQ(signs(), 0);
}

TEST_F(WatchdogTest, StoresListeningSocketsWithTheManager) {
  const auto sockets = bind_udp(*Endpoint::parse("127.0.0.1:0"), 2);
  ASSERT_TRUE(sockets);
  const std::array<int, 2> descriptors{(*sockets)[0].get(), (*sockets)[1].get()};
  notify_store(descriptors);
  EXPECT_EQ(manager_.next(), "FDSTOREREMOVE=1\nFDNAME=listener");
  const Received stored = manager_.receive();
  EXPECT_EQ(stored.text, "FDSTORE=1\nFDNAME=listener");
  ASSERT_EQ(stored.descriptors.size(), 2U);
  EXPECT_EQ(local_endpoint(stored.descriptors[1].get()), local_endpoint(descriptors[1]));
}

}  // namespace
}  // namespace shared::watchdog_test
