#pragma once
// RateCells: how much of its allowance each of very many keys has used, in memory that never grows: cells of one word,
// {tag, time until which the allowance is used up} (GCRA, ITU-T I.371), eight to a cache line. A cell whose time has
// passed says nothing and is free, so cells free themselves; when all eight of a line are in use the one that would be
// free soonest goes, which forgives least, and is counted. Keys come hashed with a secret seed, so that nobody can
// choose whom he shares a line with. One table is shared by all workers and outlives snapshots. Relaxed atomics, any
// thread; two workers that take for one key in one instant both count.
//
// Times are ticks of the caller's choice. They wrap at 2^40 of them: a cell that nobody has touched for so long, but
// for its allowance's length, may look as if a part of it were used.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace shared {

class RateCells {
 public:
  // What one key is allowed: one each `interval` in the long run, and as many at once as `capacity` holds intervals.
  // REQUIRES: interval <= capacity <= kMostCapacity, and so reach.
  struct Allowance {
    std::uint64_t interval = 1;
    std::uint64_t capacity = 1;
    std::uint64_t reach = 0;  // how far ahead a cell's time still counts, where others count with more; 0: capacity
  };
  static constexpr std::uint64_t kMostCapacity = std::uint64_t{1} << 38;

  struct Taken {
    bool admitted = false;
    std::uint64_t used = 0;  // ticks until all would be allowed again, before this one
  };

  // 2^line_bits lines of 64 octets; the kernel gives them when they are used. REQUIRES: 1 <= line_bits <= 24.
  explicit RateCells(unsigned line_bits);
  RateCells(const RateCells&) = delete;
  RateCells& operator=(const RateCells&) = delete;

  // The key is asked for soon: its line comes from memory while other work is done.
  void prefetch(std::uint64_t key) const { __builtin_prefetch(&line_of(key), 1); }

  // Counts one; what is in excess is not counted, and writes nothing.
  [[nodiscard]] Taken take(std::uint64_t key, std::uint64_t now, Allowance allowance);
  // What take() would say.
  [[nodiscard]] Taken look(std::uint64_t key, std::uint64_t now, Allowance allowance) const;

  // What the key has used is `factor` times as much from now on, at most what `allowance` holds: its interval changes.
  void rescale(std::uint64_t key, std::uint64_t now, double factor, Allowance allowance);

  [[nodiscard]] std::size_t capacity() const { return kWays << line_bits_; }
  [[nodiscard]] std::size_t octets() const { return sizeof(Line) << line_bits_; }
  // Keys in use that had to go for others.
  [[nodiscard]] std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr unsigned kTimeBits = 40;
  static constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;
  static constexpr std::uint64_t kTagMask = ~std::uint64_t{0} >> kTimeBits;
  struct alignas(64) Line {
    std::uint64_t cells[kWays];
  };
  struct Place {
    std::uint64_t* cell = nullptr;
    std::uint64_t seen = 0;
    std::uint64_t used = 0;  // of this key
    bool takes_over = false;
  };
  struct Free {
    void operator()(Line* lines) const { std::free(lines); }  // NOLINT(cppcoreguidelines-no-malloc): see the source
  };

  [[nodiscard]] Line& line_of(std::uint64_t key) const { return lines_[key >> (64 - line_bits_)]; }
  // Never 0: with a time that has gone round to 0 it would be a cell that nobody has used.
  [[nodiscard]] static std::uint64_t tag_of(std::uint64_t key) {
    const std::uint64_t tag = key & kTagMask;
    return tag != 0 ? tag : 1;
  }
  // How far a cell's time lies ahead; 0: it has passed, as it has if it were further ahead than `most`.
  [[nodiscard]] static std::uint64_t ahead(std::uint64_t word, std::uint64_t now, std::uint64_t most);
  [[nodiscard]] Place find(std::uint64_t key, std::uint64_t now, std::uint64_t reach) const;

  unsigned line_bits_;
  std::unique_ptr<Line[], Free> memory_;
  Line* lines_;  // in memory_, at the border of a cache line
  std::atomic<std::uint64_t> evicted_{0};
};

}  // namespace shared
