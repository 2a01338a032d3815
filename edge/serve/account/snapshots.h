#pragma once
// Snapshots: one worker's hold on the present snapshot and on older ones that running requests still use. A pin is a
// plain number, not an atomic one; the last pin of an old snapshot posts it back, so that it dies on the Builder and
// never here. Owned by a Worker; its thread only.

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "edge/core/snapshot/snapshot.h"

namespace edge {

class Snapshots {
  struct Held {
    std::shared_ptr<const Snapshot> snapshot;
    std::uint32_t pins = 0;
    bool replaced = false;
  };

 public:
  using Discard = std::function<void(std::shared_ptr<const Snapshot>)>;

  // What a request began with, for as long as it runs.
  class Pin {
   public:
    Pin(Snapshots& owner, Held* held) : owner_(owner), held_(held) { ++held_->pins; }
    ~Pin() { owner_.unpin(held_); }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    const Snapshot& operator*() const { return *held_->snapshot; }
    const Snapshot* operator->() const { return held_->snapshot.get(); }

   private:
    Snapshots& owner_;
    Held* held_;
  };

  Snapshots(std::shared_ptr<const Snapshot> first, Discard discard)
      : current_(new Held{.snapshot = std::move(first)}), discard_(std::move(discard)) {}
  ~Snapshots() { replace(nullptr); }
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  [[nodiscard]] const Snapshot& current() const { return *current_->snapshot; }
  [[nodiscard]] Pin pin() { return Pin(*this, current_); }
  void publish(std::shared_ptr<const Snapshot> next) { replace(new Held{.snapshot = std::move(next)}); }

 private:
  void replace(Held* next) {
    Held* old = std::exchange(current_, next);
    old->replaced = true;
    ++old->pins;
    unpin(old);
  }
  void unpin(Held* held) {
    if (--held->pins > 0 || !held->replaced) return;
    const std::unique_ptr<Held> last(held);
    discard_(std::move(last->snapshot));
  }

  Held* current_;
  Discard discard_;
};

}  // namespace edge
