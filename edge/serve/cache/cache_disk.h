#pragma once
// CacheDisk: the files of a store on disk, and the one thread that writes them, so that neither a worker nor another
// store waits for this disk. A file is written under a name of its own and renamed when it is whole; what a start finds
// is read by the same thread, some files at a time, while requests are served. Whoever holds the directory's lock
// writes and evicts: of two processes in an upgrade the elder lets go of it, and what both know either may read.
//
//   DIRECTORY/lock                        held by who writes
//   DIRECTORY/3f/5e0c91d20000000a3f       a record (record_codec.h); 5e0c91d2 is a process, the rest counts
//   DIRECTORY/3f/5e0c91d20000000a3f.new   is being written
//
// Owned by a CacheStore. Any thread, but for what is said.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "edge/serve/cache/entry.h"
#include "edge/serve/cache/spool.h"
#include "shared/core/time.h"
#include "shared/serve/os/unique_fd.h"

namespace edge {

class CacheDisk {
 public:
  // What it tells the store, on its own thread.
  struct Events {
    std::function<void(const std::shared_ptr<CacheEntry>& entry, bool well)> written;
    std::function<void(std::shared_ptr<CacheEntry> entry)> found;
    std::function<void()> found_all;
    // The file system had no room for a file of so many; several times that is to be given back.
    std::function<void(std::uint64_t octets)> full;
    std::function<void(const std::shared_ptr<CacheSpool>& spool, bool well)> spooled;
  };
  // `process`: a number that no other process has.
  CacheDisk(std::string store, std::string directory, std::uint32_t process, Events events);
  ~CacheDisk();  // writes what is waiting, for a moment
  CacheDisk(const CacheDisk&) = delete;
  CacheDisk& operator=(const CacheDisk&) = delete;

  void start();
  // A successor is to write from now on, once what is waiting is written.
  void let_go();
  // Ends the thread; nothing is told any more.
  void stop();

  // It holds the lock, and its last write has not failed just now.
  [[nodiscard]] bool accepts() const;
  [[nodiscard]] bool owns() const { return owns_.load(std::memory_order_acquire); }
  [[nodiscard]] bool scanning() const { return scanning_.load(std::memory_order_acquire); }

  [[nodiscard]] std::shared_ptr<DiskFile> new_file();
  // REQUIRES: the entry has a body in memory, which is whole, and a new file.
  void write(std::shared_ptr<CacheEntry> entry) { push({.kind = Job::Kind::write, .entry = std::move(entry)}); }
  // The head of an entry whose body is written, or will be by then.
  void rewrite(std::shared_ptr<CacheEntry> entry) { push({.kind = Job::Kind::rewrite, .entry = std::move(entry)}); }
  // Some of a large body has come, or it has ended. REQUIRES: ask() said so.
  void spool(std::shared_ptr<CacheSpool> spool) { push({.kind = Job::Kind::spool, .spool = std::move(spool)}); }
  // Compares the octets of a file that an earlier process has written with their hash, some at a time; `written` is
  // told of one that is torn.
  void prove(const std::shared_ptr<CacheEntry>& entry);
  void mark_purged(std::shared_ptr<DiskFile> file) { push({.kind = Job::Kind::mark, .file = std::move(file)}); }
  void remove(std::shared_ptr<DiskFile> file) { push({.kind = Job::Kind::remove, .file = std::move(file)}); }

