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

#include "edge/serve/cache/entry.h"
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
    std::function<void(std::uint64_t octets)> full;  // the file system had no room for a file of so many
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
  void write(std::shared_ptr<CacheEntry> entry) { push({Job::Kind::write, std::move(entry), nullptr}); }
  // The head of an entry whose body is written, or will be by then.
  void rewrite(std::shared_ptr<CacheEntry> entry) { push({Job::Kind::rewrite, std::move(entry), nullptr}); }
  void mark_purged(std::shared_ptr<DiskFile> file) { push({Job::Kind::mark, nullptr, std::move(file)}); }
  void remove(std::shared_ptr<DiskFile> file) { push({Job::Kind::remove, nullptr, std::move(file)}); }

  // For who reads a file: the directory (-1: it is not open yet), and whether its octets are in memory anyway.
  [[nodiscard]] int directory() const { return folder_.load(std::memory_order_acquire); }
  [[nodiscard]] bool in_memory() const { return in_memory_.load(std::memory_order_acquire); }
  // A file could not be read, or is not what it was.
  void tell_bad(const DiskFile& file, std::string_view why);
  // A read took too long: for a while only what is in memory is asked for.
  void tell_slow(shared::TimePoint now);
  [[nodiscard]] bool slow(shared::TimePoint now) const {
    return slow_until_.load(std::memory_order_relaxed) > now.time_since_epoch().count();
  }

  struct Stats {
    std::uint64_t written = 0;
    std::uint64_t write_failures = 0;
    std::uint64_t read_failures = 0;
    std::uint64_t found = 0;  // by scans
    std::uint64_t torn = 0;   // were no whole records
    bool owns = false;
    bool scanning = false;
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Job {
    enum class Kind : std::uint8_t { write, rewrite, mark, remove, let_go };
    Kind kind;
    std::shared_ptr<CacheEntry> entry;
    std::shared_ptr<DiskFile> file;
  };

  void push(Job job);
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
  void rewrite_front(const CacheEntry& entry);
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
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> write_failures_{0};
  mutable std::atomic<std::uint64_t> read_failures_{0};
  std::atomic<std::uint64_t> found_{0};
  std::atomic<std::uint64_t> torn_{0};

  // The thread's.
  shared::UniqueFd directory_;
  shared::UniqueFd lock_;
  unsigned scanned_ = 0;                   // folders of this scan
  bool as_owner_ = false;                  // this scan is
  std::unordered_set<std::string> known_;  // found by the scan before this process owned the directory
  bool failing_ = false;                   // the last write did
  bool told_used_ = false;                 // that another process holds the lock
  bool told_closed_ = false;               // that the directory cannot be opened
};

}  // namespace edge
