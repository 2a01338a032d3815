#include "shared/http/response_reader.h"

#include <algorithm>

namespace http {

void ResponseReader::fail_with(std::string_view why) {
  phase_ = Phase::bad;
  error_ = why;
}

void ResponseReader::feed(std::string_view bytes) {
  if (!bytes.empty()) started_ = true;
  while (!bytes.empty() && !done() && !bad()) {
    if (phase_ == Phase::head) {
      take_head(bytes);
    } else if (phase_ == Phase::chunked_body) {
      take_chunks(bytes);
    } else {
      take_body(bytes);
    }
  }
  if (!bytes.empty()) keep_alive_ = false;
}

void ResponseReader::feed_end() {
  if (done() || bad()) return;
  if (phase_ == Phase::body_until_close) {
    phase_ = Phase::done;
    return;
  }
  fail_with("the connection closed within the answer");
}

void ResponseReader::take_head(std::string_view& bytes) {
  const std::size_t before = head_.size();
  head_ += bytes.substr(0, limits_.head);
  HeadLimits limits;
  limits.max_head = limits_.head;
  ResponseHead head;
  const ParseState state = parser_.parse_response(head_, limits, head);
  if (state == ParseState::incomplete) {
    bytes = {};
  } else if (state == ParseState::error) {
    fail_with(head_.starts_with("HTTP/") ? parser_.refusal().reason : "no HTTP status line");
  } else {
    bytes.remove_prefix(head.size - before);
    on_head(head);
  }
}

void ResponseReader::on_head(const ResponseHead& head) {
  parser_.reset();
  const Checked<ResponseFraming> framing = frame_response(head, {.method = asked_, .upgrade = false});
  if (!framing) return fail_with(framing.error().reason);
  if (framing->interim) {
    interim_ += head.size;
    head_.clear();
    if (interim_ > limits_.head) fail_with("head too large");
    return;
  }
  head_.resize(head.size);
  status_ = head.status;
  keep_alive_ = framing->persistence == Persistence::keep;
  remaining_ = framing->body.length;
  switch (framing->body.kind) {
    case BodyKind::none:
      phase_ = Phase::done;
      break;
    case BodyKind::length:
      phase_ = remaining_ == 0 ? Phase::done : Phase::sized_body;
      break;
    case BodyKind::chunked:
      phase_ = Phase::chunked_body;
      break;
    case BodyKind::until_close:
      phase_ = Phase::body_until_close;
      break;
  }
}

void ResponseReader::take_body(std::string_view& bytes) {
  const bool sized = phase_ == Phase::sized_body;
  const std::string_view part = sized ? bytes.substr(0, remaining_) : bytes;
  bytes.remove_prefix(part.size());
  keep(part);
  if (!sized || bad()) return;
  remaining_ -= part.size();
  if (remaining_ == 0) phase_ = Phase::done;
}

void ResponseReader::take_chunks(std::string_view& bytes) {
  if (!pending_.empty()) pending_ += bytes;
  std::string_view input = pending_.empty() ? bytes : std::string_view(pending_);
  while (phase_ == Phase::chunked_body) {
    const ChunkStep step = chunks_.next(input);
    input.remove_prefix(step.consumed);
    if (step.event == ChunkEvent::data) keep(step.data);
    if (step.event == ChunkEvent::error) fail_with(chunks_.refusal().reason);
    if (step.event == ChunkEvent::done) phase_ = Phase::done;
    if (step.event == ChunkEvent::need_more) break;
  }
  if (done()) {
    bytes.remove_prefix(bytes.size() - input.size());  // the surplus came just now: before it, this was not done
    return;
  }
  bytes = {};
  pending_ = std::string(input);
}

void ResponseReader::keep(std::string_view part) {
  body_octets_ += part.size();
  if (body_octets_ > limits_.body) return fail_with("the body is too large");
  body_ += part.substr(0, limits_.kept - body_.size());
}

std::optional<std::string_view> ResponseReader::field(std::string_view name) const {
  HeadParser parser;
  ResponseHead head;
  HeadLimits limits;
  limits.max_head = limits_.head;
  if (parser.parse_response(head_, limits, head) != ParseState::complete) return std::nullopt;
  const Field* const found = head.fields.find(name);
  return found == nullptr ? std::nullopt : std::optional(found->value);
}

}  // namespace http
