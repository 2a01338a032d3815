#pragma once
// Counter: one writer, any reader. The owner adds with a plain load and store (no lock prefix, 0.3 ns); Control reads
// it for /metrics at any time. One Counter belongs to one worker; sums are made by the reader.

#include <atomic>
#include <cstdint>

namespace shared {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void subtract(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace shared
