#pragma once
// ConnectionBound: how many connections a client may have at a listener at a time. The counts are in a table of fixed
// size, which all workers share and which lives over reloads: eight places to a cache line, each {tag, count}; one
// whose count is 0 is free. A client is its address, of IPv6 a prefix, hashed with a secret seed. Where all eight of a
// line are taken by others a newcomer is let in uncounted: a full table bounds nobody rather than the wrong one. Rule:
// immutable; ConnectionCounts: atomics; any thread.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "shared/core/ip.h"
#include "shared/core/mode.h"

namespace edge {

class ConnectionCounts {
 public:
  static constexpr unsigned kLineBits = 13;  // 65,536 clients in 512 KiB

  explicit ConnectionCounts(std::uint64_t seed) : lines_(new Line[std::size_t{1} << kLineBits]), seed_(seed) {}

  enum class Taken : std::uint8_t { counted, over, uncounted };
  // One more of this client, if it has fewer than `most`.
  [[nodiscard]] Taken take(const shared::IpAddress& client, std::uint32_t most);
  void give_back(const shared::IpAddress& client);
  [[nodiscard]] std::uint32_t of(const shared::IpAddress& client) const;

  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> shadowed{0};   // would have been
  std::atomic<std::uint64_t> uncounted{0};  // let in since the table was full

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr unsigned kCountBits = 24;
  static constexpr std::uint64_t kCountMask = (std::uint64_t{1} << kCountBits) - 1;
  struct alignas(64) Line {
    std::atomic<std::uint64_t> places[kWays]{};
  };
  struct Key {
    std::size_t line;
    std::uint64_t tag;  // above the count
  };

  [[nodiscard]] Key key_of(const shared::IpAddress& client) const;

  std::unique_ptr<Line[]> lines_;
  std::uint64_t seed_;
};

struct ConnectionBound {
  std::uint32_t most = 0;
  shared::Mode mode = shared::Mode::enforce;
  std::shared_ptr<ConnectionCounts> counts;  // not null
};

// A connection that is counted, for as long as it is there.
class ConnectionPermit {
 public:
  ConnectionPermit() = default;
  ConnectionPermit(std::shared_ptr<ConnectionCounts> counts, const shared::IpAddress& client)
      : counts_(std::move(counts)), client_(client) {}
  ConnectionPermit(ConnectionPermit&& other) noexcept : counts_(std::move(other.counts_)), client_(other.client_) {}
  ConnectionPermit& operator=(ConnectionPermit&& other) noexcept {
    std::swap(counts_, other.counts_);
    std::swap(client_, other.client_);
    return *this;
  }
  ~ConnectionPermit() {
    if (counts_ != nullptr) counts_->give_back(client_);
  }

 private:
  std::shared_ptr<ConnectionCounts> counts_;
  shared::IpAddress client_;
};

}  // namespace edge
