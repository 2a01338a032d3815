#include "edge/serve/io/h2_library.h"

#include <cstdint>
#include <cstring>
#include <limits>

#include "edge/serve/io/frame_pool.h"

namespace edge {
namespace {

constexpr std::size_t kBefore = H2FrameBuffer::kBefore;

void* take(std::size_t size, void*) {
  if (size > std::numeric_limits<std::size_t>::max() - kBefore) return nullptr;
  char* const piece = static_cast<char*>(FramePool::of_this_thread().take(size + kBefore));
  std::memcpy(piece, &size, sizeof size);
  return piece + kBefore;
}

std::size_t size_of(void* piece) {
  std::size_t size = 0;
  std::memcpy(&size, static_cast<char*>(piece) - kBefore, sizeof size);
  return size;
}

void give_back(void* piece, void*) {
  if (piece == nullptr) return;
  FramePool::of_this_thread().give_back(static_cast<char*>(piece) - kBefore, size_of(piece) + kBefore);
}

void* take_zeroed(std::size_t count, std::size_t size, void*) {
  if (size != 0 && count > (std::numeric_limits<std::size_t>::max() - kBefore) / size) return nullptr;
  void* const piece = take(count * size, nullptr);
  if (piece != nullptr) std::memset(piece, 0, count * size);
  return piece;
}

void* take_again(void* piece, std::size_t size, void*) {
  if (piece == nullptr) return take(size, nullptr);
  const std::size_t before = size_of(piece);
  if (before >= size) return piece;
  void* const next = take(size, nullptr);
  if (next == nullptr) return nullptr;
  std::memcpy(next, piece, before);
  give_back(piece, nullptr);
  return next;
}

H2FrameBuffer& shared_by(void* user) { return *static_cast<H2FrameBuffer*>(user); }

void* take_shared(std::size_t size, void* user) {
  void* const lent = shared_by(user).lend(size);
  return lent != nullptr ? lent : take(size, nullptr);
}

void give_back_shared(void* piece, void* user) {
  if (!shared_by(user).is(piece)) give_back(piece, nullptr);
}

void* take_again_shared(void* piece, std::size_t size, void* user) {
  if (piece == nullptr) return take_shared(size, user);
  if (!shared_by(user).is(piece)) return take_again(piece, size, nullptr);
  const std::size_t before = size_of(piece);
  if (before >= size) return piece;
  void* const next = take(size, nullptr);
  if (next != nullptr) std::memcpy(next, piece, before);
  return next;
}

std::uint8_t* octets(std::string_view text) { return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); }

}  // namespace

nghttp2_mem h2_memory() {
  return {.mem_user_data = nullptr, .malloc = take, .free = give_back, .calloc = take_zeroed, .realloc = take_again};
}

H2FrameBuffer& H2FrameBuffer::of_this_thread() {
  static thread_local H2FrameBuffer buffer;
  return buffer;
}

void* H2FrameBuffer::lend(std::size_t size) {
  if (!lends_ || size != kSize) return nullptr;
  std::memcpy(octets_.data(), &size, sizeof size);
  return octets_.data() + kBefore;
}

nghttp2_mem H2FrameBuffer::Lent::memory() {
  return {.mem_user_data = &buffer_,
          .malloc = take_shared,
          .free = give_back_shared,
          .calloc = take_zeroed,
          .realloc = take_again_shared};
}

std::string_view h2_text(nghttp2_rcbuf* buffer) {
  const nghttp2_vec vector = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(vector.base), vector.len};
}

nghttp2_nv h2_field(std::string_view name, std::string_view value) {
  return {.name = octets(name),
          .value = octets(value),
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = NGHTTP2_NV_FLAG_NONE};
}

}  // namespace edge
