#pragma once
// SessionTable: which server each of very many sessions belongs to, in memory that never grows: cells of two words,
// four to a cache line. A cell's second word is its value (kind, server, when), its first one the session's id XOR the
// value (Hyatt 1999): whoever reads while another writes finds no match, and that is all that can happen. Whose time
// has passed is free; when none of a line is, the oldest goes, and who is known to nobody always goes before who
// belongs to a server, and never pushes him out: strangers who make sessions up move nobody. Ids are hashed with a
// secret, so that nobody can choose whom he shares a line with.
//
// One table for a pool is shared by all workers and outlives snapshots. Relaxed atomics, any thread.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "edge/core/pool/sticky.h"
#include "shared/core/time.h"

namespace edge {

class SessionTable {
 public:
  static constexpr std::size_t kOctets = 16;  // for each session
  static constexpr unsigned kServerBits = 34;

  enum class Kind : std::uint8_t {
    unknown,  // it has to be asked for
    absent,   // it was, and nobody has it
    known,
  };
  struct Found {
    Kind kind = Kind::unknown;
    std::uint64_t server = 0;  // of known: as it was put
    shared::Duration age{};    // since it was put or touched
  };
  // What is older counts as not there.
  struct Lifetimes {
    shared::Duration known;
    shared::Duration absent;
  };

  // As many sessions at least. REQUIRES: sessions > 0; lifetimes below 90 days.
  SessionTable(std::size_t sessions, Lifetimes lifetimes);
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  [[nodiscard]] Found find(const SessionToken& id, shared::TimePoint now) const;
  // REQUIRES: server < 2^kServerBits.
  void know(const SessionToken& id, std::uint64_t server, shared::TimePoint now);
  // The same of an answer to a question that was asked then: what has been put since holds.
  void hear(const SessionToken& id, std::optional<std::uint64_t> server, shared::TimePoint asked);
  // It is used, and known to be where it was: as new as now.
  void touch(const SessionToken& id, shared::TimePoint now);

  [[nodiscard]] std::size_t capacity() const { return kWays * lines_; }
  // Known sessions that had to go for others before their time.
  [[nodiscard]] std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kWays = 4;
  struct Cell {
    std::atomic<std::uint64_t> check{0};  // id XOR value
    std::atomic<std::uint64_t> value{0};
  };
  struct alignas(64) Line {
    Cell cells[kWays];
  };

  [[nodiscard]] Line& line_of(const SessionToken& id) const { return memory_[id.high & (lines_ - 1)]; }
  [[nodiscard]] std::optional<Found> read(std::uint64_t value, shared::TimePoint now) const;
  void put(const SessionToken& id, std::uint64_t value, shared::TimePoint now);

  Lifetimes lifetimes_;
  std::size_t lines_;
  std::unique_ptr<Line[]> memory_;
  std::atomic<std::uint64_t> evicted_{0};
};

}  // namespace edge
