#pragma once
// CacheEntry: one stored response, or one that is just coming: its record, and its body, which two entries share when a
// 304 has updated the head: in memory, or in a file of a store on disk (or in both, until it is written). Immutable but
// for what is atomic; shared by workers, answers in progress and the store.

#include <atomic>
#include <cstddef>
#include <memory>

#include "edge/core/cache/cache_record.h"
#include "edge/core/cache/s3_fifo.h"
#include "edge/serve/cache/body.h"
#include "edge/serve/cache/disk_file.h"

namespace edge {

struct CacheEntry : S3FifoHook, CacheRecord {
  CacheEntry() = default;
  explicit CacheEntry(const CacheRecord& record) : CacheRecord(record) {}

  std::shared_ptr<CacheBody> body;  // null: it is in the file
  std::shared_ptr<DiskFile> file;   // null: of a store in memory, or not stored
  std::atomic<bool> purged{false};  // softly

  // The store's.
  std::shared_ptr<CacheEntry> queued;  // itself, while it is in the queues
  std::size_t pending = 0;             // octets of the body, until it is written
  std::uint64_t url_hash = 0;          // while it is in the queues

  // Octets of its body. REQUIRES: it is whole.
  [[nodiscard]] std::uint64_t body_size() const { return body != nullptr ? body->size() : file->body.size; }
  [[nodiscard]] bool whole() const { return body == nullptr || body->state() == CacheBody::State::whole; }

  [[nodiscard]] bool same_variant(const CacheEntry& other) const {
    return selector == other.selector && vary_names == other.vary_names && vary_values == other.vary_values;
  }

  // Octets of all that it takes but for its body, the store's own words for it included.
  [[nodiscard]] std::size_t index_memory() const {
    constexpr std::size_t kBookkeeping = 272;  // a node and a slot of the tables, counts, allocators' heads
    constexpr std::size_t kOfFile = 160;       // the same of its file
    return sizeof(*this) + kBookkeeping + head.memory() + url.capacity() + selector.capacity() + vary_names.capacity() +
           vary_values.capacity() + (file != nullptr ? sizeof(DiskFile) + kOfFile : 0);
  }
  [[nodiscard]] std::size_t memory() const {
    constexpr std::size_t kOfBody = 96;  // a chunk's head, counts, allocators' heads
    return index_memory() + kOfBody + body->memory();
  }
};

}  // namespace edge
