#pragma once
// CacheStore: stored responses in memory, bounded in octets, all overhead counted, or on a disk, with their heads in
// memory and two bounds, of the disk's octets and of the memory's; shared by the workers. URLs lie in shards, each with
// a lock that is held for a look-up, or to begin a fetch, and no longer; what changes what is stored takes one lock
// more, so that the bound and the order of eviction (s3_fifo.h) are those of the whole. Nothing is copied or freed
// under a lock.
//
//   URL -> Resource: entries (one for each variant) and fills (fetches that are under way, one for each variant)
//
// Lives as long as the process, over reloads. Any thread.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/core/cache/s3_fifo.h"
#include "edge/core/cache/storing.h"
#include "edge/serve/cache/cache_disk.h"
#include "edge/serve/cache/entry.h"
#include "edge/serve/cache/few.h"
#include "edge/serve/cache/fill.h"
#include "shared/core/hash.h"
#include "shared/core/time.h"
#include "shared/http/fields.h"

namespace edge {

struct CacheStoreSettings {
  std::string name;
  std::size_t capacity = 256ULL << 20U;  // octets
  std::string disk{};                    // a directory; empty: in memory
  std::size_t memory = 256ULL << 20U;    // of a store on disk: half for its index, half for bodies not written yet
};

// What one request is looked for by.
struct CacheKey {
  std::string_view url;
  std::string_view selector;
  const http::FieldList& request;
  std::uint64_t hash = 0;  // of the URL, as find() has told it; 0: it is not known
};

// Exactly one of them says what goes.
struct CachePurge {
  std::string url{};     // this one, in all its variants
  std::string prefix{};  // URLs that begin so
  std::string tag{};     // a surrogate key
  bool soft = false;     // it stays, and is stale
};

// A URL with its hash, which is made once for all that one request does. Seeded, as URLs are chosen by clients.
struct HashedUrl {
  std::string_view url;
  std::uint64_t hash;
};
// In the table: the words are those of what is newest there, see settle().
struct StoredUrl {
  mutable std::string_view url;
  std::uint64_t hash;
  friend bool operator==(const StoredUrl& a, const StoredUrl& b) { return a.url == b.url; }
  friend bool operator==(const StoredUrl& a, const HashedUrl& b) { return a.url == b.url; }
};
struct CacheUrlHash {
  using is_transparent = void;
  std::size_t operator()(const StoredUrl& url) const { return url.hash; }
  std::size_t operator()(const HashedUrl& url) const { return url.hash; }
};

// What there is of one URL. Under its shard's lock; it stays where it is while something is in it.
struct CacheResource {
  const StoredUrl* key = nullptr;            // in the table
  Few<std::shared_ptr<CacheEntry>> entries;  // the newest last
  Few<std::shared_ptr<CacheFill>> fills;
  std::string vary_names;  // of the newest
};

class CacheStore {
 public:
  CacheStore(const CacheStoreSettings& settings, std::uint64_t seed);
  ~CacheStore();
  CacheStore(const CacheStore&) = delete;
  CacheStore& operator=(const CacheStore&) = delete;

  struct Found {
    std::shared_ptr<CacheEntry> entry;  // null: none
    bool url_known = false;             // there is one for other requests
    std::uint64_t version = 0;          // for join()
    std::uint64_t hash = 0;             // of the URL
  };
  // `use`: it counts for eviction.
  [[nodiscard]] Found find(const CacheKey& key, bool use = true) const;

  struct Joined {
    enum class Kind : std::uint8_t {
      lead,   // fetch it, and write what comes
      wait,   // somebody does; who is no background has to read the fill, which he is counted for
      again,  // something was stored since: find() once more
      alone,  // what came of this lately was not to be stored: ask for yourself
    };
    Kind kind = Kind::alone;
    std::shared_ptr<CacheFill> fill;
  };
  // find(), and, if nothing was found, join() under the same lock.
  struct Asked {
    Found found;
    std::optional<Joined> joined;
  };
  [[nodiscard]] Asked find_or_join(const CacheKey& key, shared::TimePoint now);
  // Fetches what find() has not found. `old`: to be validated.
  [[nodiscard]] Joined join(const CacheKey& key, std::uint64_t version, std::shared_ptr<CacheEntry> old,
                            bool background, shared::TimePoint now);
  // What has come of it is not to be stored; until then others do not wait for each other.
  void remember_miss(std::string_view url, std::string_view selector, shared::TimePoint until);
  // Nobody joins it any more. The writer's.
  void release(CacheFill& fill);
  // The same, unless somebody is to read it: false.
  [[nodiscard]] bool retire(CacheFill& fill);

