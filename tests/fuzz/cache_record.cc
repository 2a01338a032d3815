// A file of the cache on disk: whatever its front says, nothing is read outside it, and what is taken for a record says
// the same when it is written anew. With a first octet of 1 the hash is made right, so that what lies behind it is met.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/core/cache/record_codec.h"
#include "shared/core/hash.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr std::size_t kHashAt = 32;

// As record_codec.h has it.
void mend(std::string& front) {
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) size |= std::uint32_t{static_cast<unsigned char>(front[8 + i])} << (8 * i);
  const std::string_view whole(front);
  const std::string_view text = whole.substr(edge::kRecordFixed, size);
  const std::uint64_t hash = shared::hash_text(shared::hash_text(1, whole.substr(0, kHashAt)), text);
  for (std::size_t i = 0; i < 8; ++i) front[kHashAt + i] = static_cast<char>(hash >> (8 * i) & 0xFF);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto front = edge::record_front(std::string_view(text).substr(0, edge::kRecordFixed));
  if (!front || text.size() < *front) return 0;
  text.resize(*front);
  if (data[0] == 1) mend(text);
  const shared::TimePoint now = shared::TimePoint{} + shared::seconds(1'000'000'000);
  constexpr http::UnixSeconds kWall = 1'800'000'000;
  const auto decoded = edge::decode_record(text, now, kWall);
  if (!decoded) return 0;
  require(decoded->body.at == *front);
  require(decoded->record.freshness.age(now) >= 0);
  const std::string again =
      edge::encode_record(decoded->record, decoded->purged, decoded->body.size, decoded->body.hash);
  if (again.empty()) return 0;
  const auto same = edge::decode_record(again, now, kWall);
  require(same && same->record.url == decoded->record.url && same->record.selector == decoded->record.selector);
  require(same->record.head.status() == decoded->record.head.status());
  require(same->record.freshness.ttl(now) == decoded->record.freshness.ttl(now));
  require(same->body.size == decoded->body.size && same->body.hash == decoded->body.hash);
  return 0;
}
