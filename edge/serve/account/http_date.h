#pragma once
// HttpDate: the Date of this second's answers, "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. Owned by a worker's
// context; its thread.

#include <cstdint>
#include <string_view>

#include "shared/core/time.h"
#include "shared/http/date.h"

namespace edge {

class HttpDate {
 public:
  // Valid until the next call. `now` as the loop has it; it only says when the text is too old.
  [[nodiscard]] std::string_view at(shared::TimePoint now) {
    if (now >= until_) make(now);
    return text_.view();
  }
  // Seconds since 1970, as at() has them.
  [[nodiscard]] std::int64_t wall(shared::TimePoint now) {
    if (now >= until_) make(now);
    return wall_;
  }

 private:
  void make(shared::TimePoint now);

  http::DateText text_;
  shared::TimePoint until_{};
  std::int64_t wall_ = 0;
};

}  // namespace edge
