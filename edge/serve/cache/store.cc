#include "edge/serve/cache/store.h"

#include <algorithm>
#include <utility>

#include "edge/core/cache/cache_key.h"
#include "edge/core/cache/vary.h"
#include "edge/serve/cache/heap_ahead.h"

namespace edge {
namespace {

// Which of the responses of one URL a request gets. What it says is put together once for names that are the same, as
// they are for all of a URL most often: it is long if its client wants that, and the shard is locked.
class Chooser {
 public:
  explicit Chooser(const CacheKey& key) : key_(key) {}

  [[nodiscard]] bool takes(const CacheEntry& entry) {
    if (entry.selector != key_.selector) return false;
    if (entry.vary_names.empty()) return true;
    if (entry.vary_names != names_) {
      names_ = entry.vary_names;
      values_.clear();
      append_vary_values(names_, key_.request, values_);
    }
    return values_ == entry.vary_values;
  }

 private:
  const CacheKey& key_;
  std::string_view names_;  // an entry's
  std::string values_;
};

CacheKey with_hash(const CacheKey& key, std::uint64_t hash) {
  return {.url = key.url, .selector = key.selector, .request = key.request, .hash = hash};
}

bool goes(const CachePurge& purge, const CacheEntry& entry) {
  if (!purge.url.empty()) return entry.url == purge.url;
  if (!purge.prefix.empty()) return entry.url.starts_with(purge.prefix);
  return holds_tag(entry.head.find("Cache-Tag"), purge.tag) || holds_tag(entry.head.find("Surrogate-Key"), purge.tag);
}

}  // namespace

CacheStore::CacheStore(const CacheStoreSettings& settings, std::uint64_t seed)
    : name_(settings.name), seed_(seed), capacity_(settings.capacity), memory_(settings.memory) {
  if (!settings.disk.empty()) open_disk(settings);
}

// Entries hold themselves while they are queued. Files stay.
CacheStore::~CacheStore() {
  if (disk_ != nullptr) disk_->stop();
  while (S3FifoHook* hook = queue_.evict()) static_cast<CacheEntry*>(hook)->queued.reset();
}

// By other bits than those that choose the place in a shard.
CacheStore::Shard& CacheStore::shard_of(const HashedUrl& url) const {
  return shards_[shared::hash_to_index(shared::mix(url.hash), kShards)];
}

CacheResource& CacheStore::resource_of(Shard& shard, const HashedUrl& url) {
  const auto [place, fresh] = shard.resources.try_emplace({url.url, url.hash});
  if (fresh) place->second.key = &place->first;
  return place->second;
}

CacheResource& CacheStore::resource_of(Shard& shard, const CacheFill& fill) {
  return shard.resources.find(HashedUrl{fill.url(), fill.in_store.url_hash})->second;
}

// Something has come or gone. A URL without anything goes, too, and the words of another one are those of something
// that is still there. REQUIRES: what has gone is not destroyed yet.
void CacheStore::settle(Shard& shard, CacheResource& resource) {
  if (!resource.entries.empty()) {
    resource.key->url = (*resource.entries.rbegin())->url;
  } else if (!resource.fills.empty()) {
    resource.key->url = (*resource.fills.begin())->url();
  } else {
    shard.resources.erase(shard.resources.find(*resource.key));
  }
}

std::string CacheStore::variant_of(const CacheResource& resource, const CacheKey& key) {
  std::string variant(key.selector);
  append_vary_values(resource.vary_names, key.request, variant);
  return variant;
}

std::uint64_t CacheStore::miss_hash(std::string_view url, std::string_view selector) const {
  return shared::hash_text(shared::hash_text(seed_ + 2, url), selector);
}

void CacheStore::look(const CacheResource& resource, const CacheKey& key, Found& found) {
  found.url_known = !resource.entries.empty();
  Chooser chooser(key);
  for (auto entry = resource.entries.rbegin(); entry != resource.entries.rend(); ++entry) {
    if (!chooser.takes(**entry)) continue;
    found.entry = *entry;
    return;
  }
}

CacheStore::Found CacheStore::find(const CacheKey& key, bool use) const {
  Found found;
  const HashedUrl url = hashed(key);
  found.hash = url.hash;
  const Shard& shard = shard_of(url);
  const std::scoped_lock lock(shard.mutex);
  found.version = shard.version;
  const auto resource = shard.resources.find(url);
  if (resource == shard.resources.end()) return found;
  look(resource->second, key, found);
  if (use && found.entry != nullptr) found.entry->use();
  return found;
}

std::shared_ptr<CacheFill> CacheStore::wait_for(const CacheResource& resource, const CacheKey& key, bool background) {
  const auto& fills = resource.fills;
  if (fills.empty()) return nullptr;
  const std::string variant = variant_of(resource, key);
  // What was purged while it comes may be from before the change that the purge was for.
  const auto fill =
      std::ranges::find_if(fills, [&](const auto& one) { return one->variant() == variant && !one->doomed(); });
  if (fill == fills.end()) return nullptr;
  if (!background) {
    collapsed_.fetch_add(1, std::memory_order_relaxed);
    (*fill)->expect();
  }
  return *fill;
}

// What is purged from now on is purged while it comes: the sweep finds it, or its end does.
std::shared_ptr<CacheFill> CacheStore::lead(Shard& shard, CacheResource* known, const CacheKey& key,
                                            std::shared_ptr<CacheEntry> old, bool background) {
  std::string variant = known != nullptr ? variant_of(*known, key) : std::string(key.selector);
  auto fill = std::make_shared<CacheFill>(std::string(key.url), std::move(variant), std::move(old), background);
  CacheResource& resource = known != nullptr ? *known : resource_of(shard, {fill->url(), key.hash});
  fill->in_store = {.url_hash = key.hash, .purges = purge_count_.load(std::memory_order_acquire)};
  resource.fills.push_back(fill);
  fetches_.fetch_add(1, std::memory_order_relaxed);
  return fill;
}

CacheStore::Asked CacheStore::find_or_join(const CacheKey& key, shared::TimePoint now) {
  const bool alone = missed_.load(std::memory_order_acquire) && was_missed(key, now);
  Asked asked;
  const HashedUrl url = hashed(key);
  asked.found.hash = url.hash;
  Shard& shard = shard_of(url);
  const std::scoped_lock lock(shard.mutex);
  asked.found.version = shard.version;
  const auto place = shard.resources.find(url);
  CacheResource* const known = place != shard.resources.end() ? &place->second : nullptr;
  if (known != nullptr) look(*known, key, asked.found);
  if (asked.found.entry != nullptr) {
    asked.found.entry->use();
  } else if (auto fill = known != nullptr ? wait_for(*known, key, false) : nullptr) {
    asked.joined = {Joined::Kind::wait, std::move(fill)};
  } else if (alone) {
    asked.joined = {Joined::Kind::alone, nullptr};
  } else {
    asked.joined = {Joined::Kind::lead, lead(shard, known, with_hash(key, url.hash), nullptr, false)};
  }
  return asked;
}

CacheStore::Joined CacheStore::join(const CacheKey& key, std::uint64_t version, std::shared_ptr<CacheEntry> old,
                                    bool background, shared::TimePoint now) {
  const bool alone = !background && missed_.load(std::memory_order_acquire) && was_missed(key, now);
  const HashedUrl url = hashed(key);
  Shard& shard = shard_of(url);
  const std::scoped_lock lock(shard.mutex);
  const auto place = shard.resources.find(url);
  CacheResource* const known = place != shard.resources.end() ? &place->second : nullptr;
  if (auto fill = known != nullptr ? wait_for(*known, key, background) : nullptr)
    return {Joined::Kind::wait, std::move(fill)};
  if (shard.version != version) return {Joined::Kind::again, nullptr};
  if (alone) return {Joined::Kind::alone, nullptr};
  return {Joined::Kind::lead, lead(shard, known, with_hash(key, url.hash), std::move(old), background)};
}

void CacheStore::remember_miss(std::string_view url, std::string_view selector, shared::TimePoint until) {
  const std::uint64_t hash = miss_hash(url, selector);
  Miss& miss = misses_[hash % kMisses];
  miss.hash.store(hash, std::memory_order_release);
  miss.until.store(until.time_since_epoch().count(), std::memory_order_release);
  missed_.store(true, std::memory_order_release);
}

bool CacheStore::was_missed(const CacheKey& key, shared::TimePoint now) const {
  const std::uint64_t hash = miss_hash(key.url, key.selector);
  const Miss& miss = misses_[hash % kMisses];
  return miss.hash.load(std::memory_order_acquire) == hash &&
         miss.until.load(std::memory_order_acquire) > now.time_since_epoch().count();
}

void CacheStore::release(CacheFill& fill) {
  if (fill.in_store.released) return;
  const std::scoped_lock change(change_);
  Shard& shard = shard_of(fill);
  const std::scoped_lock lock(shard.mutex);
  leave(fill, shard);
}

// Who is to join is counted under the same lock.
bool CacheStore::retire(CacheFill& fill) {
  const std::scoped_lock change(change_);
  if (fill.in_store.released) return fill.unread();
  Shard& shard = shard_of(fill);
  const std::scoped_lock lock(shard.mutex);
  if (!fill.unread()) return false;
  leave(fill, shard);
  return true;
}

// Under both locks. Who calls holds it.
void CacheStore::leave(CacheFill& fill, Shard& shard) {
  CacheResource& resource = resource_of(shard, fill);
  fill.in_store.released = true;
  resource.fills.erase_if([&](const auto& one) { return one.get() == &fill; });
  settle(shard, resource);
}

bool CacheStore::reserve(std::size_t octets) {
  const std::size_t coming = coming_.fetch_add(octets, std::memory_order_relaxed) + octets;
  if (disk_ != nullptr) {
    if (coming + pending_.load(std::memory_order_relaxed) <= memory_.load(std::memory_order_relaxed) / 2) return true;
    give_back(octets);
    return false;
  }
  const std::size_t capacity = capacity_.load(std::memory_order_relaxed);
  if (octets_.load(std::memory_order_relaxed) + coming <= capacity) return true;
  if (coming <= capacity / 2) {
    Gone gone;
    const std::scoped_lock change(change_);
    evict_to(capacity - coming, gone);
    return true;
  }
  give_back(octets);
  return false;
}

void CacheStore::give_back(std::size_t octets) { coming_.fetch_sub(octets, std::memory_order_relaxed); }

// Under `change_` all of these.
void CacheStore::unlink(const std::shared_ptr<CacheEntry>& entry, Gone& gone) {
  if (entry->queued == nullptr) return;
  queue_.remove(*entry);
  count_out(*entry, gone);
}

// It is in no queue any more. The last one that is stored with a file takes it along.
void CacheStore::count_out(CacheEntry& entry, Gone& gone) {
  entries_.fetch_sub(1, std::memory_order_relaxed);
  octets_.fetch_sub(entry.octets, std::memory_order_relaxed);
  if (disk_ != nullptr) {
    index_.fetch_sub(entry.index_memory(), std::memory_order_relaxed);
    if (--entry.file->users == 0) {
      entry.file->gone.store(true, std::memory_order_release);
      disk_->remove(entry.file);
    }
  }
  gone.push_back(std::move(entry.queued));
}

void CacheStore::drop(const CacheEntry& entry) {
  const HashedUrl url{entry.url, entry.url_hash};
  Shard& shard = shard_of(url);
  const std::scoped_lock lock(shard.mutex);
  const auto known = shard.resources.find(url);
  if (known == shard.resources.end()) return;
  known->second.entries.erase_if([&](const auto& one) { return one.get() == &entry; });
  settle(shard, known->second);
}

bool CacheStore::over(std::size_t octets) const {
  const std::size_t there = octets_.load(std::memory_order_relaxed);
  if (disk_ == nullptr) return there + queue_.memory() > octets;
  const std::size_t most = memory_.load(std::memory_order_relaxed) / 2;
  return there > octets || index_.load(std::memory_order_relaxed) + queue_.memory() > most;
}

void CacheStore::evict_to(std::size_t octets, Gone& gone) {
  while (over(octets)) {
    S3FifoHook* hook = queue_.evict();
    if (hook == nullptr) return;
    auto* entry = static_cast<CacheEntry*>(hook);
    evicted_.fetch_add(1, std::memory_order_relaxed);
    drop(*entry);
    count_out(*entry, gone);
  }
}

bool CacheStore::purged_since(const CacheEntry& entry, std::uint64_t begun, bool& soft) const {
  const std::uint64_t missed = purge_count_ - begun;
  if (missed > purges_.size()) return true;
  bool gone = false;
  for (std::size_t i = purges_.size() - static_cast<std::size_t>(missed); i < purges_.size(); ++i) {
    if (!goes(purges_[i], entry)) continue;
    soft = soft || purges_[i].soft;
    gone = gone || !purges_[i].soft;
  }
  return gone;
}

bool CacheStore::insert(const std::shared_ptr<CacheEntry>& entry, CacheFill& fill, std::size_t most) {
  Gone gone;  // dies behind the locks
  const std::scoped_lock change(change_);
  bool soft = false;
  if (fill.doomed() || fill.in_store.released || purged_since(*entry, fill.in_store.purges, soft)) return false;
  if (soft) entry->purged.store(true, std::memory_order_relaxed);
  const std::size_t octets = disk_ == nullptr ? entry->memory() : octets_on_disk(*entry);
  const std::size_t capacity = capacity_.load(std::memory_order_relaxed);
  if (octets == 0 || !takes(entry->body_size())) return false;
  const bool to_write = disk_ != nullptr && attach(*entry);
  Shard& shard = shard_of(fill);
  {
    const std::scoped_lock lock(shard.mutex);
    CacheResource& resource = resource_of(shard, fill);
    resource.fills.erase_if([&](const auto& one) { return one.get() == &fill; });
    fill.in_store.released = true;
    std::size_t left = resource.entries.size();
    resource.entries.erase_if([&](const auto& one) {
      const bool replaced = one->same_variant(*entry) || left >= std::max<std::size_t>(most, 1);
      if (!replaced) return false;
      unlink(one, gone);
      --left;
      return true;
    });
    resource.entries.push_back(entry);
    resource.vary_names = entry->vary_names;
    settle(shard, resource);
    ++shard.version;
  }
  enqueue(entry, fill.in_store.url_hash, octets);
  stored_.fetch_add(1, std::memory_order_relaxed);
  const std::size_t coming = (disk_ == nullptr ? coming_ : spooling_).load(std::memory_order_relaxed);
  evict_to(capacity - std::min(capacity, coming), gone);
  if (to_write) {
    disk_->write(entry);
  } else if (disk_ != nullptr) {
    disk_->rewrite(entry);
  }
  grow_heap_ahead(octets);
  return true;
}

void CacheStore::enqueue(const std::shared_ptr<CacheEntry>& entry, std::uint64_t url_hash, std::size_t octets) {
  queue_.insert(*entry, shared::hash_text(url_hash + 3, entry->vary_values), octets);
  entry->queued = entry;
  entry->url_hash = url_hash;
  entries_.fetch_add(1, std::memory_order_relaxed);
  octets_.fetch_add(octets, std::memory_order_relaxed);
}

void CacheStore::remove(const CacheEntry& entry) {
  Gone gone;
  const std::scoped_lock change(change_);
  const std::shared_ptr<CacheEntry> held = entry.queued != nullptr ? entry.queued : same_file(entry);
  if (held == nullptr) return;
  drop(*held);
  unlink(held, gone);
}

void CacheStore::soften(CacheEntry& entry) {
  entry.purged.store(true, std::memory_order_relaxed);
  if (disk_ != nullptr) disk_->mark_purged(entry.file);
}

std::size_t CacheStore::purge(const CachePurge& purge) {
  std::size_t count = 0;
  const auto look_at = [&](const CacheResource& resource, Gone& gone) {
    for (const auto& fill : resource.fills) {
      if (!purge.url.empty() || (!purge.prefix.empty() && !purge.soft && fill->url().starts_with(purge.prefix)))
        fill->doom();
    }
    for (const auto& entry : resource.entries) {
      if (!goes(purge, *entry)) continue;
      ++count;
      if (purge.soft) {
        soften(*entry);
      } else {
        gone.push_back(entry);
      }
    }
  };
  const auto sweep = [&](const Shard& shard, Gone& gone) {
    const std::scoped_lock lock(shard.mutex);
    if (!purge.url.empty()) {
      const auto known = shard.resources.find(hashed(purge.url));
      if (known != shard.resources.end()) look_at(known->second, gone);
      return;
    }
    for (const auto& [url, resource] : shard.resources) look_at(resource, gone);
  };
  {
    const std::scoped_lock change(change_);
    if (!purge.url.empty()) {
      note_for_scan(purge);
    } else {
      purges_.push_back(purge);
      ++purge_count_;
      if (purges_.size() > kPurgesKept) purges_.pop_front();
    }
  }
  for (Shard& shard : shards_) {
    if (!purge.url.empty() && &shard != &shard_of(purge.url)) continue;
    Gone gone;
    Gone unlinked;
    const std::scoped_lock change(change_);
    sweep(shard, gone);
    for (const auto& entry : gone) {
      drop(*entry);
      unlink(entry, unlinked);
    }
  }
  purged_.fetch_add(count, std::memory_order_relaxed);
  return count;
}

void CacheStore::set_capacity(std::size_t octets, std::size_t memory) {
  Gone gone;
  const std::scoped_lock change(change_);
  capacity_.store(octets, std::memory_order_relaxed);
  memory_.store(memory, std::memory_order_relaxed);
  evict_to(octets, gone);
}

CacheStore::Stats CacheStore::stats() const {
  const std::size_t coming = coming_.load(std::memory_order_relaxed);
  const std::size_t octets = octets_.load(std::memory_order_relaxed);
  const std::size_t index = index_.load(std::memory_order_relaxed) + pending_.load(std::memory_order_relaxed);
  return {.entries = entries_.load(std::memory_order_relaxed),
          .octets = octets + (disk_ == nullptr ? coming : spooling_.load(std::memory_order_relaxed)),
          .capacity = capacity_.load(std::memory_order_relaxed),
          .stored = stored_.load(std::memory_order_relaxed),
          .evicted = evicted_.load(std::memory_order_relaxed),
          .purged = purged_.load(std::memory_order_relaxed),
          .fetches = fetches_.load(std::memory_order_relaxed),
          .collapsed = collapsed_.load(std::memory_order_relaxed),
          .skipped = skipped_.load(std::memory_order_relaxed),
          .memory = disk_ == nullptr ? octets + coming : index + coming};
}

}  // namespace edge
