#pragma once
// OctetRing: what one thread writes and another one reads, in order: records of octets, whole or not at all, in memory
// of a fixed size, which is taken with the first of them. Neither side ever waits. Owned by who has both sides.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace edge {

class OctetRing {
 public:
  explicit OctetRing(std::size_t size) : size_(size) {}

  // The writer's side. False: there is no room.
  [[nodiscard]] bool put(std::string_view record);
  // The reader's side: moves what is there to the end of `out`.
  void drain(std::string& out);

 private:
  std::size_t size_;
  std::unique_ptr<char[]> octets_;         // the writer's, until it has told of the first record
  std::atomic<std::uint64_t> written_{0};  // octets, ever
  std::atomic<std::uint64_t> read_{0};
};

}  // namespace edge
