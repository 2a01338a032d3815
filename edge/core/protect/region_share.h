#pragma once
// RegionShare: which share of a limit is this edge's, where all edges of a region share it. Workers read and note,
// the control loop writes (RegionLeases). Outlives snapshots as a part of LimitLive. Relaxed atomics, any thread.
//
// A share scales the rate and never the burst: whoever has a half of 100/s with a burst of 20 lets 21 come at once, and
// then 50 a second. So over any time all edges together let in at most what the limit allows, and one burst each.
//
//   cold    most keys. Every edge gives an equal share of the rate: nobody has to be asked, whatever the number of keys
//   leased  a key that asks for more than that somewhere is hot: its rate goes to the edges as they need it
//   alone   nothing is known of the others: every key has an equal share
//
// The hot keys are a table of fixed size; a key that finds no room there stays cold and is counted.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace edge {

class RegionShare {
 public:
  static constexpr std::uint32_t kWhole = 4096;  // shares are parts of it
  static constexpr std::uint32_t kLeast = kWhole / 64;
  static constexpr std::size_t kHotKeys = 2048;

  enum class Grade : std::uint8_t { cold, leased, alone };

  struct HotKey {
    std::atomic<std::uint64_t> key{0};    // 0: free
    std::atomic<std::uint32_t> share{0};  // 0: as a cold one, until there is a lease
    std::atomic<std::uint32_t> asked{0};  // since the control loop looked last
  };

  struct Terms {
    std::uint32_t share = kWhole;
    Grade grade = Grade::cold;
    HotKey* hot = nullptr;
  };

  RegionShare(std::uint64_t seed, std::uint32_t edges) : seed_(seed) { stand_alone(edges); }
  RegionShare(const RegionShare&) = delete;
  RegionShare& operator=(const RegionShare&) = delete;

  // What keys are hashed with: the same on all edges, once Redis has been asked.
  [[nodiscard]] std::uint64_t seed() const { return seed_.load(std::memory_order_relaxed); }

  [[nodiscard]] Terms terms_of(std::uint64_t key) const;
  // A request with this key was asked of. `pressing`: it has used a good part of its allowance.
  void note(std::uint64_t key, const Terms& terms, bool pressing);

  // The rest is the control loop's.
  void use_seed(std::uint64_t seed);  // forgets the hot keys, which are others now
  void lease_with(std::uint32_t edges);
  void stand_alone(std::uint32_t edges);
  // Makes the key hot; null when there is no room for it.
  HotKey* heat(std::uint64_t key);
  static void cool(HotKey& hot);
  [[nodiscard]] HotKey& hot_key(std::size_t index) const { return hot_[index]; }

  [[nodiscard]] std::uint32_t equal_share() const { return equal_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool alone() const { return alone_.load(std::memory_order_relaxed); }
  // Notes that found the table full.
  [[nodiscard]] std::uint64_t crowded() const { return crowded_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kWays = 4;  // one cache line

  [[nodiscard]] HotKey* line_of(std::uint64_t key) const {
    return &hot_[(key >> 24) % (kHotKeys / kWays) * kWays];  // other bits than RateCells' tag
  }

  std::atomic<std::uint64_t> seed_;
  std::atomic<std::uint32_t> equal_{kWhole};
  std::atomic<bool> alone_{true};
  std::atomic<std::uint64_t> crowded_{0};
  std::unique_ptr<HotKey[]> hot_ = std::make_unique<HotKey[]>(kHotKeys);
};

}  // namespace edge
