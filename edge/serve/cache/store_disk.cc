#include "edge/serve/cache/store.h"

// What a store does with its disk. That is all that differs from a store in memory: how many octets an entry takes, and
// where its body is.

#include <algorithm>
#include <random>
#include <utility>

namespace edge {
namespace {

constexpr std::size_t kMostNoted = 1U << 16U;  // URLs that are purged while files are being found
constexpr std::size_t kMostVariants = 1000;    // of one URL, of what is found; routes may say less
constexpr std::size_t kFrontOctets = 384;      // of a record, beside its texts

std::uint64_t url_hash(std::string_view url) { return shared::hash_text(0x5CA9, url); }

}  // namespace

void CacheStore::open_disk(const CacheStoreSettings& settings) {
  std::random_device random;
  disk_ = std::make_unique<CacheDisk>(
      settings.name, settings.disk, static_cast<std::uint32_t>(random()),
      CacheDisk::Events{
          .written = [this](const std::shared_ptr<CacheEntry>& entry, bool well) { written(entry, well); },
          .found = [this](std::shared_ptr<CacheEntry> entry) { adopt(std::move(entry)); },
          .found_all =
              [this] {
                const std::scoped_lock change(change_);
                purged_urls_.clear();
                distrusts_ = false;
              },
          .full = [this](std::uint64_t octets) { make_room(octets); },
          .spooled = [this](const std::shared_ptr<CacheSpool>& spool, bool well) { spooled(spool, well); }});
}

void CacheStore::start() {
  if (disk_ != nullptr) disk_->start();
}

void CacheStore::let_go() {
  if (disk_ != nullptr) disk_->let_go();
}

// 0: it cannot be stored. A body that comes is written only while the disk keeps up.
std::size_t CacheStore::octets_on_disk(const CacheEntry& entry) {
  if (entry.file != nullptr) {
    if (entry.file->gone.load(std::memory_order_relaxed)) return 0;
  } else if (!disk_->accepts() || pending_.load(std::memory_order_relaxed) + entry.body->memory() >
                                      memory_.load(std::memory_order_relaxed) / 2) {
    skipped_.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  const std::size_t front = kFrontOctets + entry.head.memory() + entry.url.size() + entry.selector.size() +
                            entry.vary_names.size() + entry.vary_values.size();
  return static_cast<std::size_t>(disk_octets(front, entry.body_size()));
}

// True: its body has to be written.
bool CacheStore::attach(CacheEntry& entry) {
  const bool fresh = entry.file == nullptr;
  if (fresh) {
    entry.file = disk_->new_file();
    entry.pending = entry.body->memory();
    pending_.fetch_add(entry.pending, std::memory_order_relaxed);
  }
  ++entry.file->users;
  index_.fetch_add(entry.index_memory(), std::memory_order_relaxed);
  return fresh;
}

// The entry that is stored with the same file, in the place of one that is not any more.
std::shared_ptr<CacheEntry> CacheStore::same_file(const CacheEntry& entry) const {
  if (entry.file == nullptr) return nullptr;
  const HashedUrl url = hashed(entry.url);
  const Shard& shard = shard_of(url);
  const std::scoped_lock lock(shard.mutex);
  const auto known = shard.resources.find(url);
  if (known == shard.resources.end()) return nullptr;
  for (const auto& one : known->second.entries) {
    if (one->file == entry.file) return one;
  }
  return nullptr;
}

// An entry whose body has a file now gives its place to one that has not got it in memory. Who reads the old one reads
// on.
void CacheStore::written(const std::shared_ptr<CacheEntry>& entry, bool well) {
  Gone gone;
  const std::scoped_lock change(change_);
  pending_.fetch_sub(entry->pending, std::memory_order_relaxed);
  if (entry->file->gone.load(std::memory_order_relaxed)) {
    if (well) disk_->remove(entry->file);
    return;
  }
  const std::shared_ptr<CacheEntry> held = same_file(*entry);
  if (held == nullptr) return;
  if (!well) {
    drop(*held);
    return unlink(held, gone);
  }
  auto made = std::make_shared<CacheEntry>(static_cast<const CacheRecord&>(*held));
  made->file = held->file;
  made->purged.store(held->purged.load(std::memory_order_relaxed), std::memory_order_relaxed);
  index_.fetch_add(made->index_memory(), std::memory_order_relaxed);
  index_.fetch_sub(held->index_memory(), std::memory_order_relaxed);
  queue_.replace(*held, *made);
  made->queued = made;
  made->url_hash = held->url_hash;
  gone.push_back(std::move(held->queued));
  const HashedUrl url{made->url, made->url_hash};
  Shard& shard = shard_of(url);
  const std::scoped_lock lock(shard.mutex);
  CacheResource& resource = shard.resources.find(url)->second;
  std::ranges::replace(resource.entries, held, made);
  settle(shard, resource);
}

// Files that are still being found may be of what was purged.
void CacheStore::note_for_scan(const CachePurge& purge) {
  if (disk_ == nullptr || !disk_->scanning()) return;
  if (purged_urls_.size() >= kMostNoted) distrusts_ = true;
  if (distrusts_) return;
  const auto [noted, fresh] = purged_urls_.emplace(url_hash(purge.url), purge.soft);
  noted->second = noted->second && purge.soft;
}

// As purged_since(): true: it goes, and if it does not, it may be stale.
bool CacheStore::purged_in_scan(CacheEntry& entry) const {
  bool soft = false;
  if (distrusts_ || purged_since(entry, 0, soft)) return true;
  const auto noted = purged_urls_.find(url_hash(entry.url));
  if (noted != purged_urls_.end() && !noted->second) return true;
  if (soft || noted != purged_urls_.end()) entry.purged.store(true, std::memory_order_relaxed);
  return false;
}

// A file of an earlier process. What is stored already is newer, unless its own date says otherwise.
void CacheStore::adopt(std::shared_ptr<CacheEntry> entry) {
  Gone gone;
  const std::scoped_lock change(change_);
  const std::shared_ptr<DiskFile> file = entry->file;
  const auto octets = static_cast<std::size_t>(disk_octets(file->body.at, file->body.size));
  const std::size_t capacity = capacity_.load(std::memory_order_relaxed);
  if (!takes(file->body.size) || purged_in_scan(*entry)) return disk_->remove(file);
  const HashedUrl url = hashed(entry->url);
  {
    Shard& shard = shard_of(url);
    const std::scoped_lock lock(shard.mutex);
    CacheResource& resource = resource_of(shard, url);
    const auto same =
        std::ranges::find_if(resource.entries, [&](const auto& one) { return one->same_variant(*entry); });
    if (same != resource.entries.end()) {
      if ((*same)->file->name == file->name) return;
      if ((*same)->heard_at >= entry->heard_at) return disk_->remove(file);
      const std::shared_ptr<CacheEntry> old = *same;
      unlink(old, gone);
      resource.entries.erase_if([&](const auto& one) { return one == old; });
    }
    if (resource.entries.size() >= kMostVariants) {
      settle(shard, resource);
      return disk_->remove(file);
    }
    if (resource.entries.empty()) resource.vary_names = entry->vary_names;
    resource.entries.push_back(entry);
    settle(shard, resource);
  }
  static_cast<void>(attach(*entry));
  enqueue(entry, url.hash, octets);
  evict_to(capacity, gone);
}

std::uint64_t CacheStore::spooled_from() const {
  return std::min<std::uint64_t>(memory_.load(std::memory_order_relaxed) / 16, 4U << 20U);
}

std::uint64_t CacheStore::spool_window() const {
  return std::clamp<std::uint64_t>(memory_.load(std::memory_order_relaxed) / 16, 1U << 20U, 4U << 20U);
}

std::shared_ptr<CacheSpool> CacheStore::spool(const std::shared_ptr<CacheEntry>& entry,
                                              const std::shared_ptr<CacheFill>& fill, std::size_t most) {
  if (!disk_->accepts() || disk_->slow(shared::Clock::now())) {
    skipped_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  return std::make_shared<CacheSpool>(entry, disk_->new_file(), fill, most);
}

bool CacheStore::claim(CacheSpool& spool, std::uint64_t octets) {
  const std::size_t coming = spooling_.fetch_add(octets, std::memory_order_relaxed) + octets;
  const std::size_t capacity = capacity_.load(std::memory_order_relaxed);
  if (coming > capacity / 2) {
    spooling_.fetch_sub(octets, std::memory_order_relaxed);
    return false;
  }
  spool.claimed_.fetch_add(octets, std::memory_order_relaxed);
  if (octets_.load(std::memory_order_relaxed) + coming > capacity) {
    Gone gone;
    const std::scoped_lock change(change_);
    evict_to(capacity - coming, gone);
  }
  return true;
}

void CacheStore::disclaim(CacheSpool& spool) {
  spooling_.fetch_sub(spool.claimed_.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
}

// The end of a body that was written while it came. Nobody has found its entry yet; who reads it goes on. May be told
// twice, if the body ends while its file fails.
void CacheStore::spooled(const std::shared_ptr<CacheSpool>& spool, bool well) {
  disclaim(*spool);
  if (well) {
    auto made = std::make_shared<CacheEntry>(static_cast<const CacheRecord&>(*spool->entry_));
    made->file = spool->disk_file_;
    if (!insert(made, *spool->fill_, spool->most_)) disk_->remove(made->file);
  }
  // Else the fetch looks after the rest.
  if (!spool->ended_.load(std::memory_order_acquire) || spool->released_.exchange(true)) return;
  give_back(spool->reserved_);
  release(*spool->fill_);
}

// The file system is fuller than this store was told it would be: others need room, or `size` was too much.
void CacheStore::make_room(std::uint64_t octets) {
  Gone gone;
  const std::scoped_lock change(change_);
  const std::size_t there = octets_.load(std::memory_order_relaxed);
  const std::size_t less = std::max<std::size_t>(static_cast<std::size_t>(8 * octets), there / 64);
  evict_to(there - std::min(there, less), gone);
}

}  // namespace edge
