#pragma once
// EntryFile: the file of a stored response, opened and begun to be read without waiting for a disk: what is not in
// memory is asked of the worker's thread for that, and what an earlier process has written is compared with its hash
// first. A head goes out when the first octets are there, so that a file which cannot be read is a miss and no torn
// answer. Owned by a CachedExchange; its worker's thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "edge/core/content/byte_ranges.h"
#include "edge/serve/cache/cache_disk.h"
#include "edge/serve/cache/entry.h"
#include "edge/serve/files/file_body.h"

namespace edge {

class EntryFile {
 public:
  enum class State : std::uint8_t {
    opening,
    ready,
    bad,   // it is not there any more, or not what was written
    busy,  // the disk has enough to do, does not answer, or compares a large file with its hash
  };
  struct Of {
    std::shared_ptr<CacheEntry> entry;
    CacheDisk& cache;
    DiskThread& disk;
    Waiter& waiter;
  };
  // `range`: of the body, not empty.
  EntryFile(Of of, const ByteRange& range) : of_(std::move(of)), range_(range) {}
  ~EntryFile();
  EntryFile(const EntryFile&) = delete;
  EntryFile& operator=(const EntryFile&) = delete;

  // While it is `opening`, again whenever the waiter was woken.
  [[nodiscard]] State open(shared::TimePoint now);
  // Why it is `bad`, or `busy` for another reason than its disk: a literal.
  [[nodiscard]] std::string_view why() const { return why_; }
  // REQUIRES: it was ready.
  [[nodiscard]] FileBody& body() { return *body_; }

 private:
  // What the disk is asked for; it may outlive this.
  struct Opening {
    Waiter* waiter = nullptr;  // null: nobody waits any more. The worker's
    bool over = false;         // the worker's
    std::shared_ptr<const OpenFile> file;
    std::string_view why;
  };

  [[nodiscard]] State open_warm(shared::TimePoint now);
  [[nodiscard]] bool begin_cold();
  [[nodiscard]] State read(std::shared_ptr<const OpenFile> file);
  [[nodiscard]] State fail(std::string_view why);

  Of of_;
  ByteRange range_;
  std::shared_ptr<Opening> opening_;
  std::optional<FileBody> body_;
  std::string_view why_;
};

}  // namespace edge
