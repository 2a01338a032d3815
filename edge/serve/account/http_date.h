#pragma once
// HttpDate: the Date of this second's answers, "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. Owned by a worker's
// context; its thread.

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

 private:
  void make(shared::TimePoint now);

  http::DateText text_;
  shared::TimePoint until_{};
};

}  // namespace edge
