#include "dns/core/health/isolation.h"

#include <utility>

namespace dns {

Isolation::Verdict Isolation::judge(const Losses& losses, const Settings& settings, shared::TimePoint now) {
  const bool held = until_.has_value();
  if (!losses.all || !losses.first) {
    until_.reset();
    judged_ = false;
    return held ? Verdict::ends : Verdict::trusts_itself;
  }
  if (!std::exchange(judged_, true)) {
    const bool at_once = *losses.last - *losses.first <= settings.window;
    if (!losses.unheard || !at_once || settings.hold == shared::Duration::zero()) return Verdict::trusts_itself;
    until_ = now + settings.hold;
    return Verdict::begins;
  }
  if (!held) return Verdict::trusts_itself;
  if (now < *until_) return Verdict::lasts;
  until_.reset();
  return Verdict::ends;
}

}  // namespace dns
