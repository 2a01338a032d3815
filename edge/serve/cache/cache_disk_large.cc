#include "edge/serve/cache/cache_disk.h"

// What a CacheDisk does with bodies that are larger than memory has room for: it writes them while they come, and
// compares them with their hash some at a time, so that other files do not wait for one of gigabytes.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace edge {
namespace {

constexpr std::size_t kPiece = CacheSpool::kChunk;  // of a write
constexpr std::size_t kRead = 256 * 1024;
constexpr std::uint64_t kAtATime = 4ULL << 20U;  // octets, between other jobs
constexpr std::uint64_t kRoomTimes = 8;          // what a store makes of it, see CacheStore::make_room()

// 0, or what errno said.
int write_at(int fd, std::string_view octets, std::uint64_t at) {
  while (!octets.empty()) {
    const ssize_t n = ::pwrite(fd, octets.data(), octets.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0 ? ENOSPC : errno;
    octets.remove_prefix(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return 0;
}

}  // namespace

void CacheDisk::spool_some(const std::shared_ptr<CacheSpool>& spool) {
  CacheSpool& s = *spool;
  s.asked_.exchange(false, std::memory_order_seq_cst);  // before it is looked at what has come: no load goes ahead
  const bool ended = s.ended_.load(std::memory_order_acquire);
  if (s.over_) return ended ? events_.spooled(spool, false) : void();
  int error = s.abandoned_.load(std::memory_order_acquire) ? ECANCELED : 0;
  if (error == 0 && (!owns() || !directory_.valid())) error = ECANCELED;  // which was told when it became so
  if (error == 0 && s.file_ == nullptr) error = open_spool(s);
  bool all = false;
  if (error == 0) error = spool_octets(s, all);
  if (error == 0 && !all) {
    if (s.ask()) push({.kind = Job::Kind::spool, .spool = spool});  // behind what waits meanwhile
    return;
  }
  if (error == 0 && ended) error = end_spool(s);
  if (error == 0 && !ended) return s.fill_->taken();
  s.over_ = true;
  if (s.file_ != nullptr) {
    large_coming_.fetch_sub(1, std::memory_order_relaxed);
    (error == 0 ? large_written_ : large_given_up_).fetch_add(1, std::memory_order_relaxed);
    if (error != 0) remove_unfinished(*s.disk_file_);
    s.file_.reset();  // who is behind has it, and nobody else
  }
  // Of a full disk as much is asked back as it has taken of this.
  if (error != ECANCELED) note(error, s.written() / kRoomTimes);
  s.failed_.store(error != 0, std::memory_order_release);
  events_.spooled(spool, error == 0);
  s.fill_->taken();
}

// The front is written at the end, when all is known that it says.
int CacheDisk::open_spool(CacheSpool& spool) {
  const std::string front = encode_record(*spool.entry_, false, 0, 0);
  if (front.empty()) return EFBIG;
  auto file = std::make_shared<OpenFile>();
  file->fd = create(*spool.disk_file_, O_RDWR);
  if (!file->fd.valid()) return errno;
  file->in_memory = in_memory();
  spool.at_ = front.size();
  spool.entry_->body->spool_to(file, spool.at_);
  spool.file_ = std::move(file);
  large_coming_.fetch_add(1, std::memory_order_relaxed);
  return 0;
}

// `all` that has come, or as much as may be written before others have their turn: a body that comes as fast as the
// disk writes would else hold them up to its end.
int CacheDisk::spool_octets(CacheSpool& spool, bool& all) {
  large_.resize(kPiece);
  CacheBody& body = *spool.entry_->body;
  const std::uint64_t stop = spool.written() + kAtATime;
  while (spool.written() < stop) {
    const std::size_t n = body.copy(spool.written(), large_);
    all = n == 0;
    if (all) break;
    const std::string_view some(large_.data(), n);
    const int error = write_at(spool.file_->fd.get(), some, spool.at_ + spool.written());
    if (error != 0) return error;
    moves_.fetch_add(1, std::memory_order_relaxed);
    spool.hash_.add(some);
    spool.written_.fetch_add(n, std::memory_order_acq_rel);
    spool.freed_.fetch_add(body.trim(spool.written()), std::memory_order_acq_rel);
    if (spool.abandoned_.load(std::memory_order_acquire)) return ECANCELED;
    spool.fill_->taken();
  }
  return 0;
}

int CacheDisk::end_spool(CacheSpool& spool) {
  DiskFile& file = *spool.disk_file_;
  if (spool.written() != spool.entry_->body->size()) return EFBIG;
  file.body = {.at = spool.at_, .size = spool.written(), .hash = spool.hash_.finish()};
  const std::string front = encode_record(*spool.entry_, false, file.body);
  int error = front.size() != spool.at_ ? EFBIG : write_at(spool.file_->fd.get(), front, 0);
  if (error == 0) error = put_in_place(file);
  file.proven.store(error == 0, std::memory_order_release);
  return error;
}

void CacheDisk::prove(const std::shared_ptr<CacheEntry>& entry) {
  if (entry->file->proving.exchange(true, std::memory_order_acq_rel)) return;
  push({.kind = Job::Kind::prove, .entry = entry, .proof = std::make_shared<Proof>()});
}

void CacheDisk::prove_some(const Job& job) {
  DiskFile& file = *job.entry->file;
  Proof& proof = *job.proof;
  if (file.gone.load(std::memory_order_acquire)) return;
  if (!proof.fd.valid())
    proof.fd.reset(::openat(directory_.get(), file.name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status{};
  bool good = proof.fd.valid() && ::fstat(proof.fd.get(), &status) == 0 && S_ISREG(status.st_mode) &&
              static_cast<std::uint64_t>(status.st_size) == file.body.at + file.body.size;
  std::string octets(kRead, '\0');
  const std::uint64_t stop = std::min(file.body.size, proof.read + kAtATime);
  while (good && proof.read < stop) {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(octets.size(), stop - proof.read));
    const ssize_t n = ::pread(proof.fd.get(), octets.data(), most, static_cast<off_t>(file.body.at + proof.read));
    if (n < 0 && errno == EINTR) continue;
    good = n > 0;
    if (!good) break;
    proof.hash.add(std::string_view(octets).substr(0, static_cast<std::size_t>(n)));
    proof.read += static_cast<std::uint64_t>(n);
    moves_.fetch_add(1, std::memory_order_relaxed);
  }
  if (good && proof.read < file.body.size) {
    if (!stopping()) push(job);
    return;
  }
  if (good && proof.hash.finish() == file.body.hash) return file.proven.store(true, std::memory_order_release);
  tell_bad(file, "the file's octets are not those that were written");
  events_.written(job.entry, false);
}

}  // namespace edge
