#include "edge/serve/account/octet_ring.h"

#include <algorithm>
#include <cstring>

namespace edge {

bool OctetRing::put(std::string_view record) {
  const std::uint64_t written = written_.load(std::memory_order_relaxed);
  if (written - read_.load(std::memory_order_acquire) + record.size() > size_) return false;
  if (octets_ == nullptr) octets_ = std::make_unique<char[]>(size_);
  const std::size_t at = written % size_;
  const std::size_t first = std::min(record.size(), size_ - at);
  std::memcpy(octets_.get() + at, record.data(), first);
  std::memcpy(octets_.get(), record.data() + first, record.size() - first);
  written_.store(written + record.size(), std::memory_order_release);
  return true;
}

void OctetRing::drain(std::string& out) {
  const std::uint64_t read = read_.load(std::memory_order_relaxed);
  const std::uint64_t written = written_.load(std::memory_order_acquire);
  if (written == read) return;
  const std::size_t size = written - read;
  const std::size_t at = read % size_;
  const std::size_t first = std::min(size, size_ - at);
  out.append(octets_.get() + at, first).append(octets_.get(), size - first);
  read_.store(written, std::memory_order_release);
}

}  // namespace edge
