#pragma once
// CachedExchange: what one request does at the cache: is answered from the store, waits for what a fetch brings, or
// goes to a server itself. Plain calls, as Relay's.
//
//   begin() --> fresh, or may be stale ------------------------> answer from the entry
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
#include "edge/serve/cache/desk.h"
#include "edge/serve/cache/store.h"
#include "edge/serve/io/frame_pool.h"
#include "edge/serve/request/cache_fetch.h"
#include "edge/serve/request/entry_source.h"

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
  // Before the request goes to a server itself, and at its end.
  void tell(Request& request) const;

  // A server answers a request that changes something (RFC 9111 4.4).
  void hear(const http::ResponseHead& head) override;

 private:
  enum class Phase : std::uint8_t { waiting, sending };

  [[nodiscard]] bool look();
  [[nodiscard]] bool join(const CacheStore::Found& found, bool& again);
  [[nodiscard]] bool read_fill();
  [[nodiscard]] bool take_head(const CacheFill::Seen& seen);
  [[nodiscard]] bool take_failure(const CacheFill::Seen& seen);
  void refresh(const CacheStore::Found& found);
  bool pass(std::string_view forward, std::string_view detail);
  bool answer(const std::shared_ptr<CacheEntry>& entry, CacheVerdict verdict, CacheFill* fill);
  void start(const CacheEntry& entry, const http::Body& body, std::uint16_t status, std::string_view content_range);
  [[nodiscard]] RangeRuling range_of(const CacheEntry& entry, std::uint64_t size) const;
  [[nodiscard]] bool not_modified(const CacheEntry& entry) const;
  [[nodiscard]] bool send();
  bool stop(const Error& error, bool begun);
  [[nodiscard]] bool is_head() const;
  [[nodiscard]] CacheKey key() const;
  void take_report(Request& request) const;

  Request& r_;
  std::shared_ptr<const CacheRule> rule_;
  CacheStore* store_;
  std::string url_;
  std::string selector_;
  RequestDirectives asked_;
  CacheOutcome outcome_;
  std::shared_ptr<CacheEntry> old_;  // stale: validated, and perhaps good enough if that fails
  std::optional<CacheDesk::Reader> reader_;
  std::shared_ptr<FetchReport> report_;  // of the fetch that this request has begun; else null
  std::shared_ptr<CacheEntry> entry_;    // what is sent
  std::optional<EntrySource> source_;
  Phase phase_ = Phase::waiting;
  bool refused_ = false;
  bool waits_for_client_ = false;
  unsigned rounds_ = 0;
  shared::TimePoint progress_{};
};

}  // namespace edge
