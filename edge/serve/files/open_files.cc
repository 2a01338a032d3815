#include "edge/serve/files/open_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

namespace edge {
namespace {

constexpr std::uint64_t kCached = 0x20;  // RESOLVE_CACHED (Linux 5.12), which older headers do not have

enum class Patience : std::uint8_t { none, disk };

int open_beneath(int root, const FileName& name, int flags, Patience patience) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (!name.symlinks) how.resolve |= RESOLVE_NO_SYMLINKS;
  if (patience == Patience::none) how.resolve |= kCached;
  const char* const below = name.name.empty() ? "." : name.name.c_str();
  long fd = 0;
  do {
    fd = ::syscall(SYS_openat2, root, below, &how, sizeof how);
  } while (fd < 0 && errno == EINTR);
  return static_cast<int>(fd);
}

// The root itself is the operator's word: it may be a link.
int open_root(const std::string& root, Patience patience) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  if (patience == Patience::none) how.resolve = kCached;
  return static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, root.c_str(), &how, sizeof how));
}

OpenedFile::Kind kind_of_error(int error, Patience patience) {
  using enum OpenedFile::Kind;
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EXDEV:  // out of the root
    case ELOOP:  // a link, where none is followed
      return absent;
    case EACCES:
    case EPERM:
    case ENXIO:
      return forbidden;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return exhausted;
    case EAGAIN:
    case EINVAL:  // a kernel that does not know kCached
      return patience == Patience::none ? cold : failed;
    default:
      return failed;
  }
}

FileFacts facts_from(const struct stat& status) {
  return {.size = static_cast<std::uint64_t>(status.st_size),
          .modified = status.st_mtim.tv_sec,
          .modified_ns = static_cast<std::uint32_t>(status.st_mtim.tv_nsec),
          .inode = status.st_ino,
          .device = status.st_dev,
          .changed_ns = status.st_ctim.tv_sec * 1'000'000'000LL + status.st_ctim.tv_nsec};
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool has_no_disk(int fd) {
  struct statfs system{};
  return ::fstatfs(fd, &system) == 0 && (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
}

OpenedFile open_now(const FileName& name, Patience patience) {
  using enum OpenedFile::Kind;
  const shared::UniqueFd root(open_root(name.root, patience));
  if (!root.valid()) {
    const OpenedFile::Kind kind = kind_of_error(errno, patience);
    return {.kind = kind == absent ? failed : kind, .file = nullptr};
  }
  const shared::UniqueFd place(open_beneath(root.get(), name, O_PATH, patience));
  struct stat status{};
  if (!place.valid() || ::fstat(place.get(), &status) != 0)
    return {.kind = kind_of_error(errno, patience), .file = nullptr};
  if (S_ISDIR(status.st_mode)) return {.kind = directory, .file = nullptr};
  if (!S_ISREG(status.st_mode)) return {.kind = forbidden, .file = nullptr};
  auto opened = std::make_shared<OpenFile>();
  opened->fd.reset(open_beneath(root.get(), name, O_RDONLY | O_NONBLOCK | O_NOCTTY, patience));
  if (!opened->fd.valid() || ::fstat(opened->fd.get(), &status) != 0)
    return {.kind = kind_of_error(errno, patience), .file = nullptr};
  if (!S_ISREG(status.st_mode)) return {.kind = forbidden, .file = nullptr};
  opened->facts = facts_from(status);
  opened->in_memory = has_no_disk(opened->fd.get());
  return {.kind = OpenedFile::Kind::file, .file = std::move(opened)};
}

std::string key_of(const FileName& name) { return name.root + '\0' + (name.symlinks ? "l" : "-") + name.name; }

}  // namespace

std::optional<FileFacts> facts_of(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return std::nullopt;
  return facts_from(status);
}

OpenedFile open_cold(const FileName& name) { return open_now(name, Patience::disk); }

std::optional<std::vector<ListedName>> list_cold(const FileName& name, Hidden hidden) {
  const shared::UniqueFd root(open_root(name.root, Patience::disk));
  if (!root.valid()) return std::nullopt;
  const int fd = open_beneath(root.get(), name, O_RDONLY | O_DIRECTORY, Patience::disk);
  if (fd < 0) return std::nullopt;
  const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(fd));
  if (directory == nullptr) {
    ::close(fd);
    return std::nullopt;
  }
  std::vector<ListedName> names;
  while (names.size() < kMostListed) {
    const dirent* const one = ::readdir(directory.get());
    if (one == nullptr) break;
    const std::string_view text(one->d_name);
    if (text == "." || text == ".." || (text.starts_with('.') && hidden == Hidden::left_out)) continue;
    struct stat status{};
    const int flags = name.symlinks ? 0 : AT_SYMLINK_NOFOLLOW;
    if (::fstatat(fd, one->d_name, &status, flags) != 0) continue;
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) continue;
    names.push_back({.name = std::string(text),
                     .directory = S_ISDIR(status.st_mode),
                     .size = static_cast<std::uint64_t>(status.st_size),
                     .modified = status.st_mtim.tv_sec});
  }
  return names;
}

