#include "edge/serve/account/http_date.h"

#include <ctime>

namespace edge {

void HttpDate::make(shared::TimePoint now) {
  const std::time_t wall = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&wall, &utc);
  // The C locale's names are the ones that RFC 9110 5.6.7 wants; no program of ours sets another.
  std::strftime(text_.data(), text_.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  until_ = now + shared::seconds(1);
}

}  // namespace edge