  // For who reads a file: the directory (-1: it is not open yet), and whether its octets are in memory anyway.
  [[nodiscard]] int directory() const { return folder_.load(std::memory_order_acquire); }
  [[nodiscard]] bool in_memory() const { return in_memory_.load(std::memory_order_acquire); }
  // A file could not be read, or is not what it was.
  void tell_bad(const DiskFile& file, std::string_view why);
  // A read took too long: for a while only what is in memory is asked for.
  void tell_slow(shared::TimePoint now);
  // Grows with all that this disk gets done: one that does not move hangs, however long the line before it is.
  [[nodiscard]] std::uint64_t moves() const { return moves_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool slow(shared::TimePoint now) const {
    return slow_until_.load(std::memory_order_relaxed) > now.time_since_epoch().count();
  }

  struct Stats {
    std::uint64_t written = 0;
    std::uint64_t write_failures = 0;
    std::uint64_t read_failures = 0;
    std::uint64_t found = 0;           // by scans
    std::uint64_t torn = 0;            // were no whole records
    std::uint64_t large_coming = 0;    // bodies that are being written while they come
    std::uint64_t large_written = 0;   // to their end
    std::uint64_t large_given_up = 0;  // not to their end
    bool owns = false;
    bool scanning = false;
  };
  [[nodiscard]] Stats stats() const;

 private:
  static constexpr std::string_view kUnfinished = ".new";

  // How far a file was compared.
  struct Proof {
    shared::UniqueFd fd;
    std::uint64_t read = 0;
    BodyHash hash;
  };
  struct Job {
    enum class Kind : std::uint8_t { write, rewrite, spool, prove, mark, remove, let_go };
    Kind kind = Kind::remove;
    std::shared_ptr<CacheEntry> entry{};
    std::shared_ptr<DiskFile> file{};
    std::shared_ptr<CacheSpool> spool{};
    std::shared_ptr<Proof> proof{};
  };

  void push(Job job);
  [[nodiscard]] bool stopping();
  // The thread's.
  void turn();
  [[nodiscard]] bool next(Job& job, shared::Duration patience);
  void settle();
  [[nodiscard]] bool open_directory();
  void take_lock();
  void scan_some();
  void scan_folder(unsigned number);
  void scan_file(int folder, const std::string& name);
  [[nodiscard]] bool read_front(int fd, std::string& front) const;
  void run(const Job& job);
  [[nodiscard]] int write_file(const CacheEntry& entry);
  [[nodiscard]] int write_octets(int fd, const CacheEntry& entry, std::string_view front) const;
  [[nodiscard]] shared::UniqueFd create(const DiskFile& file, int access) const;
  [[nodiscard]] int put_in_place(const DiskFile& file);
  void remove_unfinished(const DiskFile& file);
  void note(int error, std::uint64_t octets);
  void rewrite_front(const CacheEntry& entry);
  // cache_disk_large.cc
  void spool_some(const std::shared_ptr<CacheSpool>& spool);
  [[nodiscard]] int open_spool(CacheSpool& spool);
  [[nodiscard]] int spool_octets(CacheSpool& spool, bool& all);
  [[nodiscard]] int end_spool(CacheSpool& spool);
  void prove_some(const Job& job);
  void remove_file(const DiskFile& file);
  void report(int error, std::string_view what);

  const std::string store_;
  const std::string path_;
  const std::string process_;  // as names have it
  const Events events_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;   // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;

  std::atomic<std::uint64_t> count_{0};  // of names
  std::atomic<int> folder_{-1};
  std::atomic<bool> in_memory_{false};
  std::atomic<bool> owns_{false};
  std::atomic<bool> scanning_{true};
  std::atomic<bool> wants_{true};  // the lock
  std::atomic<std::int64_t> paused_until_{0};
  std::atomic<std::int64_t> slow_until_{0};
  std::atomic<std::int64_t> bad_told_{0};
  mutable std::atomic<std::uint64_t> moves_{0};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> write_failures_{0};
  mutable std::atomic<std::uint64_t> read_failures_{0};
  std::atomic<std::uint64_t> found_{0};
  std::atomic<std::uint64_t> torn_{0};
  std::atomic<std::uint64_t> large_coming_{0};
  std::atomic<std::uint64_t> large_written_{0};
  std::atomic<std::uint64_t> large_given_up_{0};

  // The thread's.
  shared::UniqueFd directory_;
  shared::UniqueFd lock_;
  unsigned scanned_ = 0;                   // folders of this scan
  bool as_owner_ = false;                  // this scan is
  std::unordered_set<std::string> known_;  // found by the scan before this process owned the directory
  bool failing_ = false;                   // the last write did
  std::vector<std::string> leftovers_;     // unfinished files that could not be removed
  std::vector<char> large_;                // a piece of a large body
  bool told_used_ = false;                 // that another process holds the lock
  bool told_closed_ = false;               // that the directory cannot be opened
};

}  // namespace edge
