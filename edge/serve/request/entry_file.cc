#include "edge/serve/request/entry_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace edge {
namespace {

constexpr std::uint64_t kCached = 0x20;  // RESOLVE_CACHED (Linux 5.12), which older headers do not have
constexpr std::string_view kGone = "the file is not there";
constexpr std::string_view kCut = "the file has another length";
constexpr std::string_view kTorn = "the file's octets are not those that were written";
constexpr std::string_view kCompared = "its octets are being compared with their hash";
constexpr std::string_view kUnread = "the file cannot be read";

int open_below(int folder, const std::string& name, std::uint64_t resolve) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | resolve;
  return static_cast<int>(::syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how));
}

// Null, and why: the file is not as long as it was.
std::shared_ptr<const OpenFile> take(int fd, const RecordBody& body, bool in_memory, std::string_view& why) {
  auto file = std::make_shared<OpenFile>();
  file->fd.reset(fd);
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    why = kUnread;
    return nullptr;
  }
  file->facts.size = static_cast<std::uint64_t>(status.st_size);
  file->in_memory = in_memory;
  why = file->facts.size == body.at + body.size ? std::string_view() : kCut;
  return why.empty() ? file : nullptr;
}

// May wait for the disk.
bool is_proven(int fd, DiskFile& file) {
  if (file.proven.load(std::memory_order_acquire)) return true;
  BodyHash hash;
  std::string octets(std::min<std::uint64_t>(file.body.size, 256 * 1024), '\0');
  for (std::uint64_t at = 0; at < file.body.size;) {
    const std::uint64_t most = std::min<std::uint64_t>(octets.size(), file.body.size - at);
    const ssize_t n = ::pread(fd, octets.data(), most, static_cast<off_t>(file.body.at + at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    hash.add(std::string_view(octets).substr(0, static_cast<std::size_t>(n)));
    at += static_cast<std::uint64_t>(n);
  }
  if (hash.finish() != file.body.hash) return false;
  file.proven.store(true, std::memory_order_release);
  return true;
}

}  // namespace

EntryFile::~EntryFile() {
  if (opening_ != nullptr) opening_->waiter = nullptr;
}

EntryFile::State EntryFile::fail(std::string_view why) {
  why_ = why;
  return State::bad;
}

EntryFile::State EntryFile::open(shared::TimePoint now) {
  if (body_) return read(nullptr);
  if (opening_ == nullptr) return open_warm(now);
  if (!opening_->over) return State::opening;
  const std::shared_ptr<Opening> opened = std::exchange(opening_, nullptr);
  return opened->file == nullptr ? fail(opened->why) : read(opened->file);
}

EntryFile::State EntryFile::open_warm(shared::TimePoint now) {
  const DiskFile& file = *of_.entry->file;
  bool cold = !file.proven.load(std::memory_order_acquire);
  if (!cold) {
    const int fd = open_below(of_.cache.directory(), file.name, of_.cache.in_memory() ? 0 : kCached);
    // EINVAL: a kernel that does not know kCached.
    if (fd < 0 && errno != EAGAIN && errno != EINVAL) return fail(errno == ENOENT ? kGone : kUnread);
    cold = fd < 0;
    if (!cold) {
      std::string_view why;
      auto opened = take(fd, file.body, of_.cache.in_memory(), why);
      return opened == nullptr ? fail(why) : read(std::move(opened));
    }
  }
  if (file.waits_for_proof()) {
    of_.cache.prove(of_.entry);
    why_ = kCompared;
    return State::busy;
  }
  return !of_.cache.slow(now) && begin_cold() ? State::opening : State::busy;
}

bool EntryFile::begin_cold() {
  auto opening = std::make_shared<Opening>();
  opening->waiter = &of_.waiter;
  const auto work = [opening, file = of_.entry->file, folder = of_.cache.directory(), tmp = of_.cache.in_memory()] {
    const int fd = open_below(folder, file->name, 0);
    if (fd < 0) {
      opening->why = errno == ENOENT ? kGone : kUnread;
      return;
    }
    auto opened = take(fd, file->body, tmp, opening->why);
    if (opened == nullptr) return;
    if (!is_proven(fd, *file)) {
      opening->why = kTorn;
      return;
    }
    opening->file = std::move(opened);
  };
  const auto done = [opening] {
    opening->over = true;
    if (opening->waiter != nullptr) opening->waiter->wake();
  };
  if (!of_.disk.run(work, done)) return false;
  opening_ = std::move(opening);
  return true;
}

// The first octets are there before anything is said of them.
EntryFile::State EntryFile::read(std::shared_ptr<const OpenFile> file) {
  if (!body_) {
    const FileFacts facts = file->facts;
    body_.emplace(
        FileBody::Of{.file = std::move(file), .facts = facts, .disk = of_.disk, .waiter = of_.waiter, .fixed = true});
    const std::uint64_t at = of_.entry->file->body.at;
    body_->add(ByteRange{.begin = at + range_.begin, .end = at + range_.end});
  }
  switch (body_->peek().state) {
    case BodyState::wait:
      return State::opening;
    case BodyState::failed:
      return fail(kUnread);
    default:
      return State::ready;
  }
}

}  // namespace edge
