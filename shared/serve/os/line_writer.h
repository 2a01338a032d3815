#pragma once
// LineWriter: lines of many threads to one descriptor, through a bounded queue that a thread of its own empties. Who
// writes never waits: what a full pipe, a stopped reader or a hung mount has no room for is dropped and counted. Before
// start() what the descriptor takes at once is written at once, and the rest queues. Never joined for longer than
// finish() says: its thread may be held by the kernel. write() and dropped() from any thread, the rest from its owner.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "shared/core/time.h"

namespace shared {

class LineWriter {
 public:
  static constexpr std::size_t kBound = std::size_t{1} << 20;  // octets in the queue

  // A line that says how many are missing.
  using Missing = std::function<std::string(std::uint64_t lines)>;

  // `descriptor` stays the caller's, open as long as the process.
  LineWriter(int descriptor, Missing missing, std::size_t bound = kBound);
  ~LineWriter();  // as finish() without patience
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  void write(std::string_view line);  // with its line end
  void start();
  // Ends the thread when it has written what is queued; after `patience` it is left to itself. Lines then are written
  // as before start().
  void finish(Duration patience);

  [[nodiscard]] std::uint64_t dropped() const;  // lines, ever

 private:
  struct State;

  std::shared_ptr<State> state_;
};

}  // namespace shared
