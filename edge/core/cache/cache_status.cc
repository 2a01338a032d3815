#include "edge/core/cache/cache_status.h"

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

std::string cache_status(std::string_view name, const CacheOutcome& outcome) {
  std::string text;
  text.reserve(name.size() + outcome.forward.size() + outcome.detail.size() + 96);  // and the words below
  text.append(name);
  if (outcome.forward.empty()) {
    text += "; hit";
  } else {
    text.append("; fwd=").append(outcome.forward);
    if (outcome.forward_status != 0) text += "; fwd-status=" + std::to_string(outcome.forward_status);
  }
  if (outcome.ttl) text += "; ttl=" + std::to_string(*outcome.ttl);
  if (outcome.stored) text += "; stored";
  if (outcome.collapsed) text += "; collapsed";
  if (!outcome.detail.empty()) text.append("; detail=\"").append(outcome.detail).push_back('"');
  return text;
}

}  // namespace edge
