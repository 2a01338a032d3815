#pragma once
// DiskFile: a file of a store on disk with one stored response. Its name is used once, and its body never changes, so
// that whoever has it open may read on when it is removed. Shared by entries, answers and the store; see the members.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "edge/core/cache/record_codec.h"

namespace edge {

struct DiskFile {
  explicit DiskFile(std::string name_in) : name(std::move(name_in)) {}

  const std::string name;  // below the store's directory: "3f/5e0c91d20000000a3f"
  // Of the file as it is written: set before an entry without a body in memory has it.
  RecordBody body;
  // This process has written its octets, or has compared them with their hash.
  std::atomic<bool> proven{false};
  std::atomic<bool> proving{false};  // that is being done, some at a time

  // Larger ones are compared in the background, and not before an answer.
  static constexpr std::uint64_t kProvenAtOnce = 16U << 20U;
  [[nodiscard]] bool waits_for_proof() const {
    return body.size > kProvenAtOnce && !proven.load(std::memory_order_acquire);
  }

  std::size_t users = 0;          // entries that are stored; the store's, under its lock
  std::atomic<bool> gone{false};  // it had some, and is to be removed
};

// Octets of the disk that a file takes.
[[nodiscard]] constexpr std::uint64_t disk_octets(std::uint64_t front, std::uint64_t body) {
  constexpr std::uint64_t kBlock = 4096;
  return (front + body + kBlock - 1) / kBlock * kBlock;
}

}  // namespace edge
