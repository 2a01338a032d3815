// Linked into a test program by tools/mutate: behind each test it writes the name, the milliseconds and the mistakes
// whose places were reached to the file that MERIDIAN_MUTANT_REACH names.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdio>

#include "tools/lib/mutate/switch.h"

namespace {

class Reach : public testing::EmptyTestEventListener {
 public:
  // What a test's child processes reach counts for the test: they share the octets.
  explicit Reach(const char* path) : file_(std::fopen(path, "w")) {
    void* at = ::mmap(nullptr, mutate::kMost, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at != MAP_FAILED) mutate::reached_at = static_cast<std::atomic<std::uint8_t>*>(at);
  }
  void OnTestStart(const testing::TestInfo&) override { clear(); }
  void OnTestEnd(const testing::TestInfo& test) override {
    std::fprintf(file_, "%s.%s %lld", test.test_suite_name(), test.name(),
                 static_cast<long long>(test.result()->elapsed_time()));
    for (int i = 0; i < mutate::kMost; ++i) {
      if (mutate::reached_at[i].load(std::memory_order_relaxed) != 0) std::fprintf(file_, " %d", i);
    }
    std::fprintf(file_, "\n");
    std::fflush(file_);
  }

 private:
  static void clear() {
    for (int i = 0; i < mutate::kMost; ++i) mutate::reached_at[i].store(0, std::memory_order_relaxed);
  }
  std::FILE* file_;
};

[[maybe_unused]] const bool kWatching = [] {
  const char* path = std::getenv("MERIDIAN_MUTANT_REACH");
  if (path != nullptr) testing::UnitTest::GetInstance()->listeners().Append(new Reach(path));
  return path != nullptr;
}();

}  // namespace
