#pragma once
// CacheFill: a fetch that is under way, as those see it who wait for what it brings. One fetch writes; any number of
// requests on any worker read: first the head, then the body while it comes. Who waits is told by its worker's desk. A
// fill that nobody waits for any more is `unwanted`, unless it is made for the store's sake.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/cache/stored_head.h"
#include "edge/core/message/errors.h"

namespace edge {

class CacheDesk;
class Waiter;
struct CacheEntry;

class CacheFill : public std::enable_shared_from_this<CacheFill> {
 public:
  enum class Phase : std::uint8_t {
    asking,    // no head yet
    stored,    // there is an entry, whose body comes; anybody may have it
    private_,  // there is an entry for who has begun the fetch, and for nobody else
    failed,    // no answer: `error` says why
    refused,   // it is not this fetch's turn: a limit; others try for themselves
  };

  struct Seen {
    Phase phase = Phase::asking;
    std::shared_ptr<CacheEntry> entry;
    // What who has begun the fetch gets, with the fields that are not stored (RFC 9111 5.2.2.4); null: the entry's.
    std::shared_ptr<const StoredHead> own_head;
    Error error;
    bool validated = false;  // the entry is the old one, updated by a 304
    std::string_view why;    // it is not stored: a literal
  };

  // `variant`: which requests wait for it. `old`: what is validated; may be null. `background`: nobody waits.
  CacheFill(std::string url, std::string variant, std::shared_ptr<CacheEntry> old, bool background)
      : url_(std::move(url)), variant_(std::move(variant)), old_(std::move(old)), background_(background) {}

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] const std::string& variant() const { return variant_; }
  [[nodiscard]] const std::shared_ptr<CacheEntry>& old() const { return old_; }
  [[nodiscard]] bool background() const { return background_; }

  // Any thread.
  [[nodiscard]] Seen look() const;
  // What it brings is neither stored nor told to who comes now: its URL was purged or changed meanwhile.
  void doom() { doomed_.store(true, std::memory_order_release); }
  [[nodiscard]] bool doomed() const { return doomed_.load(std::memory_order_acquire); }
  [[nodiscard]] bool unread() const { return readers_.load(std::memory_order_acquire) == 0; }
  [[nodiscard]] bool unwanted() const { return !background_ && unread(); }

  // The store's, under its lock: somebody is told to wait for it, and so counts already when he begins to.
  void expect() { readers_.fetch_add(1, std::memory_order_acq_rel); }

  // A desk's: one of its requests begins or ceases to read. `expected`: it was counted.
  void join(CacheDesk& desk, bool expected = false);
  void leave(CacheDesk& desk);
  // A reader has taken something: the writer may go on, if it waits for that.
  void taken();
  // A desk has woken its readers: they are to be told of what comes from now on.
  void told(CacheDesk& desk);

  // The writer's. `desk` is that of its worker, `sleeper` is where it waits.
  void written_by(CacheDesk& desk, Waiter& sleeper) {
    const std::scoped_lock lock(mutex_);  // others may have joined it in the store already, and leave
    writer_ = &desk;
    sleeper_ = &sleeper;
  }
  [[nodiscard]] Waiter* sleeper() const { return sleeper_; }  // null: it is gone
  void open(Seen seen);
  void fail(Phase phase, const Error& error);
  // What it has opened.
  [[nodiscard]] const Seen& opened() const { return seen_; }
  // There is more of the body, or its end.
  void moved();
  // The writer sleeps until readers have taken something. An exchange, as theirs is: either they find it asleep, or it
  // sees, looking once more, what they have taken; a store might be seen by them later than it has looked.
  void sleep() { static_cast<void>(asleep_.exchange(true, std::memory_order_acq_rel)); }
  void gone();

  // The store's.
  struct InStore {
    std::uint64_t url_hash = 0;
    std::uint64_t purges = 0;  // that it knows of
    bool released = false;     // nobody joins it any more, and nothing that it brings is stored
  };
  InStore in_store;

 private:
  struct Subscriber {
    CacheDesk* desk;
    std::size_t readers;
    bool told;  // a word is on its way
  };

  void tell();

  const std::string url_;
  const std::string variant_;
  const std::shared_ptr<CacheEntry> old_;
  const bool background_;
  std::atomic<bool> doomed_{false};
  std::atomic<bool> asleep_{false};
  std::atomic<std::size_t> readers_{0};
  mutable std::mutex mutex_;
  Seen seen_;
  std::vector<Subscriber> desks_;
  CacheDesk* writer_ = nullptr;
  Waiter* sleeper_ = nullptr;  // the writer's thread
};

}  // namespace edge
