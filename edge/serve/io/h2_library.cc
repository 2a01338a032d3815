#include "edge/serve/io/h2_library.h"

#include <cstdint>
#include <cstring>
#include <limits>

#include "edge/serve/io/frame_pool.h"

namespace edge {
namespace {

constexpr std::size_t kBefore = 16;  // octets before a piece, for its size: the library does not give it back

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

std::uint8_t* octets(std::string_view text) { return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); }

}  // namespace

nghttp2_mem h2_memory() {
  return {.mem_user_data = nullptr, .malloc = take, .free = give_back, .calloc = take_zeroed, .realloc = take_again};
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
