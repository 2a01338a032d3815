#include "edge/core/cache/record_codec.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "shared/core/hash.h"
#include "shared/http/head.h"

namespace edge {
namespace {

constexpr std::string_view kMagic = "MERIDC1\n";
constexpr std::size_t kHashed = 32;                          // of the fixed part
constexpr std::size_t kGrowth = 128;                         // octets that a 304 may add
constexpr std::size_t kStep = 64;                            // bodies begin at a multiple of it
constexpr std::uint64_t kMostBody = std::uint64_t{1} << 62;  // with any front before it an offset in a file
constexpr char kPurged = 'P';
constexpr std::int64_t kSkew = 60;  // seconds that a clock may have been set back by

enum Flag : std::uint8_t { kNoCache = 1, kRevalidates = 2, kSoft = 4 };

template <class T>
void put(std::string& out, T number) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i) & 0xFF));
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

// Takes numbers and texts from the front of a record; what is not there is zero, and then it is not `good`.
class Taker {
 public:
  explicit Taker(std::string_view octets) : octets_(octets) {}

  template <class T>
  T number() {
    const std::string_view some = take(sizeof(T));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < some.size(); ++i)
      value |= std::uint64_t{static_cast<unsigned char>(some[i])} << (8 * i);
    return static_cast<T>(value);
  }
  std::string_view text() { return take(number<std::uint32_t>()); }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() const { return octets_.empty(); }

 private:
  std::string_view take(std::size_t n) {
    good_ = good_ && n <= octets_.size();
    if (!good_) return {};
    const std::string_view taken = octets_.substr(0, n);
    octets_.remove_prefix(n);
    return taken;
  }

  std::string_view octets_;
  bool good_ = true;
};

std::string text_of(const CacheRecord& record) {
  std::string text;
  for (const std::string* part : {&record.url, &record.selector, &record.vary_names, &record.vary_values})
    put_text(text, *part);
  std::string head;
  record.head.append_text(head);
  put_text(text, head);
  put(text, record.heard_at);
  const Freshness& freshness = record.freshness;
  for (const Delta seconds :
       {freshness.initial_age, freshness.lifetime, freshness.stale_while_revalidate, freshness.stale_if_error})
    put(text, seconds);
  put(text, static_cast<std::uint8_t>((freshness.no_cache ? kNoCache : 0) | (freshness.revalidates ? kRevalidates : 0) |
                                      (freshness.soft ? kSoft : 0)));
  put(text, static_cast<std::uint8_t>(record.framing.kind));
  put(text, record.framing.length);
  return text;
}

std::uint64_t hash_of(std::string_view fixed, std::string_view text) {
  return shared::hash_text(shared::hash_text(1, fixed.substr(0, kHashed)), text);
}

std::string front_of(std::string_view text, bool purged, const RecordBody& body) {
  std::string out(kMagic);
  put(out, static_cast<std::uint32_t>(text.size()));
  put(out, static_cast<std::uint32_t>(body.at));
  put(out, body.size);
  put(out, body.hash);
  put(out, hash_of(out, text));
  out.push_back(purged ? kPurged : '\0');
  out.resize(kRecordFixed, '\0');
  out.append(text);
  out.resize(static_cast<std::size_t>(body.at), '\0');
  return out;
}

bool take_head(std::string_view text, CacheRecord& record) {
  http::HeadParser parser;
  http::ResponseHead head;
  constexpr http::HeadLimits kAny{
      .max_head = kMostRecord, .max_target = kMostRecord, .max_fields = http::FieldList::kCapacity};
  if (parser.parse_response(text, kAny, head) != http::ParseState::complete || head.size != text.size()) return false;
  record.head = StoredHead(head, {}, CookiePolicy::store, record.heard_at);
  return true;
}

bool take_freshness(Taker& taker, Freshness& freshness) {
  freshness.initial_age = taker.number<Delta>();
  freshness.lifetime = taker.number<Delta>();
  freshness.stale_while_revalidate = taker.number<Delta>();
  freshness.stale_if_error = taker.number<Delta>();
  const auto flags = taker.number<std::uint8_t>();
  freshness.no_cache = (flags & kNoCache) != 0;
  freshness.revalidates = (flags & kRevalidates) != 0;
  freshness.soft = (flags & kSoft) != 0;
  return flags <= (kNoCache | kRevalidates | kSoft);
}

}  // namespace

