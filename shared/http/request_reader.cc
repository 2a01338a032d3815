#include "shared/http/request_reader.h"

#include <algorithm>

namespace http {

HeadLimits RequestReader::head_limits() const {
  HeadLimits limits;
  limits.max_head = limits.max_target = limits_.head;
  return limits;
}

RequestReader::State RequestReader::refuse_with(const Refusal& refusal) {
  refusal_ = refusal;
  return state_ = State::refused;
}

RequestReader::State RequestReader::feed(std::string_view bytes) {
  if (state_ == State::refused) return state_;
  in_ += bytes;
  if (state_ == State::complete) return complete();
  if (head_size_ == 0) {
    if (const State state = read_head(); head_size_ == 0) return state;
  }
  return framing_.body.kind == BodyKind::chunked ? read_chunks() : read_body();
}

RequestReader::State RequestReader::read_head() {
  const ParseState parsed = parser_.parse_request(in_, head_limits(), head_);
  if (parsed == ParseState::incomplete) return State::incomplete;
  if (parsed == ParseState::error) return refuse_with(parser_.refusal());
  const Checked<RequestFraming> framing = frame_request(head_, limits_.body);
  if (!framing) return refuse_with(framing.error());
  framing_ = *framing;
  head_size_ = head_.size;
  return State::incomplete;
}

RequestReader::State RequestReader::read_body() {
  const std::string_view rest = std::string_view(in_).substr(head_size_);
  const auto wanted = static_cast<std::size_t>(framing_.body.length) - body_.size();  // at most limits_.body
  const std::string_view part = rest.substr(0, wanted);
  body_ += part;
  in_.erase(head_size_, part.size());
  return body_.size() == framing_.body.length ? complete() : State::incomplete;
}

RequestReader::State RequestReader::read_chunks() {
  std::string_view rest = std::string_view(in_).substr(head_size_);
  ChunkStep step;
  do {
    step = chunks_.next(rest);
    rest.remove_prefix(step.consumed);
    if (step.event == ChunkEvent::error) return refuse_with(chunks_.refusal());
    if (step.data.size() > limits_.body - body_.size()) return refuse_with({413, "body too large"});
    body_ += step.data;
  } while (step.event == ChunkEvent::data || step.event == ChunkEvent::trailer);
  in_.erase(head_size_, in_.size() - head_size_ - rest.size());
  return step.event == ChunkEvent::done ? complete() : State::incomplete;
}

// The buffer may have moved since the head was read.
RequestReader::State RequestReader::complete() {
  parser_.reset();
  (void)parser_.parse_request(in_, head_limits(), head_);
  return state_ = State::complete;
}

void RequestReader::next() {
  in_.erase(0, head_size_);
  head_size_ = 0;
  body_.clear();
  chunks_ = ChunkDecoder();
  parser_.reset();
  state_ = State::incomplete;
}

}  // namespace http
