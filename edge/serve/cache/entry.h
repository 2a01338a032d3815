#pragma once
// CacheEntry: one stored response, or one that is just coming: its head, how fresh it is, which requests it answers,
// and its body, which two entries share when a 304 has updated the head. Immutable but for what is atomic; shared by
// workers, answers in progress and the store.

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "edge/core/cache/freshness.h"
#include "edge/core/cache/s3_fifo.h"
#include "edge/core/cache/stored_head.h"
#include "edge/serve/cache/body.h"
#include "shared/http/framing.h"

namespace edge {

struct CacheEntry : S3FifoHook {
  StoredHead head;
  Freshness freshness;
  http::UnixSeconds heard_at = 0;
  std::string url;
  std::string selector;
  std::string vary_names;   // see vary.h
  std::string vary_values;  // of the request that it answered
  http::Body framing;       // as the server framed it
  std::shared_ptr<CacheBody> body;
  std::atomic<bool> purged{false};  // softly

  // The store's.
  std::shared_ptr<CacheEntry> queued;  // itself, while it is in the queues

  // Octets of all that it takes, the store's own words for it included.
  [[nodiscard]] std::size_t memory() const {
    constexpr std::size_t kBookkeeping = 160;  // a node and a slot of the tables, counts, allocators' heads
    return sizeof(*this) + kBookkeeping + head.memory() + 2 * url.capacity() + selector.capacity() +
           vary_names.capacity() + vary_values.capacity() + body->memory();
  }
};

}  // namespace edge