OpenedFile OpenFiles::open(const FileName& name, shared::TimePoint now) {
  const auto found = by_key_.find(key_of(name));
  if (found != by_key_.end()) {
    const auto kept = found->second;
    if (kept->until > now) {
      kept_.splice(kept_.begin(), kept_, kept);
      return kept->opened;
    }
    by_key_.erase(found);
    kept_.erase(kept);
  }
  OpenedFile opened = open_now(name, Patience::none);
  keep(name, opened, now);
  return opened;
}

void OpenFiles::keep(const FileName& name, const OpenedFile& opened, shared::TimePoint now) {
  const bool known_absent = name.variant && opened.kind == OpenedFile::Kind::absent;
  if (opened.kind != OpenedFile::Kind::file && !known_absent) return;
  std::string key = key_of(name);
  if (by_key_.contains(key)) return;
  kept_.push_front({.key = std::move(key), .opened = opened, .until = now + kGood});
  by_key_.emplace(kept_.front().key, kept_.begin());
  if (kept_.size() <= kKept) return;
  by_key_.erase(kept_.back().key);
  kept_.pop_back();
}

std::optional<FileFacts> OpenFiles::facts(const OpenFile& file, shared::TimePoint now) const {
  OpenFile::Seen& seen = file.seen;
  if (seen.at == now) return seen.facts;
  const auto facts = facts_of(file.fd.get());
  if (facts) {
    seen.at = now;
    seen.facts = *facts;
  }
  return facts;
}

// A file that was changed lately may be changed again without a trace in its times, which move in steps.
std::shared_ptr<const std::string> OpenFiles::octets(const OpenFile& file, const FileFacts& facts) const {
  constexpr std::int64_t kSettled = 2'000'000'000;  // ns
  OpenFile::Seen& seen = file.seen;
  if (seen.octets != nullptr && seen.octets_facts == facts) return seen.octets;
  seen.octets.reset();
  if (facts.size == 0 || facts.size > kHeld || !std::exchange(seen.asked, true)) return nullptr;
  if (std::time(nullptr) * 1'000'000'000LL - facts.changed_ns < kSettled) return nullptr;
  std::string octets(static_cast<std::size_t>(facts.size), '\0');
  const iovec into{.iov_base = octets.data(), .iov_len = octets.size()};
  const ssize_t got = ::preadv2(file.fd.get(), &into, 1, 0, file.in_memory ? 0 : RWF_NOWAIT);
  if (got < 0 || static_cast<std::uint64_t>(got) != facts.size) return nullptr;
  const auto after = facts_of(file.fd.get());
  if (!after || *after != facts) return nullptr;
  seen.octets = std::make_shared<const std::string>(std::move(octets));
  seen.octets_facts = facts;
  return seen.octets;
}

void OpenFiles::clear() {
  by_key_.clear();
  kept_.clear();
}

}  // namespace edge
