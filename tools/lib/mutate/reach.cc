// Linked into a test program by tools/mutate: behind each test it writes the name, the milliseconds and the mistakes
// whose places were reached to the file that MERIDIAN_MUTANT_REACH names.
#include <gtest/gtest.h>

#include <cstdio>

#include "tools/lib/mutate/switch.h"

namespace {

class Reach : public testing::EmptyTestEventListener {
 public:
  explicit Reach(const char* path) : file_(std::fopen(path, "w")) {}
  void OnTestStart(const testing::TestInfo&) override { clear(); }
  void OnTestEnd(const testing::TestInfo& test) override {
    std::fprintf(file_, "%s.%s %lld", test.test_suite_name(), test.name(),
                 static_cast<long long>(test.result()->elapsed_time()));
    for (int i = 0; i < mutate::kMost; ++i) {
      if (mutate::reached[static_cast<std::size_t>(i)].load(std::memory_order_relaxed) != 0)
        std::fprintf(file_, " %d", i);
    }
    std::fprintf(file_, "\n");
    std::fflush(file_);
  }

 private:
  static void clear() {
    for (auto& one : mutate::reached) one.store(0, std::memory_order_relaxed);
  }
  std::FILE* file_;
};

[[maybe_unused]] const bool kWatching = [] {
  const char* path = std::getenv("MERIDIAN_MUTANT_REACH");
  if (path != nullptr) testing::UnitTest::GetInstance()->listeners().Append(new Reach(path));
  return path != nullptr;
}();

}  // namespace
