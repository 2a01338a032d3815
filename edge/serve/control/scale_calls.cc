#include "edge/serve/control/scale_calls.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "edge/serve/control/scale_message.h"
#include "shared/serve/os/log.h"

namespace edge {
namespace {

using shared::Level;
using shared::log_event;

}  // namespace

ScaleCalls::ScaleCalls(shared::Loop& loop, shared::NameFollower& follower)
    : peer_(loop, follower,
            {.aimed =
                 [this] {
                   timer_.cancel();
                   busy_ = false;  // what was asked elsewhere is told here
                   call();
                 },
             .unresolved = [this](const std::string& reason) { unresolved(reason); }}),
      timer_(loop) {}

void ScaleCalls::set(const std::optional<ScalerPlan::Webhook>& webhook) {
  if (webhook == webhook_) return;
  webhook_ = webhook;
  timer_.cancel();
  busy_ = false;
  backoff_ = kPause;
  if (webhook_) return peer_.set(webhook_->url, webhook_->tls);
  peer_.clear();
  waiting_.clear();
}

void ScaleCalls::unresolved(const std::string& reason) {
  counts_.problem = reason;
  log_event(Level::warn, "scaler_unresolved", {{"name", webhook_->url.host}, {"reason", reason}});
}

void ScaleCalls::tell(const std::string& pool, std::string body) {
  if (!webhook_) return;
  waiting_.insert_or_assign(pool, std::move(body));
  if (!busy_) call();
}

void ScaleCalls::wait(shared::Duration how_long) {
  timer_.expires_after(how_long);
  timer_.async_wait([this](shared::error_code error) {
    if (error) return;
    busy_ = false;
    call();
  });
}

void ScaleCalls::call() {
  if (peer_.client() == nullptr || waiting_.empty()) return;
  busy_ = true;
  auto next = waiting_.upper_bound(last_);
  if (next == waiting_.end()) next = waiting_.begin();
  last_ = next->first;
  const std::string& body = next->second;
  const std::string now = std::to_string(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  shared::HttpCall call;
  call.request.method = http::Method::post;
  call.request.target = webhook_->url.target;
  call.request.host = webhook_->url.authority;
  call.request.fields = {{"User-Agent", "meridian-edge"},
                         {"Content-Type", "application/json"},
                         {"X-Meridian-Timestamp", now},
                         {"X-Meridian-Signature", "v1=" + sign(webhook_->key, now, body)}};
  call.request.body = body;
  call.timeout = webhook_->timeout;
  peer_.client()->call(std::move(call),
                       [this, pool = next->first, body](const shared::Result<shared::HttpAnswer>& answer) {
                         answered(pool, body, answer);
                       });
}

void ScaleCalls::answered(const std::string& pool, const std::string& body,
                          const shared::Result<shared::HttpAnswer>& answer) {
  const bool taken = answer && answer->status >= 200 && answer->status <= 299;
  if (taken) {
    if (!counts_.problem.empty()) log_event(Level::info, "scaler_recovered", {{"pool", pool}});
    counts_.problem.clear();
    ++counts_.delivered;
    log_event(Level::info, "scaler_told", {{"pool", pool}, {"body", body}});
    const auto told = waiting_.find(pool);
    if (told != waiting_.end() && told->second == body) waiting_.erase(told);
    backoff_ = kPause;
    return wait(kPause);
  }
  ++counts_.failed;
  const std::string problem = answer ? "status " + std::to_string(answer->status) : answer.error().message;
  if (counts_.problem != problem) log_event(Level::warn, "scaler_not_told", {{"pool", pool}, {"reason", problem}});
  counts_.problem = problem;
  wait(backoff_);
  backoff_ = std::min<shared::Duration>(backoff_ * 2, kLongest);
}

}  // namespace edge
