#pragma once
// OpenFiles: the files that a worker serves, opened below their root by the kernel's own rule (openat2 with
// RESOLVE_BENEATH): neither `..`, absolute links nor /proc's magic ones lead out, whatever the name says. Some stay
// open for a while, so that a popular file costs one fstat. Only regular files are opened at all: a FIFO or a device is
// looked at by O_PATH first, which has no effect on it. Owned by a worker's context; its thread, but for open_cold().
//
//   (root, name) -> OpenFile: descriptor, facts   at most kKept, the least lately used goes; looked up anew each second
//
// Of small files that are asked for again the octets are held, too: a fstat in each turn says whether they are still
// the file's.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/core/content/listing.h"
#include "edge/core/content/static_files.h"
#include "edge/serve/files/disk_thread.h"
#include "shared/core/time.h"
#include "shared/serve/os/unique_fd.h"

namespace edge {

struct OpenFile {
  shared::UniqueFd fd;
  FileFacts facts;         // when it was opened
  bool in_memory = false;  // of a file system that has no disk

  // What OpenFiles has seen of it lately; the worker's.
  struct Seen {
    shared::TimePoint at{};
    FileFacts facts;
    std::shared_ptr<const std::string> octets;  // all of it, when `octets_facts` were its facts; may be null
    FileFacts octets_facts;
    bool asked = false;  // for its octets
  };
  mutable Seen seen{};
};

struct OpenedFile {
  enum class Kind : std::uint8_t {
    file,       // `file`
    directory,  // none was opened
    absent,     // no such name, or it leads where nothing is served from
    forbidden,  // no permission, or no regular file
    cold,       // to be asked of the disk: open_cold()
    exhausted,  // no descriptor or memory left
    failed,     // the disk says so, or the root is not there
  };
  Kind kind = Kind::absent;
  std::shared_ptr<const OpenFile> file;
};

// What is asked for: `name` below `root`, as file_of_path() has it.
struct FileName {
  std::string root;
  std::string name;
  bool symlinks = false;
  bool variant = false;  // another file's: asked for with each request, so that its absence is worth remembering
};

// The facts of an open file now; nothing when the disk fails.
[[nodiscard]] std::optional<FileFacts> facts_of(int fd);

// May wait for a disk: the DiskThread's.
[[nodiscard]] OpenedFile open_cold(const FileName& name);

// What is in a directory: files and directories that may be read, without names that begin with a dot unless they are
// `hidden`; no more than kMostListed. Nothing: it cannot be read. May wait for a disk: the DiskThread's.
enum class Hidden : std::uint8_t { left_out, shown };
[[nodiscard]] std::optional<std::vector<ListedName>> list_cold(const FileName& name, Hidden hidden);

class OpenFiles {
 public:
  static constexpr std::size_t kKept = 256;
  static constexpr std::size_t kHeld = 16 * 1024;  // the largest file whose octets are held: kKept of them at most

  explicit OpenFiles(shared::WorkerLoop& loop) : disk_(loop) {}

  // Never waits for a disk.
  [[nodiscard]] OpenedFile open(const FileName& name, shared::TimePoint now);
  // What open_cold() has brought, for the next one.
  void keep(const FileName& name, const OpenedFile& opened, shared::TimePoint now);
  // The file's facts now, asked for once in a turn; nothing when the disk fails.
  [[nodiscard]] std::optional<FileFacts> facts(const OpenFile& file, shared::TimePoint now) const;
  // All octets of a file with these facts: of a small one that was asked for before and is in memory. Null: read it.
  [[nodiscard]] std::shared_ptr<const std::string> octets(const OpenFile& file, const FileFacts& facts) const;
  [[nodiscard]] DiskThread& disk() { return disk_; }
  [[nodiscard]] std::size_t kept() const { return kept_.size(); }
  void clear();

 private:
  static constexpr shared::Duration kGood = shared::seconds(1);

  struct Kept {
    std::string key;
    OpenedFile opened;
    shared::TimePoint until;
  };
  using Order = std::list<Kept>;  // the lately used first

  Order kept_;
  std::unordered_map<std::string_view, Order::iterator> by_key_;  // keys are those of kept_
  DiskThread disk_;
};

}  // namespace edge
