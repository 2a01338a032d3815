#pragma once
// Runs a loop until a condition holds: tests wait for what happens, not for time. The limit only ends a broken test.

#include <chrono>

#include <gtest/gtest.h>

#include "shared/serve/loop/loop.h"

namespace shared::test {

template <class Condition>
[[nodiscard]] bool run_until(Loop& loop, Condition condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  loop.restart();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    loop.run_one_for(std::chrono::milliseconds(20));
    if (loop.stopped()) loop.restart();
  }
  return true;
}

// Lets the loop do what it would do in this time; for showing that something does NOT happen.
inline void run_for(Loop& loop, std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  loop.restart();
  while (std::chrono::steady_clock::now() < end) {
    loop.run_one_until(end);
    if (loop.stopped()) loop.restart();
  }
}

}  // namespace shared::test
