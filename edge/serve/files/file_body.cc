#include "edge/serve/files/file_body.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace edge {
namespace {

constexpr std::uint64_t kWorthwhile = 64 * 1024;

}  // namespace

FileBody::~FileBody() {
  if (cold_ != nullptr) cold_->waiter = nullptr;
}

bool FileBody::unchanged() const {
  if (of_.fixed) return true;
  const auto now = facts_of(of_.file->fd.get());
  return now && *now == of_.facts;
}

BodyPiece FileBody::failed() {
  failed_ = true;
  return {.state = BodyState::failed, .data = {}};
}

BodyPiece FileBody::peek() {
  if (failed_) return failed();
  if (parts_.empty()) return {.state = BodyState::end, .data = {}};
  const Part& part = parts_.front();
  if (!part.text.empty()) return {.state = BodyState::data, .data = part.text};
  if (of_.octets != nullptr) {
    const std::string_view all(*of_.octets);
    return {.state = BodyState::data, .data = all.substr(part.range.begin, part.range.size())};
  }
  if (begin_ == end_) {
    const Read read = read_piece();
    if (read == Read::waits) return {.state = BodyState::wait, .data = {}};
    if (read == Read::failed) return failed();
  }
  return {.state = BodyState::data, .data = {buffer_.data() + begin_, end_ - begin_}};
}

void FileBody::consume(std::size_t n) {
  if (n == 0) return;
  Part& part = parts_.front();
  if (!part.text.empty()) {
    part.text.erase(0, n);
    if (part.text.empty()) parts_.pop_front();
    return;
  }
  if (of_.octets == nullptr) begin_ += n;
  part.range.begin += n;
  if (part.range.begin < part.range.end) return;
  parts_.pop_front();
  warm_end_ = 0;
}

FileBody::Read FileBody::read_piece() {
  if (cold_ != nullptr) return take_cold();
  const ByteRange& range = parts_.front().range;
  const std::size_t most = std::exchange(read_before_, true) ? kPiece : range.size() > kWorthwhile ? kFirst : kPiece;
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(most, range.size()));
  if (buffer_.size() < n) buffer_ = Octets(n);
  const iovec into{.iov_base = buffer_.data(), .iov_len = n};
  const int flags = of_.file->in_memory ? 0 : RWF_NOWAIT;
  ssize_t got = 0;
  do {
    got = ::preadv2(of_.file->fd.get(), &into, 1, static_cast<off_t>(range.begin), flags);
  } while (got < 0 && errno == EINTR);
  // EOPNOTSUPP: of a file system that cannot say whether it would wait.
  if (got < 0 && (errno == EAGAIN || errno == EOPNOTSUPP)) {
    return begin_cold({.begin = range.begin, .end = range.begin + n}, false) ? Read::waits : Read::failed;
  }
  if (got <= 0 || !unchanged()) return Read::failed;
  begin_ = 0;
  end_ = static_cast<std::size_t>(got);
  return Read::done;
}

// What the disk has brought. The rest of what was asked for is asked for again.
FileBody::Read FileBody::take_cold() {
  if (cold_->running) return Read::waits;
  const std::shared_ptr<Cold> cold = std::exchange(cold_, nullptr);
  if (cold->only_warm) return read_piece();
  if (cold->got <= 0 || !unchanged()) return Read::failed;
  const auto n = static_cast<std::size_t>(cold->got);
  if (buffer_.size() < n) buffer_ = Octets(n);
  std::memcpy(buffer_.data(), cold->octets.data(), n);
  begin_ = 0;
  end_ = n;
  return Read::done;
}

bool FileBody::begin_cold(const ByteRange& range, bool only_warm) {
  auto cold = std::make_shared<Cold>();
  cold->waiter = &of_.waiter;
  cold->running = true;
  cold->only_warm = only_warm;
  const auto work = [cold, file = of_.file, range] {
    cold->octets.resize(std::min<std::uint64_t>(range.size(), kPiece));
    std::uint64_t at = range.begin;
    do {
      do {
        cold->got = ::pread(file->fd.get(), cold->octets.data(), cold->octets.size(), static_cast<off_t>(at));
      } while (cold->got < 0 && errno == EINTR);
      at += cold->got > 0 ? static_cast<std::uint64_t>(cold->got) : 0;
    } while (cold->only_warm && cold->got > 0 && at < range.end);
  };
  const auto done = [cold] {
    cold->running = false;
    if (cold->waiter != nullptr) cold->waiter->wake();
  };
  if (!of_.disk.run(work, done)) return false;
  cold_ = std::move(cold);
  return true;
}

bool FileBody::large() const {
  if (failed_ || of_.octets != nullptr || parts_.empty() || !parts_.front().text.empty()) return false;
  return parts_.front().range.size() > kWorthwhile + kTail;
}

bool FileBody::in_memory(std::uint64_t at) const {
  char octet = 0;
  const iovec into{.iov_base = &octet, .iov_len = 1};
  return ::preadv2(of_.file->fd.get(), &into, 1, static_cast<off_t>(at), RWF_NOWAIT) == 1;
}

// sendfile(2) would wait for the disk: the first and the last octet say whether the window is in memory.
FileBody::Read FileBody::warm(const ByteRange& window) {
  if (of_.file->in_memory || window.end <= warm_end_) return Read::done;
  if (cold_ != nullptr) {
    if (cold_->running) return Read::waits;
    const std::shared_ptr<Cold> cold = std::exchange(cold_, nullptr);
    if (cold->got <= 0) return Read::failed;
  } else if (!in_memory(window.begin) || !in_memory(window.end - 1)) {
    return begin_cold(window, true) ? Read::waits : Read::failed;
  }
  warm_end_ = window.end;
  return Read::done;
}

Pumped FileBody::send_to(Socket& client, std::uint64_t& moved) {
  Part& part = parts_.front();
  // The same window until it is out.
  const std::uint64_t most = part.range.begin < warm_end_ ? warm_end_ : part.range.begin + kWindow;
  const ByteRange window{.begin = part.range.begin, .end = std::min(part.range.end - kTail, most)};
  const Read read = warm(window);
  if (read == Read::waits) return Pumped::source_waits;
  if (read == Read::failed || !unchanged()) {
    failed_ = true;
    return Pumped::source_failed;
  }
  while (part.range.begin < window.end) {
    const IoResult sent = client.send_file(of_.file->fd.get(), part.range.begin, window.end - part.range.begin);
    if (sent.status == IoStatus::again) return Pumped::sink_blocked;
    if (sent.status == IoStatus::failed) return Pumped::sink_failed;
    if (sent.bytes == 0) {
      failed_ = true;
      return Pumped::source_failed;
    }
    part.range.begin += sent.bytes;
    moved += sent.bytes;
  }
  return Pumped::turn_over;
}

}  // namespace edge
