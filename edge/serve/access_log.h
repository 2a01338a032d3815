#pragma once
// AccessLog: one JSON line per request, off the hot path. A worker formats into its own lane, a ring of bytes with one
// writer and one reader; the log's own thread carries the lanes to the file. A full lane drops the line and counts it:
// a slow disk never makes a request wait. Owned by the Server; lanes belong to one worker each.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "shared/core/counter.h"
#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/serve/unique_fd.h"

namespace edge {

// What is known of a request when it is over. Views need to live during the call only.
struct AccessRecord {
  shared::WallTime time;  // of the head's first byte
  shared::IpAddress client;
  std::string_view method, host, path, route, tier, pool, server, request_id;
  std::uint16_t status = 0;  // 499: the client left first
  std::uint64_t octets_in = 0, octets_out = 0;
  // Microseconds from the head's first byte, in the order of the steps; what was not reached is 0. Of the last attempt.
  std::uint64_t head_us = 0, picked_us = 0, connected_us = 0, first_byte_us = 0, total_us = 0;
  std::uint32_t attempts = 0;
  char ending = '-';  // see errors.h
  bool hedged = false;
  std::string_view breaker;  // "probe", "shadow"; empty: nothing to say
  std::string_view reason;   // why it ended so: empty when all is well
};

[[nodiscard]] std::string format_access(const AccessRecord& record);

class AccessLane {
 public:
  static constexpr std::size_t kSize = 1024 * 1024;

  // The worker's side: whole lines or nothing.
  void write(const AccessRecord& record);
  [[nodiscard]] std::uint64_t dropped() const { return dropped_.read(); }

 private:
  friend class AccessLog;
  // The log's side: moves what is there to the end of `out`.
  void drain(std::string& out);

  std::unique_ptr<char[]> ring_ = std::make_unique<char[]>(kSize);
  std::atomic<std::uint64_t> written_{0};  // octets, ever
  std::atomic<std::uint64_t> read_{0};
  shared::Counter dropped_;
};

class AccessLog {
 public:
  static shared::Result<std::unique_ptr<AccessLog>> open(std::string path, std::size_t lanes);
  ~AccessLog();  // writes what is left
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  [[nodiscard]] AccessLane& lane(std::size_t worker) { return *lanes_[worker]; }
  // After the file was moved away (rotation); keeps the old one when the new one cannot be opened. Any thread.
  [[nodiscard]] shared::Result<void> reopen();
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  AccessLog(std::string path, shared::UniqueFd file, std::size_t lanes);
  void run();
  void carry();

  std::string path_;
  std::vector<std::unique_ptr<AccessLane>> lanes_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  shared::UniqueFd file_;  // guarded by mutex_
  shared::Counter lost_;   // writes that failed
  std::thread thread_;
};

}  // namespace edge