void BodyHash::add(std::string_view octets) {
  while (!octets.empty()) {
    const std::size_t filled = size_ % 8;
    if (filled == 0 && octets.size() >= 8) {
      state_ = shared::mix(state_ ^ shared::detail::load_word(octets.data(), 8)) + 0x9E3779B97F4A7C15ULL;
      octets.remove_prefix(8);
      size_ += 8;
      continue;
    }
    word_ |= std::uint64_t{static_cast<unsigned char>(octets.front())} << (8 * filled);
    octets.remove_prefix(1);
    if (++size_ % 8 == 0) state_ = shared::mix(state_ ^ std::exchange(word_, 0)) + 0x9E3779B97F4A7C15ULL;
  }
}

std::uint64_t BodyHash::finish() const { return shared::mix(shared::mix(state_ ^ word_) + size_); }

std::string encode_record(const CacheRecord& record, bool purged, std::uint64_t size, std::uint64_t hash) {
  const std::string text = text_of(record);
  const std::size_t at = (kRecordFixed + text.size() + kGrowth + kStep - 1) / kStep * kStep;
  if (at > kMostRecord) return {};
  return front_of(text, purged, {.at = at, .size = size, .hash = hash});
}

std::string encode_record(const CacheRecord& record, bool purged, const RecordBody& body) {
  const std::string text = text_of(record);
  return kRecordFixed + text.size() > body.at ? std::string() : front_of(text, purged, body);
}

std::optional<std::size_t> record_front(std::string_view fixed) {
  if (fixed.size() < kRecordFixed || !fixed.starts_with(kMagic)) return std::nullopt;
  Taker taker(fixed.substr(kMagic.size()));
  const auto text = taker.number<std::uint32_t>();
  const auto at = taker.number<std::uint32_t>();
  if (at > kMostRecord || at < kRecordFixed || text > at - kRecordFixed) return std::nullopt;
  return at;
}

std::optional<DecodedRecord> decode_record(std::string_view front, shared::TimePoint now, http::UnixSeconds wall) {
  const auto size = record_front(front);
  if (!size || *size != front.size()) return std::nullopt;
  Taker fixed(front.substr(kMagic.size()));
  const auto text_size = fixed.number<std::uint32_t>();
  DecodedRecord decoded;
  decoded.body.at = fixed.number<std::uint32_t>();
  decoded.body.size = fixed.number<std::uint64_t>();
  decoded.body.hash = fixed.number<std::uint64_t>();
  const std::string_view text = front.substr(kRecordFixed, text_size);
  if (fixed.number<std::uint64_t>() != hash_of(front, text)) return std::nullopt;
  if (decoded.body.size > kMostBody) return std::nullopt;
  Taker taker(text);
  CacheRecord& record = decoded.record;
  for (std::string* part : {&record.url, &record.selector, &record.vary_names, &record.vary_values})
    *part = taker.text();
  const std::string_view head = taker.text();
  record.heard_at = taker.number<http::UnixSeconds>();
  const bool fresh = take_freshness(taker, record.freshness);
  const auto kind = taker.number<std::uint8_t>();
  record.framing.length = taker.number<std::uint64_t>();
  record.framing.kind = static_cast<http::BodyKind>(kind);
  const bool framed = kind <= static_cast<std::uint8_t>(http::BodyKind::until_close);
  if (!taker.good() || !taker.at_end() || !fresh || !framed || record.url.empty()) return std::nullopt;
  if (!take_head(head, record)) return std::nullopt;
  constexpr std::int64_t kAges = std::int64_t{100} * 366 * 86400;
  const std::int64_t old = std::clamp<std::int64_t>(
      record.heard_at > wall ? 0 : wall - std::max<std::int64_t>(record.heard_at, 0), 0, kAges);
  record.freshness.heard = now - shared::seconds(old);
  decoded.purged = front[kRecordPurgedAt] == kPurged || record.heard_at > wall + kSkew;
  return decoded;
}

}  // namespace edge
