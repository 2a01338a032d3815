#include "edge/serve/cache/heap_ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace edge::heap_ahead_test {
namespace {

// Octets that may be written to behind `at`, in its mapping.
std::size_t writable_behind(const char* at) {
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::string access;
    words >> std::hex >> begin >> dash >> end >> access;
    if (begin <= address && address < end) return access.starts_with("rw") ? end - address : 0;
  }
  return 0;
}

// Another allocator may have much room from the beginning: then there is nothing to see, and nothing to do.
TEST(HeapAhead, AThreadsHeapGrowsByMoreThanAFewPages) {
  std::size_t most = 0;
  std::thread thread([&] {
    std::vector<std::unique_ptr<char[]>> kept;
    for (int i = 0; i < 2000; ++i) {
      kept.push_back(std::make_unique<char[]>(1000));
      grow_heap_ahead(1000);
      if (i > 500) most = std::max(most, writable_behind(kept.back().get()));
    }
  });
  thread.join();
  EXPECT_GT(most, kHeapStep / 2);
}

}  // namespace
}  // namespace edge::heap_ahead_test
