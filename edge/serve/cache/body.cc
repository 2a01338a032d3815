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
  live.fetch_add(memory(), std::memory_order_relaxed);
}

std::shared_ptr<CacheBody::Chunk> CacheBody::Chunk::make(std::size_t size, std::atomic<std::size_t>& live) {
  return std::allocate_shared<Chunk>(WithRoomBehind<Chunk>{size}, size, live);
}

// One after another: a long chain would else be as many frames.
CacheBody::Chunk::~Chunk() {
  live.fetch_sub(memory(), std::memory_order_relaxed);
  std::shared_ptr<Chunk> rest = std::move(next);
  while (rest != nullptr && rest.use_count() == 1) rest = std::exchange(rest->next, nullptr);
}

// Who has one has made room for a chunk.
class CacheBody::RoomBehind {
  friend class CacheBody;
  RoomBehind() = default;
};

//   [counts | CacheBody | Chunk, its octets]
std::shared_ptr<CacheBody> CacheBody::make(std::size_t first) {
  const std::size_t room = first == 0 ? 0 : sizeof(Chunk) + first;
  return std::allocate_shared<CacheBody>(WithRoomBehind<CacheBody>{room}, RoomBehind{}, first);
}

// A pointer to the chunk within counts nothing: the body would else hold itself.
CacheBody::CacheBody(const RoomBehind&, std::size_t first)
    : within_(first == 0 ? nullptr : ::new(static_cast<void*>(this + 1)) Chunk(first, live_)),
      first_(within_ == nullptr ? Chunk::make(0, live_) : std::shared_ptr<Chunk>(std::shared_ptr<void>(), within_)),
      last_(first_) {}

CacheBody::~CacheBody() {
  if (within_ != nullptr) std::destroy_at(within_);
}

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
  if (front_ != nullptr && front_->gap != nullptr) {
    front_->gap->next = std::move(first_);
    first_ = std::move(front_->gap);
  }
  if (taken_) gone = std::move(first_);
}

void CacheBody::spool_to(std::shared_ptr<const OpenFile> file, std::uint64_t at) {
  auto front = std::make_unique<Front>();
  front->file = file;
  front->at = at;
  front->gap = std::shared_ptr<Chunk>(new Chunk(kGap, live_), [held = std::move(file)](Chunk* gap) { delete gap; });
  const std::scoped_lock lock(mutex_);
  if (!passes_) front_ = std::move(front);
}

void CacheBody::forget_file() {
  const std::scoped_lock lock(mutex_);
  if (front_ != nullptr) front_->file.reset();
}

// No chunk is held while the octets are written: a disk that hangs would hold all that comes behind it.
std::size_t CacheBody::copy(std::uint64_t at, std::span<char> out) const {
  std::shared_ptr<Chunk> chunk;
  std::uint64_t begin = 0;
  {
    const std::scoped_lock lock(mutex_);
    begin = front_ != nullptr ? front_->end : 0;
    for (chunk = first_; chunk != nullptr && begin + chunk->memory() <= at; chunk = chunk->next)
      begin += chunk->memory();
  }
  if (chunk == nullptr || begin > at) return 0;
  const auto from = static_cast<std::size_t>(at - begin);
  const std::size_t filled = chunk->filled.load(std::memory_order_acquire);
  const std::size_t n = std::min(out.size(), filled - std::min(filled, from));
  if (n > 0) std::memcpy(out.data(), chunk->octets() + from, n);
  return n;
}

std::size_t CacheBody::trim(std::uint64_t written) {
  std::size_t octets = 0;
  while (true) {
    std::shared_ptr<Chunk> gone;  // dies behind the lock
    const std::scoped_lock lock(mutex_);
    const bool kept = front_ == nullptr || front_->gap == nullptr || first_ == last_;
    if (kept || front_->end + first_->size > written) return octets;
    front_->end += first_->size;
    octets += first_->size;
    gone = std::exchange(first_, std::exchange(first_->next, front_->gap));
  }
}

CacheBody::InFile CacheBody::in_file() const {
  const std::scoped_lock lock(mutex_);
  if (front_ == nullptr) return {};
  return {.file = front_->file.lock(), .at = front_->at, .end = front_->end};
}

std::shared_ptr<CacheBody> CacheBody::compact() const {
  const std::uint64_t there = size();
  if (there == 0 || there > kWorthCompacting || live() - there < there / 8) return nullptr;
  auto made = CacheBody::make(static_cast<std::size_t>(there));
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
  const bool gone = body_->front_ != nullptr && body_->front_->end > 0;
  chunk_ = gone && body_->front_->gap != nullptr ? body_->front_->gap : body_->first_;
  if (body_->passes_) body_->first_.reset();
  if (behind() && !gone) chunk_ = body_->after(*chunk_);
}

bool CacheBody::Cursor::step() {
  std::shared_ptr<Chunk> next;
  {
    const std::scoped_lock lock(body_->mutex_);
    next = chunk_->next;
    if (next != nullptr && next->is_gap() && read_ == body_->front_->end) next = body_->after(*next);
  }
  if (next == nullptr) return false;
  chunk_ = std::move(next);
  at_ = 0;
  return true;
}

bool CacheBody::Cursor::advance(std::uint64_t n) {
  read_ += n;
  std::shared_ptr<Chunk> next;
  {
    const std::scoped_lock lock(body_->mutex_);
    if (read_ != body_->front_->end) return false;
    next = body_->after(*chunk_);
  }
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
    if (behind()) {
      const std::uint64_t some = std::min(n, body_->in_file().end - read_);
      static_cast<void>(advance(some));
      n -= some;
      continue;
    }
    if (there.empty()) return;
    const std::uint64_t some = std::min<std::uint64_t>(n, there.size());
    consume(static_cast<std::size_t>(some));
    n -= some;
  }
}

}  // namespace edge
