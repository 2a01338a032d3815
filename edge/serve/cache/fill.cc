#include "edge/serve/cache/fill.h"

#include <algorithm>
#include <utility>

#include "edge/serve/cache/desk.h"
#include "edge/serve/cache/entry.h"

namespace edge {

CacheFill::Seen CacheFill::look() const {
  const std::scoped_lock lock(mutex_);
  return seen_;
}

void CacheFill::join(CacheDesk& desk, bool expected) {
  const std::scoped_lock lock(mutex_);
  if (!expected) readers_.fetch_add(1, std::memory_order_acq_rel);
  const auto known = std::ranges::find(desks_, &desk, &Subscriber::desk);
  if (known != desks_.end()) {
    ++known->readers;
  } else {
    desks_.push_back({.desk = &desk, .readers = 1, .told = false});
  }
}

void CacheFill::leave(CacheDesk& desk) {
  const std::scoped_lock lock(mutex_);
  const auto known = std::ranges::find(desks_, &desk, &Subscriber::desk);
  if (known != desks_.end() && --known->readers == 0) desks_.erase(known);
  // The writer looks whether it is still wanted, and has the room that this reader has kept from it.
  const bool last = readers_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  const bool asleep = asleep_.exchange(false, std::memory_order_acq_rel);
  if ((last || asleep) && writer_ != nullptr) writer_->rouse(shared_from_this());
}

void CacheFill::taken() {
  if (!asleep_.exchange(false, std::memory_order_acq_rel)) return;
  const std::scoped_lock lock(mutex_);
  if (writer_ != nullptr) writer_->rouse(shared_from_this());
}

void CacheFill::told(CacheDesk& desk) {
  const std::scoped_lock lock(mutex_);
  const auto known = std::ranges::find(desks_, &desk, &Subscriber::desk);
  if (known != desks_.end()) known->told = false;
}

void CacheFill::open(Seen seen) {
  const std::scoped_lock lock(mutex_);
  seen_ = std::move(seen);
  tell();
}

void CacheFill::fail(Phase phase, const Error& error) {
  const std::scoped_lock lock(mutex_);
  seen_.phase = phase;
  seen_.error = error;
  tell();
}

void CacheFill::moved() {
  const std::scoped_lock lock(mutex_);
  tell();
}

void CacheFill::gone() {
  const std::scoped_lock lock(mutex_);
  writer_ = nullptr;
  sleeper_ = nullptr;
}

void CacheFill::tell() {
  for (Subscriber& one : desks_) {
    if (!std::exchange(one.told, true)) one.desk->announce(shared_from_this(), *writer_);
  }
}

}  // namespace edge
