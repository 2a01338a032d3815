#pragma once
// CachedExchange: what one request does at the cache: is answered from the store, waits for what a fetch brings, or
// goes to a server itself. Plain calls, as Relay's.
//
//   begin() --> fresh, or may be stale ------------------------> answer from the entry, in memory or in a file
//          \--> fetch it, or join who does --> its head --------> answer while the body comes
//          |                                \-> not for others --> go to a server
//          \--> nothing for the cache --------------------------> go to a server
//
// Owned by a Request; its worker's thread.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "edge/core/cache/cache_control.h"
#include "edge/core/cache/cache_rule.h"
#include "edge/core/cache/cache_status.h"
#include "edge/core/cache/reuse.h"
#include "edge/core/content/byte_ranges.h"
#include "edge/core/decide/at_cache.h"
#include "edge/serve/cache/desk.h"
#include "edge/serve/cache/store.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/request/cache_fetch.h"
#include "edge/serve/request/entry_file.h"
#include "edge/serve/request/entry_source.h"
#include "edge/serve/request/own_fetch.h"

namespace edge {

struct Request;

class CachedExchange final : public Pooled, public AnswerWatcher {
 public:
  // REQUIRES: the request's route has a cache and leads to a pool.
  explicit CachedExchange(Request& request);
  CachedExchange(const CachedExchange&) = delete;
  CachedExchange& operator=(const CachedExchange&) = delete;

  // True while there is something to wait for. Afterwards the request is `done`, has `failed`, was refused by a limit
  // (`refused()`), or goes to a server itself.
  [[nodiscard]] bool begin();
  [[nodiscard]] bool advance();
  [[nodiscard]] shared::TimePoint deadline() const;
  [[nodiscard]] bool refused() const { return refused_; }
  // It has what it answers with, perhaps but for the disk.
  [[nodiscard]] bool answers() const { return phase_ != Phase::waiting; }
  // Before the request goes to a server itself, and at its end.
  void tell(Request& request) const;
  // The request goes to a server itself, for the cache; null: it does not.
  [[nodiscard]] OwnFetch* own() const { return own_.get(); }
  // Of such a one: the head has come; more of the body has; its client has gone, and reads no more of it.
  void take_own_head();
  // All of a small body is to come, and the client gets it as it comes; it has so many octets, and takes no more now.
  void begin_at_once();
  void read_on(std::uint64_t from);
  [[nodiscard]] Pumped send_own();
  void leave_own() { source_.reset(); }

  // A server answers a request that changes something (RFC 9111 4.4), or a HEAD (4.3.5).
  void hear(const http::ResponseHead& head) override;

 private:
  enum class Phase : std::uint8_t { waiting, opening, sending };

  // What is sent of an entry.
  struct Plan {
    std::uint16_t status = 0;
    http::Body framing;
    std::string content_range;
    std::uint64_t from = 0;
    std::uint64_t size = 0;  // EntrySource::kAll: to its end, wherever that is
  };

  [[nodiscard]] bool look();
  [[nodiscard]] bool joins_at_once() const;
  [[nodiscard]] bool join(CacheStore::Joined joined, bool& again);
  [[nodiscard]] bool read_fill();
  [[nodiscard]] bool take_head(const CacheFill::Seen& seen);
  [[nodiscard]] bool take_failure(const CacheFill::Seen& seen);
  void refresh(const CacheStore::Found& found);
  bool pass(std::string_view forward, std::string_view detail);
  bool answer(const std::shared_ptr<CacheEntry>& entry, CacheVerdict verdict, CacheFill* fill);
  [[nodiscard]] Plan plan(const CacheEntry& entry) const;
  [[nodiscard]] bool open_file();
  [[nodiscard]] bool wait_for_file();
  bool begin_sending(CacheBody::Cursor cursor);
  void start(const CacheEntry& entry, const Plan& plan);
  [[nodiscard]] RangeRuling range_of(const CacheEntry& entry, std::uint64_t size) const;
  [[nodiscard]] bool not_modified(const CacheEntry& entry) const;
  [[nodiscard]] bool send();
  bool stop(const Error& error, bool begun);
  bool stop_for_disk(std::string_view why);
  [[nodiscard]] bool is_head() const;
  [[nodiscard]] CacheKey key(std::uint64_t hash = 0) const;
  [[nodiscard]] const http::FieldList& fields() const;
  void settle_coding();
  [[nodiscard]] bool may_fetch_itself() const;
  void begin_own(std::shared_ptr<CacheFill> fill);
  [[nodiscard]] ResponseSink& client() const;
  [[nodiscard]] CacheFetch::Of fetch(std::shared_ptr<CacheFill> fill) const;
  std::shared_ptr<FetchReport> begin_fetch(std::shared_ptr<CacheFill> fill);
  void take_report(Request& request) const;
  void hear_of_copy(const http::ResponseHead& head);

  Request& r_;
  std::shared_ptr<const CacheRule> rule_;
  CacheStore* store_;
  CacheQuestion question_;
  // Where answers are compressed, what is stored is: the request with the one coding that its answer would have.
  std::unique_ptr<http::FieldList> fields_;  // null: as it came
  std::optional<std::string> codings_;
  CacheOutcome outcome_;
  std::shared_ptr<CacheEntry> old_;  // stale: validated, and perhaps good enough if that fails
  std::optional<CacheDesk::Reader> reader_;
  std::shared_ptr<FetchReport> report_;         // of the fetch that this request has begun; else null
  std::unique_ptr<OwnFetch> own_;               // its own, instead of that
  std::shared_ptr<CacheEntry> entry_;           // what is sent
  std::shared_ptr<const StoredHead> own_head_;  // in the place of the entry's; null: the entry's
  CacheFill* fill_ = nullptr;                   // what brings it, if it comes
  Plan plan_;
  std::optional<EntrySource> source_;
  std::unique_ptr<EntryFile> file_;  // instead of the source
  Phase phase_ = Phase::waiting;
  bool refused_ = false;
  bool waits_for_client_ = false;
  bool waits_for_disk_ = false;
  bool first_piece_ = true;
  unsigned rounds_ = 0;
  shared::TimePoint progress_{};
};

}  // namespace edge
