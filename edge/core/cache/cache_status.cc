#include "edge/core/cache/cache_status.h"

#include <array>
#include <charconv>
#include <cstring>

namespace edge {

std::string_view name_of(CacheVerdict verdict) {
  switch (verdict) {
    case CacheVerdict::hit:
      return "HIT";
    case CacheVerdict::stale:
      return "STALE";
    case CacheVerdict::revalidated:
      return "REVALIDATED";
    case CacheVerdict::miss:
      return "MISS";
    case CacheVerdict::bypass:
      return "BYPASS";
    case CacheVerdict::none:
    case CacheVerdict::count_:
      break;
  }
  return {};
}

namespace {

// Into what there is room for; behind the first word that does not fit nothing is whole.
class Words {
 public:
  explicit Words(std::span<char> room) : room_(room) {}
  Words& add(std::string_view text) {
    whole_ = whole_ && text.size() <= room_.size() - used_;
    if (!whole_) return *this;
    if (!text.empty()) std::memcpy(room_.data() + used_, text.data(), text.size());
    used_ += text.size();
    return *this;
  }
  Words& add(std::int64_t number) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    return add(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
  }
  [[nodiscard]] std::string_view text() const { return {room_.data(), whole_ ? used_ : 0}; }

 private:
  std::span<char> room_;
  std::size_t used_ = 0;
  bool whole_ = true;
};

}  // namespace

std::string_view write_cache_status(std::span<char> room, std::string_view name, const CacheOutcome& outcome) {
  Words words(room);
  words.add(name);
  if (outcome.forward.empty()) {
    words.add("; hit");
  } else {
    words.add("; fwd=").add(outcome.forward);
    if (outcome.forward_status != 0) words.add("; fwd-status=").add(outcome.forward_status);
  }
  if (outcome.ttl) words.add("; ttl=").add(*outcome.ttl);
  if (outcome.stored) words.add("; stored");
  if (outcome.collapsed) words.add("; collapsed");
  if (!outcome.detail.empty()) words.add("; detail=\"").add(outcome.detail).add("\"");
  return words.text();
}

std::string cache_status(std::string_view name, const CacheOutcome& outcome) {
  constexpr std::size_t kWords = 128;  // those above, with their numbers
  std::string text(name.size() + outcome.forward.size() + outcome.detail.size() + kWords, '\0');
  text.resize(write_cache_status(text, name, outcome).size());
  return text;
}

}  // namespace edge
