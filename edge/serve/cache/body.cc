#include "edge/serve/cache/body.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace edge {
namespace {

constexpr std::size_t kWorthCompacting = 64 * 1024;

// For allocate_shared(): octets behind the object in the same block.
template <class T>
struct WithRoomBehind {
  using value_type = T;

  explicit WithRoomBehind(std::size_t octets_in) : octets(octets_in) {}
  template <class Other>
  WithRoomBehind(const WithRoomBehind<Other>& other) : octets(other.octets) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T) + octets)); }
  void deallocate(T* block, std::size_t) noexcept { ::operator delete(block); }
  friend bool operator==(const WithRoomBehind&, const WithRoomBehind&) = default;

  std::size_t octets;
};

}  // namespace

CacheBody::Chunk::Chunk(std::size_t size_in, std::atomic<std::size_t>& live_in) : size(size_in), live(live_in) {
  live.fetch_add(size, std::memory_order_relaxed);
}

std::shared_ptr<CacheBody::Chunk> CacheBody::Chunk::make(std::size_t size, std::atomic<std::size_t>& live) {
  return std::allocate_shared<Chunk>(WithRoomBehind<Chunk>{size}, size, live);
}

// One after another: a long chain would else be as many frames.
CacheBody::Chunk::~Chunk() {
  live.fetch_sub(size, std::memory_order_relaxed);
  std::shared_ptr<Chunk> rest = std::move(next);
  while (rest != nullptr && rest.use_count() == 1) rest = std::exchange(rest->next, nullptr);
}

CacheBody::CacheBody(std::size_t first) : first_(Chunk::make(first, live_)), last_(first_) {}

std::size_t CacheBody::next_chunk(std::size_t wanted, std::uint64_t known) const {
  if (wanted == 0 || last_->filled.load(std::memory_order_relaxed) < last_->size) return 0;
  const std::uint64_t there = size_.load(std::memory_order_relaxed);
  if (known > there) return static_cast<std::size_t>(std::min<std::uint64_t>(known - there, kKnownLargest));
  return std::clamp(2 * last_->size, kFirst, kLargest);
}

void CacheBody::add_chunk(std::size_t size) {
  auto chunk = Chunk::make(size, live_);
  const std::scoped_lock lock(mutex_);
  last_->next = chunk;
  last_ = std::move(chunk);
}

std::size_t CacheBody::append(std::string_view octets) {
  const std::size_t at = last_->filled.load(std::memory_order_relaxed);
  const std::size_t n = std::min(octets.size(), last_->size - at);
  if (n == 0) return 0;
  std::memcpy(last_->octets() + at, octets.data(), n);
  last_->filled.store(at + n, std::memory_order_release);
  size_.fetch_add(n, std::memory_order_release);
  return n;
}

void CacheBody::pass_through() {
  std::shared_ptr<Chunk> gone;
  const std::scoped_lock lock(mutex_);
  passes_ = true;
  if (taken_) gone = std::move(first_);
}

std::shared_ptr<CacheBody> CacheBody::compact() const {
  const std::uint64_t there = size();
  if (there == 0 || there > kWorthCompacting || live() - there < there / 8) return nullptr;
  auto made = std::make_shared<CacheBody>(static_cast<std::size_t>(there));
  const std::scoped_lock lock(mutex_);
  for (Chunk* chunk = first_.get(); chunk != nullptr; chunk = chunk->next.get()) {
    made->append({chunk->octets(), chunk->filled.load(std::memory_order_acquire)});
  }
  made->last_.reset();  // nothing more comes
  made->finish(State::whole);
  return made;
}

CacheBody::Cursor::Cursor(std::shared_ptr<CacheBody> body) : body_(std::move(body)) {
  const std::scoped_lock lock(body_->mutex_);
  good_ = !body_->passes_ || !body_->taken_;
  body_->taken_ = true;
  if (!good_) return;
  chunk_ = body_->first_;
  if (body_->passes_) body_->first_.reset();
}

bool CacheBody::Cursor::step() {
  std::shared_ptr<Chunk> next;
  {
    const std::scoped_lock lock(body_->mutex_);
    next = chunk_->next;
  }
  if (next == nullptr) return false;
  chunk_ = std::move(next);
  at_ = 0;
  return true;
}

std::string_view CacheBody::Cursor::peek() {
  if (!good_) return {};
  while (true) {
    const std::size_t filled = chunk_->filled.load(std::memory_order_acquire);
    if (at_ < filled) return {chunk_->octets() + at_, filled - at_};
    if (filled < chunk_->size || !step()) return {};
  }
}

void CacheBody::Cursor::skip(std::uint64_t n) {
  while (n > 0) {
    const std::string_view there = peek();
    if (there.empty()) return;
    const std::uint64_t some = std::min<std::uint64_t>(n, there.size());
    consume(static_cast<std::size_t>(some));
    n -= some;
  }
}

}  // namespace edge
