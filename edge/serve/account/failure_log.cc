#include "edge/serve/account/failure_log.h"

#include "shared/serve/os/log.h"

namespace edge {

void FailureLog::report(std::string_view server, std::uint16_t status, std::string_view reason, shared::TimePoint now) {
  if (now < quiet_until_) {
    ++unsaid_;
    return;
  }
  quiet_until_ = now + shared::seconds(1);
  shared::log_event(shared::Level::warn, "request_failed",
                    {{"status", status}, {"server", server}, {"reason", reason}, {"unsaid", unsaid_}});
  unsaid_ = 0;
}

}  // namespace edge
