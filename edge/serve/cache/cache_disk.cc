#include "edge/serve/cache/cache_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <system_error>
#include <utility>

#include "shared/serve/os/log.h"
#include "shared/serve/os/thread_setup.h"

namespace edge {
namespace {

using shared::Level;
using shared::log_event;

constexpr unsigned kFolders = 256;
constexpr std::size_t kMostJobs = 10'000;                     // before 304s are not noted on the disk
constexpr shared::Duration kLast = shared::seconds(2);        // of writing at an end
constexpr shared::Duration kPause = shared::seconds(2);       // behind a write that failed
constexpr shared::Duration kSlow = shared::seconds(5);        // behind a read that took too long
constexpr shared::Duration kToldAgain = shared::seconds(10);  // of what may be many lines
constexpr shared::Duration kLockLook = shared::milliseconds(100);
constexpr shared::Duration kOpenLook = shared::seconds(1);
constexpr std::size_t kMostLeftovers = 1000;
constexpr std::size_t kProcessDigits = 8;
constexpr std::size_t kNameDigits = kProcessDigits + 10;

std::string hex(std::uint64_t number, int digits) {
  std::array<char, 24> text{};
  const int n = std::snprintf(text.data(), text.size(), "%0*llx", digits, static_cast<unsigned long long>(number));
  return {text.data(), static_cast<std::size_t>(n)};
}

std::string folder_name(unsigned number) { return hex(number, 2); }

bool is_file_name(std::string_view name) {
  return name.size() >= kNameDigits && name.size() <= kProcessDigits + 16 &&
         name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::int64_t ticks(shared::TimePoint when) { return when.time_since_epoch().count(); }

bool write_all(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t n = ::write(fd, octets.data(), octets.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      if (n == 0) errno = ENOSPC;
      return false;
    }
    octets.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool write_at(int fd, std::string_view octets, off_t at) {
  const ssize_t n = ::pwrite(fd, octets.data(), octets.size(), at);
  return n == static_cast<ssize_t>(octets.size());
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

CacheDisk::CacheDisk(std::string store, std::string directory, std::uint32_t process, Events events)
    : store_(std::move(store)),
      path_(std::move(directory)),
      process_(hex(process, static_cast<int>(kProcessDigits))),
      events_(std::move(events)) {}

CacheDisk::~CacheDisk() { stop(); }

void CacheDisk::start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { turn(); });
}

void CacheDisk::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void CacheDisk::let_go() {
  wants_.store(false, std::memory_order_release);
  push({.kind = Job::Kind::let_go});
}

bool CacheDisk::accepts() const {
  return owns() && wants_.load(std::memory_order_acquire) &&
         paused_until_.load(std::memory_order_relaxed) < ticks(shared::Clock::now());
}

std::shared_ptr<DiskFile> CacheDisk::new_file() {
  const std::uint64_t number = count_.fetch_add(1, std::memory_order_relaxed);
  const std::string count = hex(number, static_cast<int>(kNameDigits - kProcessDigits));
  return std::make_shared<DiskFile>(folder_name(number % kFolders) + "/" + process_ + count);
}

void CacheDisk::push(Job job) {
  {
    const std::scoped_lock lock(mutex_);
    // While the disk hangs: a front that is not written anew is asked about again after the next start, no more.
    if (job.kind == Job::Kind::rewrite && jobs_.size() >= kMostJobs) return;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

bool CacheDisk::stopping() {
  const std::scoped_lock lock(mutex_);
  return stopping_;
}

void CacheDisk::tell_bad(const DiskFile& file, std::string_view why) {
  read_failures_.fetch_add(1, std::memory_order_relaxed);
  const std::int64_t now = ticks(shared::Clock::now());
  std::int64_t told = bad_told_.load(std::memory_order_relaxed);
  if (told != 0 && now - told < kToldAgain.count()) return;
  if (!bad_told_.compare_exchange_strong(told, now, std::memory_order_relaxed)) return;
  log_event(Level::warn, "cache_file_not_used",
            {{"cache", store_}, {"file", path_ + "/" + file.name}, {"reason", why}, {"count", read_failures_.load()}});
}

void CacheDisk::tell_slow(shared::TimePoint now) {
  if (!slow(now)) log_event(Level::warn, "cache_disk_slow", {{"cache", store_}, {"directory", path_}});
  slow_until_.store(ticks(now + kSlow), std::memory_order_relaxed);
}

CacheDisk::Stats CacheDisk::stats() const {
  return {.written = written_.load(std::memory_order_relaxed),
          .write_failures = write_failures_.load(std::memory_order_relaxed),
          .read_failures = read_failures_.load(std::memory_order_relaxed),
          .found = found_.load(std::memory_order_relaxed),
          .torn = torn_.load(std::memory_order_relaxed),
          .large_coming = large_coming_.load(std::memory_order_relaxed),
          .large_written = large_written_.load(std::memory_order_relaxed),
          .large_given_up = large_given_up_.load(std::memory_order_relaxed),
          .owns = owns(),
          .scanning = scanning()};
}

// Jobs go before the scan, and the scan before waiting.
void CacheDisk::turn() {
  shared::begin_thread("cache-disk");
  std::optional<shared::TimePoint> last;
  while (true) {
    settle();
    const bool idle = !scanning() || !directory_.valid() || (as_owner_ && !owns());
    const bool looks = !directory_.valid() || (wants_.load() && !owns());
    Job job;
    const shared::Duration patience = !idle                 ? shared::Duration(0)
                                      : !directory_.valid() ? kOpenLook
                                      : looks               ? kLockLook
                                                            : shared::seconds(3600);
    const bool found = next(job, patience);
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_ && !last) last = shared::Clock::now() + kLast;
    }
    if (last && (!found || !directory_.valid() || shared::Clock::now() > *last)) return;
    if (found) {
      run(job);
      moves_.fetch_add(1, std::memory_order_relaxed);
    } else if (!idle) {
      scan_some();
    }
  }
}

bool CacheDisk::next(Job& job, shared::Duration patience) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, patience, [this] { return stopping_ || !jobs_.empty(); });
  if (jobs_.empty()) return false;
  job = std::move(jobs_.front());
  jobs_.pop_front();
  return true;
}

// The directory, and its lock.
void CacheDisk::settle() {
  if (!directory_.valid() && !open_directory()) return;
  if (!owns() && wants_.load(std::memory_order_acquire)) take_lock();
}

bool CacheDisk::open_directory() {
  if (::mkdirat(AT_FDCWD, path_.c_str(), 0700) != 0 && errno != EEXIST) {
    if (!std::exchange(told_closed_, true)) report(errno, "mkdir");
    return false;
  }
  shared::UniqueFd opened(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid()) {
    if (!std::exchange(told_closed_, true)) report(errno, "open");
    return false;
  }
  struct statfs system{};
  in_memory_.store(
      ::fstatfs(opened.get(), &system) == 0 && (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC),
      std::memory_order_release);
  directory_ = std::move(opened);
  folder_.store(directory_.get(), std::memory_order_release);
  return true;
}

void CacheDisk::take_lock() {
  if (!lock_.valid()) {
    lock_.reset(::openat(directory_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock_.valid()) {
      if (!std::exchange(told_closed_, true)) report(errno, "lock");
      return;
    }
  }
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (!std::exchange(told_used_, true)) {
      log_event(Level::info, "cache_disk_shared",
                {{"cache", store_}, {"directory", path_}, {"reason", "another process writes there"}});
    }
    return;
  }
  // What was found before may be less than what the process before this one has written up to its end.
  if (scanned_ > 0 || !scanning()) {
    scanned_ = 0;
    scanning_.store(true, std::memory_order_release);
  }
  as_owner_ = true;
  owns_.store(true, std::memory_order_release);
}

void CacheDisk::scan_some() {
  if (scanned_ < kFolders) return scan_folder(scanned_++);
  if (!as_owner_) {  // again, when this process owns the directory
    as_owner_ = true;
    return;
  }
  known_.clear();
  scanning_.store(false, std::memory_order_release);
  events_.found_all();
  log_event(Level::info, "cache_disk_read",
            {{"cache", store_}, {"directory", path_}, {"files", found_.load()}, {"torn", torn_.load()}});
}

void CacheDisk::scan_folder(unsigned number) {
  const int fd = ::openat(directory_.get(), folder_name(number).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  const std::unique_ptr<DIR, CloseFolder> folder(::fdopendir(fd));
  if (folder == nullptr) {
    ::close(fd);
    return;
  }
  while (const dirent* one = ::readdir(folder.get())) {
    std::string name(one->d_name);
    if (name.starts_with(process_)) continue;
    if (name.ends_with(kUnfinished) && is_file_name(name.substr(0, name.size() - kUnfinished.size()))) {
      if (owns()) ::unlinkat(fd, name.c_str(), 0);
      continue;
    }
    if (is_file_name(name)) scan_file(fd, name);
  }
}

bool CacheDisk::read_front(int fd, std::string& front) const {
  const auto fill = [&](std::size_t size) {
    const std::size_t before = front.size();
    if (size <= before) return true;
    front.resize(size);
    const ssize_t n = ::pread(fd, front.data() + before, size - before, static_cast<off_t>(before));
    front.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return front.size() == size || before == 0;
  };
  if (!fill(4096)) return false;
  const auto size = record_front(front);
  if (!size || !fill(*size) || front.size() < *size) return false;
  front.resize(*size);
  return true;
}

void CacheDisk::scan_file(int folder, const std::string& name) {
  if (known_.contains(name)) return;
  const shared::UniqueFd fd(::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return;
  std::string front;
  std::optional<DecodedRecord> decoded;
  if (S_ISREG(status.st_mode) && read_front(fd.get(), front))
    decoded = decode_record(front, shared::Clock::now(), std::time(nullptr));
  if (!decoded || decoded->body.at + decoded->body.size != static_cast<std::uint64_t>(status.st_size)) {
    torn_.fetch_add(1, std::memory_order_relaxed);
    if (owns()) ::unlinkat(folder, name.c_str(), 0);
    return;
  }
  const unsigned number = static_cast<unsigned>(std::stoul(name.substr(name.size() - 2), nullptr, 16));
  auto file = std::make_shared<DiskFile>(folder_name(number) + "/" + name);
  file->body = decoded->body;
  auto entry = std::make_shared<CacheEntry>(decoded->record);
  entry->purged.store(decoded->purged, std::memory_order_relaxed);
  entry->file = std::move(file);
  found_.fetch_add(1, std::memory_order_relaxed);
  if (!owns()) known_.insert(name);
  events_.found(std::move(entry));
}

void CacheDisk::run(const Job& job) {
  switch (job.kind) {
    case Job::Kind::write: {
      if (job.entry->file->gone.load(std::memory_order_acquire)) return events_.written(job.entry, false);
      const int error = directory_.valid() ? write_file(*job.entry) : EIO;
      note(error, job.entry->octets);
      return events_.written(job.entry, error == 0);
    }
    case Job::Kind::rewrite:
      return rewrite_front(*job.entry);
    case Job::Kind::spool:
      return spool_some(job.spool);
    case Job::Kind::prove:
      return prove_some(job);
    case Job::Kind::mark: {
      const shared::UniqueFd fd(::openat(directory_.get(), job.file->name.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
      if (fd.valid() && !write_at(fd.get(), "P", kRecordPurgedAt)) remove_file(*job.file);
      return;
    }
    case Job::Kind::remove:
      return remove_file(*job.file);
    case Job::Kind::let_go:
      owns_.store(false, std::memory_order_release);
      lock_.reset();
      log_event(Level::info, "cache_disk_passed_on", {{"cache", store_}, {"directory", path_}});
      return;
  }
}

// How the writing of a file of so many octets has ended.
void CacheDisk::note(int error, std::uint64_t octets) {
  if (error == 0) {
    written_.fetch_add(1, std::memory_order_relaxed);
    std::erase_if(leftovers_, [&](const auto& name) { return ::unlinkat(directory_.get(), name.c_str(), 0) == 0; });
    if (std::exchange(failing_, false)) log_event(Level::info, "cache_disk_well", {{"cache", store_}});
    return;
  }
  write_failures_.fetch_add(1, std::memory_order_relaxed);
  paused_until_.store(ticks(shared::Clock::now() + kPause), std::memory_order_relaxed);
  if (!std::exchange(failing_, true)) report(error, "write");
  if (error == ENOSPC || error == EDQUOT) events_.full(octets);
}

// A new file under its name for the time being; invalid, and errno.
shared::UniqueFd CacheDisk::create(const DiskFile& file, int access) const {
  const std::string name = file.name + std::string(kUnfinished);
  const auto open = [&] {
    return ::openat(directory_.get(), name.c_str(), access | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  };
  shared::UniqueFd fd(open());
  if (!fd.valid() && errno == ENOENT) {
    ::mkdirat(directory_.get(), file.name.substr(0, 2).c_str(), 0700);
    fd.reset(open());
  }
  return fd;
}

// 0, or what errno said.
int CacheDisk::put_in_place(const DiskFile& file) {
  const std::string name = file.name + std::string(kUnfinished);
  return ::renameat(directory_.get(), name.c_str(), directory_.get(), file.name.c_str()) == 0 ? 0 : errno;
}

// A disk that does not let go of it is asked again when it is well; the next start would do so, too.
void CacheDisk::remove_unfinished(const DiskFile& file) {
  const std::string name = file.name + std::string(kUnfinished);
  if (::unlinkat(directory_.get(), name.c_str(), 0) == 0 || errno == ENOENT || leftovers_.size() >= kMostLeftovers)
    return;
  leftovers_.push_back(name);
}

// 0, or what errno said.
int CacheDisk::write_file(const CacheEntry& entry) {
  BodyHash hash;
  CacheBody::Cursor cursor(entry.body);
  for (std::string_view some = cursor.peek(); !some.empty(); some = cursor.peek()) {
    hash.add(some);
    cursor.consume(some.size());
  }
  DiskFile& file = *entry.file;
  const bool purged = entry.purged.load(std::memory_order_relaxed);
  const std::string front = encode_record(entry, purged, cursor.position(), hash.finish());
  if (front.empty() || cursor.position() != entry.body->size()) return EFBIG;
  file.body = {.at = front.size(), .size = cursor.position(), .hash = hash.finish()};
  shared::UniqueFd fd = create(file, O_WRONLY);
  if (!fd.valid()) return errno;
  int error = write_octets(fd.get(), entry, front);
  fd.reset();
  if (error == 0) error = put_in_place(file);
  if (error != 0) remove_unfinished(file);
  file.proven.store(error == 0, std::memory_order_release);
  return error;
}

int CacheDisk::write_octets(int fd, const CacheEntry& entry, std::string_view front) const {
  CacheBody::Cursor cursor(entry.body);
  std::string first(front);  // a small body goes along
  const std::string_view some = cursor.peek().substr(0, 64 * 1024);
  first.append(some);
  cursor.consume(some.size());
  if (!write_all(fd, first)) return errno;
  for (std::string_view more = cursor.peek(); !more.empty(); more = cursor.peek()) {
    if (!write_all(fd, more)) return errno;
    cursor.consume(more.size());
    moves_.fetch_add(1, std::memory_order_relaxed);
  }
  return 0;
}

// What is not written whole has a wrong hash and is no record any more; neither has one whose new head does not fit.
void CacheDisk::rewrite_front(const CacheEntry& entry) {
  if (!owns() || entry.file->body.at == 0) return;
  const shared::UniqueFd fd(::openat(directory_.get(), entry.file->name.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return;
  const std::string front = encode_record(entry, entry.purged.load(std::memory_order_relaxed), entry.file->body);
  const std::string_view octets = front.empty() ? std::string_view("outdated") : std::string_view(front);
  if (!write_at(fd.get(), octets, 0)) remove_file(*entry.file);
}

void CacheDisk::remove_file(const DiskFile& file) {
  if (::unlinkat(directory_.get(), file.name.c_str(), 0) == 0 || errno == ENOENT || errno == ENOTDIR) return;
  write_failures_.fetch_add(1, std::memory_order_relaxed);
  if (!std::exchange(failing_, true)) report(errno, "remove");
}

namespace {

// What an operator can do.
std::string_view remedy_for(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "make room in its file system, or lessen `size` of the store";
    case EROFS:
      return "mount its file system for writing, or name another directory as `disk` of the store";
    case EACCES:
    case EPERM:
      return "let the user of meridian-edge write there: chown it, and see ReadWritePaths of the unit";
    case ENOENT:
    case ENOTDIR:
      return "make the directory in which it is to lie";
    default:
      return "look into the kernel's log, and at the disk";
  }
}

}  // namespace

void CacheDisk::report(int error, std::string_view what) {
  log_event(Level::error, "cache_disk_failed",
            {{"cache", store_},
             {"directory", path_},
             {"call", what},
             {"reason", std::generic_category().message(error)},
             {"effect", "responses pass through and are not stored"},
             {"remedy", remedy_for(error)}});
}

}  // namespace edge