  // Makes room for octets of a body that comes; false: there is none. Give back what was reserved.
  [[nodiscard]] bool reserve(std::size_t octets);
  void give_back(std::size_t octets);
  // In the place of the same variant; then the fill is released. `most`: variants of one URL. False: it was purged
  // while it came, or is too large.
  bool insert(const std::shared_ptr<CacheEntry>& entry, CacheFill& fill, std::size_t most);
  // An entry that is not what the server has; one that may be something else than it has.
  void remove(const CacheEntry& entry);
  void soften(CacheEntry& entry);

  // How many entries have gone.
  std::size_t purge(const CachePurge& purge);
  void set_capacity(std::size_t octets, std::size_t memory = 0);

  // Of a store on disk: bodies of more octets than this are written while they come.
  [[nodiscard]] std::uint64_t spooled_from() const;
  // Octets of such a body that may wait to be written.
  [[nodiscard]] std::uint64_t spool_window() const;
  // Null: the disk takes nothing now, or hangs.
  [[nodiscard]] std::shared_ptr<CacheSpool> spool(const std::shared_ptr<CacheEntry>& entry,
                                                  const std::shared_ptr<CacheFill>& fill, std::size_t most);
  // Makes room on the disk for as many octets of it; false: there is none.
  [[nodiscard]] bool claim(CacheSpool& spool, std::uint64_t octets);
  void disclaim(CacheSpool& spool);

  // Of a store on disk: begins to read what is there; a successor is to write from now on. Others do nothing.
  void start();
  void let_go();
  // Null: it is in memory.
  [[nodiscard]] CacheDisk* disk() const { return disk_.get(); }

  struct Stats {
    std::size_t entries = 0;
    std::size_t octets = 0;  // of entries and of what comes
    std::size_t capacity = 0;
    std::uint64_t stored = 0;
    std::uint64_t evicted = 0;
    std::uint64_t purged = 0;
    std::uint64_t fetches = 0;
    std::uint64_t collapsed = 0;  // requests that have waited for one
    std::uint64_t skipped = 0;    // were to be stored, and the disk did not take them
    std::size_t memory = 0;       // octets; of a store on disk those of its index and of bodies
  };
  [[nodiscard]] Stats stats() const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  static constexpr std::size_t kShards = 64;
  static constexpr std::size_t kMisses = 4096;
  static constexpr std::size_t kPurgesKept = 256;

  using Resources = std::unordered_map<StoredUrl, CacheResource, CacheUrlHash, std::equal_to<>>;
  struct Shard {
    mutable std::mutex mutex;
    Resources resources;
    std::uint64_t version = 0;
  };
  struct Miss {
    std::atomic<std::uint64_t> hash{0};
    std::atomic<std::int64_t> until{0};
  };
  using Gone = Few<std::shared_ptr<CacheEntry>>;

