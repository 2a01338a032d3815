#include "edge/serve/account/http_date.h"

#include <ctime>

namespace edge {

void HttpDate::make(shared::TimePoint now) {
  text_ = http::write_date(std::time(nullptr));
  until_ = now + shared::seconds(1);
}

}  // namespace edge
