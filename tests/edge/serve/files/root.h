#pragma once
// Test helper: a directory of the test's own with files in it, which goes with it.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "shared/serve/loop/worker_loop.h"

namespace edge::test {

class Root {
 public:
  Root() {
    std::string name = (std::filesystem::temp_directory_path() / "meridian-files-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    top_ = name;
    std::filesystem::create_directory(path());
  }
  ~Root() { std::filesystem::remove_all(top_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  // What is beside it is not below it.
  [[nodiscard]] std::filesystem::path path() const { return top_ / "root"; }
  void put(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((path() / name).parent_path());
    std::ofstream(path() / name, std::ios::binary) << text;
  }

 private:
  std::filesystem::path top_;
};

// Turns of the loop until it holds; false: it never did.
inline bool turn_until(shared::WorkerLoop& loop, const std::function<bool()>& holds) {
  for (int i = 0; i < 60'000 && !holds(); ++i) {
    loop.poll();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return holds();
}

}  // namespace edge::test
