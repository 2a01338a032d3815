#pragma once
// FillSink: the end of a fetch: judges the answer's head (may it be stored, is it the 304 that was asked for) and
// writes what comes into the fill, and at its end into the store. Never waits for a reader while the answer is stored;
// what only passes through waits for who has caused the fetch, and what is too large for memory for its disk, for a
// while. What nobody caused but the store, and it does not take, ends with the fetch. Owned by a CacheFetch; its
// worker's thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "edge/core/cache/cache_rule.h"
#include "edge/core/cache/freshness.h"
#include "edge/serve/cache/fill.h"
#include "edge/serve/cache/store.h"
#include "edge/serve/request/response_sink.h"

namespace edge {

class FillSink final : public ResponseSink {
 public:
  // What is fetched, and for which request; `request` outlives this.
  struct Of {
    CacheStore& store;
    std::shared_ptr<const CacheRule> rule;
    std::shared_ptr<CacheFill> fill;
    std::string url;
    std::string selector;
    const http::FieldList& request;
    shared::WorkerLoop& loop;
    bool conditional = false;  // a 304 is about the fill's old entry
  };
  explicit FillSink(Of&& of) : of_(std::move(of)), asked_(of_.loop.now()) {}
  ~FillSink() override;
  FillSink(const FillSink&) = delete;
  FillSink& operator=(const FillSink&) = delete;

  void interim(const http::ResponseHead&) override {}
  void start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) override;
  // The edge has no answer of a server: the fill fails, see finish().
  void start(const OwnHead&) override { own_ = true; }
  std::size_t write(std::string_view data) override;
  void end(std::string_view trailers) override;
  Sent flush() override;
  bool failed() const override { return false; }
  bool blocked() const override { return blocked_; }
  std::uint64_t octets_sent() const override { return octets_; }
  void cut() override;

  // Instead of all that: fields that are news of the fill's old entry, of a request that was sent at `asked`.
  void take_update(const http::ResponseHead& head, shared::TimePoint asked);

  // The fetch is over. `error`: of one that has brought no head; `refused`: it was not its turn.
  void finish(const Error& error, bool refused);
  // All octets that its head has announced are there.
  [[nodiscard]] bool complete() const { return known_ > 0 && octets_ == known_; }
  // Status of the server's answer; 0: there was none.
  [[nodiscard]] std::uint16_t status() const { return status_; }
  // Made for the store, which does not take it, and more has come than is taken for nobody.
  [[nodiscard]] bool useless() const { return blocked_ && !storing_ && of_.fill->background() && of_.fill->unread(); }
  // REQUIRES: nobody reads it. True: nor will anybody, so that the fetch may end.
  [[nodiscard]] bool gives_up() const { return closed_ || of_.store.retire(*of_.fill); }
  // It does not wait for who reads it.
  [[nodiscard]] bool stores() const { return storing_; }
  // All that is to come has its room: nothing of it will be let go before its end.
  [[nodiscard]] bool has_room_for_all() const { return storing_ && known_ > 0 && reserved_ == known_; }

 private:
  // Of what passes through, but for the newest chunk: from before it was let go that may be a larger one.
  static constexpr std::size_t kWindow = 2 * CacheBody::kLargest;

  void take_304(const http::ResponseHead& head, const FetchTimes& times);
  [[nodiscard]] bool old_stands_in(shared::TimePoint now) const;
  [[nodiscard]] std::size_t first_chunk();
  void remember_miss();
  std::shared_ptr<CacheEntry> make_entry(const http::ResponseHead& head, const ResponseDirectives& directives,
                                         const FetchTimes& times);
  [[nodiscard]] bool make_room(std::size_t wanted);
  enum class Room : std::uint8_t { there, later, none };
  [[nodiscard]] Room room_on_disk(std::size_t wanted);
  [[nodiscard]] Room room_in_memory(std::size_t size);
  [[nodiscard]] bool wait_for_disk();
  static void on_patience(void* self);
  void tell_disk();
  void let_go();
  void abandon_spool();
  void end_spool();
  void close(CacheBody::State how);

  Of of_;
  shared::TimePoint asked_;
  std::shared_ptr<CacheEntry> entry_;
  std::uint64_t octets_ = 0;
  std::uint64_t known_ = 0;   // octets of the whole body; 0: nobody knows
  std::size_t reserved_ = 0;  // in the store
  std::uint16_t status_ = 0;
  // Of a body that is too large for memory.
  std::shared_ptr<CacheSpool> spool_;
  std::uint64_t claimed_ = 0;     // octets of the disk
  std::uint64_t told_ = 0;        // octets that the disk knows of
  std::uint64_t stalled_at_ = 0;  // octets that were written when it was waited for
  std::uint64_t moved_at_ = 0;    // what the disk had done then
  unsigned waited_ = 0;           // times, since it has last written some of this
  shared::Deadline patience_{&FillSink::on_patience, this};
  bool waits_for_disk_ = false;
  bool stalled_ = false;  // the disk, or this does not get its turn there
  bool hangs_ = false;    // the disk
  bool own_ = false;
  bool opened_ = false;
  bool storing_ = false;
  bool closed_ = false;
  bool blocked_ = false;
  bool dirty_ = false;  // readers do not know of all that has come
};

}  // namespace edge
