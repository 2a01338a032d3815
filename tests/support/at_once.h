#pragma once
// The same work on several threads at once, as a server's workers do it.

#include <thread>
#include <vector>

namespace test {

// work(0), work(1) ... each on a thread of its own; returns when all have ended.
template <class Work>
void at_once(unsigned workers, const Work& work) {
  std::vector<std::jthread> threads;
  for (unsigned worker = 0; worker < workers; ++worker) threads.emplace_back([&work, worker] { work(worker); });
}

}  // namespace test
