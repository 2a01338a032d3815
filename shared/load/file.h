#pragma once
// A whole file as text. Blocks on the disk: the Builder's work and that of the command line. Any thread.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "shared/core/result.h"

namespace shared::load {

struct FileRules {
  std::size_t largest = SIZE_MAX;  // octets
  bool pipes = false;              // a pipe or a device will do too, and is waited for: `meridian check <(...)`
  std::chrono::milliseconds patience = std::chrono::seconds(10);  // until all of it has come
};

// Fails with the reason alone ("No such file or directory", "not a regular file"); the caller knows what the file is
// for.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path, const FileRules& rules = {});

// For files that hold secrets: who is neither their owner nor of their group can read or change them; can change them.
[[nodiscard]] bool is_open_to_all(const std::filesystem::path& path);
[[nodiscard]] bool is_writable_by_all(const std::filesystem::path& path);

}  // namespace shared::load