  [[nodiscard]] HashedUrl hashed(std::string_view url) const { return {url, shared::hash_text(seed_, url)}; }
  [[nodiscard]] HashedUrl hashed(const CacheKey& key) const {
    return key.hash != 0 ? HashedUrl{key.url, key.hash} : hashed(key.url);
  }
  [[nodiscard]] Shard& shard_of(const HashedUrl& url) const;
  [[nodiscard]] Shard& shard_of(std::string_view url) const { return shard_of(hashed(url)); }
  [[nodiscard]] Shard& shard_of(const CacheFill& fill) const { return shard_of({fill.url(), fill.in_store.url_hash}); }
  // `url` is told in words of what is to be in it.
  [[nodiscard]] static CacheResource& resource_of(Shard& shard, const HashedUrl& url);
  // REQUIRES: it was not released.
  [[nodiscard]] static CacheResource& resource_of(Shard& shard, const CacheFill& fill);
  static void settle(Shard& shard, CacheResource& resource);
  [[nodiscard]] static std::string variant_of(const CacheResource& resource, const CacheKey& key);
  static void look(const CacheResource& resource, const CacheKey& key, Found& found);
  [[nodiscard]] std::uint64_t miss_hash(std::string_view url, std::string_view selector) const;
  // Somebody else's fetch of the same; null: there is none.
  [[nodiscard]] std::shared_ptr<CacheFill> wait_for(const CacheResource& resource, const CacheKey& key,
                                                    bool background);
  [[nodiscard]] std::shared_ptr<CacheFill> lead(Shard& shard, CacheResource* known, const CacheKey& key,
                                                std::shared_ptr<CacheEntry> old, bool background);
  [[nodiscard]] bool was_missed(const CacheKey& key, shared::TimePoint now) const;
  static void leave(CacheFill& fill, Shard& shard);
  void unlink(const std::shared_ptr<CacheEntry>& entry, Gone& gone);
  void count_out(CacheEntry& entry, Gone& gone);
  void evict_to(std::size_t octets, Gone& gone);
  [[nodiscard]] bool over(std::size_t octets) const;
  // A body of so many octets: a bound of bodies alone, as `max_object` is one, which is compared with it at load.
  [[nodiscard]] bool takes(std::uint64_t body) const {
    return body <= capacity_.load(std::memory_order_relaxed) / kLargestPartOfStore;
  }
  void enqueue(const std::shared_ptr<CacheEntry>& entry, std::uint64_t url_hash, std::size_t octets);

  // store_disk.cc
  void open_disk(const CacheStoreSettings& settings);
  [[nodiscard]] std::size_t octets_on_disk(const CacheEntry& entry);
  [[nodiscard]] bool attach(CacheEntry& entry);
  [[nodiscard]] std::shared_ptr<CacheEntry> same_file(const CacheEntry& entry) const;
  void note_for_scan(const CachePurge& purge);
  [[nodiscard]] bool purged_in_scan(CacheEntry& entry) const;
  // Of the disk's thread.
  void written(const std::shared_ptr<CacheEntry>& entry, bool well);
  void adopt(std::shared_ptr<CacheEntry> entry);
  void make_room(std::uint64_t octets);
  void spooled(const std::shared_ptr<CacheSpool>& spool, bool well);
  void drop(const CacheEntry& entry);
  [[nodiscard]] bool purged_since(const CacheEntry& entry, std::uint64_t begun, bool& soft) const;

  const std::string name_;
  const std::uint64_t seed_;
  std::atomic<std::size_t> capacity_;
  mutable std::array<Shard, kShards> shards_;
  std::array<Miss, kMisses> misses_;
  std::atomic<bool> missed_{false};     // one of them says something
  std::atomic<std::size_t> coming_{0};  // octets of bodies that come

  mutable std::mutex change_;  // before a shard's
  S3Fifo queue_;
  std::deque<CachePurge> purges_;              // the newest last
  std::atomic<std::uint64_t> purge_count_{0};  // written under the lock
  // Hashes of URLs that were purged while files of before are still being found; too many: nothing more is taken.
  std::unordered_map<std::uint64_t, bool> purged_urls_;  // true: softly
  bool distrusts_ = false;

  std::unique_ptr<CacheDisk> disk_;
  std::atomic<std::size_t> memory_;       // of a store on disk
  std::atomic<std::size_t> index_{0};     // octets of its entries but for bodies
  std::atomic<std::size_t> pending_{0};   // octets of bodies that are to be written
  std::atomic<std::size_t> spooling_{0};  // octets of the disk that are put aside for bodies which come
  std::atomic<std::uint64_t> skipped_{0};

  std::atomic<std::size_t> entries_{0};
  std::atomic<std::size_t> octets_{0};
  std::atomic<std::uint64_t> stored_{0};
  std::atomic<std::uint64_t> evicted_{0};
  std::atomic<std::uint64_t> purged_{0};
  std::atomic<std::uint64_t> fetches_{0};
  mutable std::atomic<std::uint64_t> collapsed_{0};
};

}  // namespace edge
