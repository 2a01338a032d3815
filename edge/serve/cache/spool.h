#pragma once
// CacheSpool: a body that is too large for memory on its way to the disk of a store. The fetch appends to the body as
// to any other; the store's own thread writes what has come to a file and lets go of it in memory, and who reads more
// slowly than that reads the file. When all of it is there the file gets its name and the store its entry: before that
// nobody finds it, and what is begun and not ended is removed. Shared by a FillSink and the CacheDisk; see the members.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "edge/core/cache/record_codec.h"
#include "edge/serve/cache/entry.h"
#include "edge/serve/cache/fill.h"
#include "edge/serve/files/open_files.h"

namespace edge {

class CacheSpool {
 public:
  static constexpr std::size_t kWorthWriting = 256 * 1024;  // of octets that have come since the last time
  static constexpr std::size_t kChunk = 64 * 1024;          // of memory; who reads slowly keeps one

  // `entry` has a body that comes; `file` is a new one. `most`: variants of its URL.
  CacheSpool(std::shared_ptr<CacheEntry> entry, std::shared_ptr<DiskFile> file, std::shared_ptr<CacheFill> fill,
             std::size_t most)
      : entry_(std::move(entry)), disk_file_(std::move(file)), fill_(std::move(fill)), most_(most) {}
  CacheSpool(const CacheSpool&) = delete;
  CacheSpool& operator=(const CacheSpool&) = delete;

  // The fetch's.
  [[nodiscard]] std::uint64_t written() const { return written_.load(std::memory_order_acquire); }
  [[nodiscard]] bool failed() const { return failed_.load(std::memory_order_acquire); }
  // Octets of memory that were let go since the last time.
  [[nodiscard]] std::size_t take_freed() { return freed_.exchange(0, std::memory_order_acq_rel); }
  // True: somebody has to tell the disk of it.
  [[nodiscard]] bool ask() { return !asked_.exchange(true, std::memory_order_acq_rel); }
  // The body is whole, and takes so many octets of memory. Or it is not to be stored.
  void end(std::size_t reserved) {
    reserved_ = reserved;
    ended_.store(true, std::memory_order_release);
  }
  void abandon() { abandoned_.store(true, std::memory_order_release); }

 private:
  friend class CacheDisk;
  friend class CacheStore;

  const std::shared_ptr<CacheEntry> entry_;
  const std::shared_ptr<DiskFile> disk_file_;
  const std::shared_ptr<CacheFill> fill_;
  const std::size_t most_;
  std::size_t reserved_ = 0;
  std::atomic<std::uint64_t> claimed_{0};  // octets of the disk that the store has put aside for it
  std::atomic<bool> released_{false};      // the store has
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::size_t> freed_{0};
  std::atomic<bool> asked_{false};
  std::atomic<bool> ended_{false};
  std::atomic<bool> abandoned_{false};
  std::atomic<bool> failed_{false};

  // The disk's.
  std::shared_ptr<OpenFile> file_;
  std::uint64_t at_ = 0;  // where the body begins
  BodyHash hash_;
  bool over_ = false;
};

}  // namespace edge
