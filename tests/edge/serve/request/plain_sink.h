#pragma once
// The end of a chain of sinks, without a worker: what a client would be told. Takes `room` octets and is blocked then.
// One thread.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "edge/serve/request/response_sink.h"

namespace edge::test {

struct PlainSink final : ResponseSink {
  void interim(const http::ResponseHead& head) override { interims += head.status; }
  void start(const http::ResponseHead& head, const http::ResponseFraming& framing,
             const HeaderRules& applied) override {
    status = head.status;
    rules = applied;
    for (const http::Field& field : head.fields) {
      fields.append(field.name).append(": ").append(field.value).append("\r\n");
    }
    framed = framing.body;
    from_server = true;
  }
  void start(const OwnHead& head) override {
    status = head.status;
    length = head.length;
    content_type = head.content_type;
    retry_after = head.retry_after;
    if (head.rules != nullptr) rules = *head.rules;
  }
  std::size_t write(std::string_view data) override {
    const std::size_t n = std::min(room, data.size());
    body += data.substr(0, n);
    room -= n;
    return n;
  }
  void end(std::string_view last) override {
    trailers = last;
    ++ends;
  }
  Sent flush() override { return broken ? Sent::failed : room == 0 ? Sent::blocked : Sent::all; }
  bool failed() const override { return broken; }
  bool blocked() const override { return room == 0; }
  std::uint64_t octets_sent() const override { return body.size(); }
  void cut() override { was_cut = true; }

  int interims = 0, ends = 0;
  std::uint16_t status = 0;
  std::uint64_t length = 0;
  std::string content_type, retry_after, body, trailers;
  std::string fields;  // of a server's answer, as lines
  http::Body framed;
  HeaderRules rules;
  std::size_t room = 1 << 20;
  bool from_server = false, broken = false, was_cut = false;
};

// A server's head from its text.
struct Answered {
  explicit Answered(std::string of) : text(std::move(of)) {
    http::HeadParser parser;
    if (parser.parse_response(text, {}, head) != http::ParseState::complete) head.status = 0;
  }
  std::string text;
  http::ResponseHead head;
};

}  // namespace edge::test
