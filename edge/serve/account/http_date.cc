#include "edge/serve/account/http_date.h"

#include <ctime>

namespace edge {

void HttpDate::make(shared::TimePoint now) {
  wall_ = std::time(nullptr);
  text_ = http::write_date(wall_);
  until_ = now + shared::seconds(1);
}

}  // namespace edge
