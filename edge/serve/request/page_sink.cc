#include "edge/serve/request/page_sink.h"

namespace edge {

void PageSink::start(const http::ResponseHead& head, const http::ResponseFraming& framing, const HeaderRules& rules) {
  const ErrorPage* page = pages_.find_for_servers(head.status);
  if (page == nullptr) return below_.start(head, framing, rules);
  replaced_ = true;
  const http::Field* again = head.fields.find("Retry-After");
  OwnHead own{.status = head.status, .length = page->body->size(), .content_type = page->content_type};
  if (again != nullptr) own.retry_after = again->value;
  own.rules = &rules;
  if (method_ != http::Method::head) rest_ = *page->body;
  below_.start(own);
}

std::size_t PageSink::write(std::string_view data) { return replaced_ ? data.size() : below_.write(data); }

void PageSink::end(std::string_view trailers) {
  if (!replaced_) return below_.end(trailers);
  ending_ = true;
}

Sent PageSink::flush() {
  while (!rest_.empty() && !failed()) {
    const std::size_t taken = below_.write(rest_);
    rest_.remove_prefix(taken);
    if (rest_.empty()) break;
    const Sent sent = below_.flush();
    if (sent != Sent::all) return sent;
    if (taken == 0) return Sent::blocked;
  }
  if (ending_ && !ended_) {
    ended_ = true;
    below_.end({});
  }
  return below_.flush();
}

}  // namespace edge
