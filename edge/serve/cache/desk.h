#pragma once
// CacheDesk: a worker's place for requests that wait for fills: wakes those of its own worker when a fill has moved,
// whoever writes it, and the fetch of its own that a reader elsewhere has made room for. Owned by the worker's context;
// its thread but for announce() and rouse().

#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_map>

#include "edge/serve/cache/fill.h"
#include "edge/serve/io/socket.h"
#include "shared/serve/loop/worker_loop.h"

namespace edge {

class CacheDesk {
 public:
  explicit CacheDesk(shared::WorkerLoop& loop) : loop_(loop) {}
  CacheDesk(const CacheDesk&) = delete;
  CacheDesk& operator=(const CacheDesk&) = delete;

  // A request that reads a fill, for as long as it does. In a frame of the desk's worker.
  class Reader {
   public:
    // `expected`: the store has said that it is to wait.
    Reader(CacheDesk& desk, std::shared_ptr<CacheFill> fill, Waiter& waiter, bool expected = false);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    [[nodiscard]] CacheFill& fill() const { return *fill_; }

   private:
    friend class CacheDesk;
    CacheDesk& desk_;
    std::shared_ptr<CacheFill> fill_;
    Waiter& waiter_;
    Reader* before_ = nullptr;
    Reader* after_ = nullptr;
  };

  // The fetch of this worker that writes a fill.
  void write(CacheFill& fill, Waiter& waiter);
  void cease(CacheFill& fill);

  // Called by `writer`'s thread: the readers of this desk wake, in a later turn or at the end of this one.
  void announce(std::shared_ptr<CacheFill> fill, CacheDesk& writer);
  // Any thread: the fetch wakes, in a later turn.
  void rouse(std::shared_ptr<CacheFill> fill);

 private:
  void wake_readers(CacheFill& fill);
  void wake_writer(CacheFill& fill);

  shared::WorkerLoop& loop_;
  std::unordered_map<CacheFill*, Reader*> readers_;  // the first of each fill's
  Reader* next_ = nullptr;                           // to be woken, while some are
};

}  // namespace edge
