#include "edge/serve/request/password_checker.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace edge::password_checker_test {
namespace {

TEST(PasswordChecker, KnowsHashesOfCrypt) {
  EXPECT_FALSE(password_fits("secret", ""));
  EXPECT_FALSE(password_fits("secret", "nonsense"));
  EXPECT_FALSE(password_fits("secret", "*0"));
  EXPECT_TRUE(password_fits("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"));
  EXPECT_FALSE(password_fits("Hello world?", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"));
}

TEST(PasswordChecker, TellsOnTheLoopAndRefusesWhenItIsFull) {
  shared::WorkerLoop loop;
  PasswordChecker checker(loop);
  std::vector<std::shared_ptr<PendingPassword>> all;
  std::size_t taken = 0;
  bool full = false;
  for (std::size_t i = 0; i < 4 * PasswordChecker::kMostWaiting && !full; ++i) {
    auto pending = std::make_shared<PendingPassword>();
    pending->check.password = "Hello world!";
    pending->check.hash = "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";
    pending->check.known = i != 0;
    full = !checker.submit(pending);
    if (!full) all.push_back(std::move(pending));
    taken += full ? 0 : 1;
  }
  EXPECT_TRUE(full);
  EXPECT_GE(taken, PasswordChecker::kMostWaiting);
  while (!all.back()->finished) loop.poll();
  EXPECT_FALSE(all[0]->good) << "the right password of a name that is not there";
  EXPECT_TRUE(all.back()->good);
}

}  // namespace
}  // namespace edge::password_checker_test
