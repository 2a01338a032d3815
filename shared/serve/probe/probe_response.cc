#include "shared/serve/probe/probe_response.h"

#include <algorithm>
#include <charconv>

namespace shared {
namespace {

constexpr std::size_t kMaxHead = std::size_t{16} * 1024;
constexpr std::uint64_t kMaxBody =
    std::uint64_t{1024} * 1024;  // a health page that is larger is a mistake, not a health page

bool is_digit(char c) { return c >= '0' && c <= '9'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || marks.find(c) != std::string_view::npos;
  });
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

void ProbeResponse::fail_with(std::string_view why) {
  phase_ = Phase::bad;
  error_ = why;
}

void ProbeResponse::feed(std::string_view bytes) {
  if (!bytes.empty()) started_ = true;
  while (!bytes.empty() && !done() && !bad()) {
    if (phase_ == Phase::sized_body || phase_ == Phase::chunk_data || phase_ == Phase::body_until_close) {
      take_body(bytes);
    } else {
      take_line(bytes);
    }
  }
  if (!bytes.empty()) keep_alive_ = false;
}

void ProbeResponse::feed_end() {
  if (done() || bad()) return;
  if (phase_ == Phase::body_until_close) {
    phase_ = Phase::done;
    return;
  }
  fail_with("the connection closed within the answer");
}

void ProbeResponse::take_line(std::string_view& bytes) {
  const auto end = bytes.find('\n');
  const std::string_view part = bytes.substr(0, end);
  head_bytes_ += part.size();
  if (head_bytes_ > kMaxHead) return fail_with("the head is too large");
  line_ += part;
  if (end == std::string_view::npos) {
    bytes = {};
    return;
  }
  bytes.remove_prefix(end + 1);
  // RFC 9112 section 2.2 lets a recipient take a bare LF; one that frames lines otherwise would read another answer.
  if (!line_.ends_with('\r')) return fail_with("a line does not end in CRLF");
  std::string line;
  line.swap(line_);
  line.pop_back();
  if (line.find('\r') != std::string::npos || line.find('\0') != std::string::npos) {
    return fail_with("a line holds a bare CR or NUL");
  }
  on_line(line);
}

void ProbeResponse::on_line(std::string_view line) {
  switch (phase_) {
    case Phase::status_line:
      return on_status_line(line);
    case Phase::fields:
      return line.empty() ? on_head_end() : on_field(line);
    case Phase::chunk_size:
      return on_chunk_size(line);
    case Phase::chunk_end:
      phase_ = Phase::chunk_size;
      if (!line.empty()) fail_with("a chunk is longer than its size");
      return;
    case Phase::trailers:
      if (line.empty()) phase_ = Phase::done;
      return;
    default:
      return;
  }
}

// HTTP/1.x SP 3DIGIT SP [reason] (RFC 9112 section 4).
void ProbeResponse::on_status_line(std::string_view line) {
  const bool shaped = line.size() >= 12 && line.starts_with("HTTP/1.") && is_digit(line[7]) && line[8] == ' ' &&
                      is_digit(line[9]) && is_digit(line[10]) && is_digit(line[11]) &&
                      (line.size() == 12 || line[12] == ' ');
  if (!shaped) return fail_with("no HTTP status line");
  status_ = static_cast<std::uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  if (status_ < 100 || status_ == 101) return fail_with("a status that no GET can have");
  keep_alive_ = line[7] != '0';
  phase_ = Phase::fields;
}

void ProbeResponse::on_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return fail_with("a bad header field");
  // Some servers put a space before the colon, and proxies take it away (RFC 9112 section 5.1).
  std::string_view name = line.substr(0, colon);
  name = name.substr(0, name.find_last_not_of(" \t") + 1);
  if (!is_token(name)) return fail_with("a bad header field");
  const std::string_view value = trim(line.substr(colon + 1));
  if (same_word(name, "Content-Length")) return on_content_length(value);
  if (same_word(name, "Connection")) return on_connection(value);
  if (same_word(name, "Transfer-Encoding")) {
    if (chunked_ || !same_word(value, "chunked")) return fail_with("a transfer coding other than chunked");
    chunked_ = true;
  }
}

void ProbeResponse::on_content_length(std::string_view value) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  const bool whole = error == std::errc() && end == value.data() + value.size();
  if (!whole || has_length_) return fail_with("a bad Content-Length");
  has_length_ = true;
  remaining_ = length;
}

void ProbeResponse::on_connection(std::string_view value) {
  while (!value.empty()) {
    const auto comma = value.find(',');
    const std::string_view option = trim(value.substr(0, comma));
    if (same_word(option, "close")) keep_alive_ = false;
    if (same_word(option, "keep-alive")) keep_alive_ = true;
    value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
  }
}

// RFC 9112 section 6.3.
void ProbeResponse::on_head_end() {
  if (chunked_ && has_length_) return fail_with("both Content-Length and Transfer-Encoding");
  if (status_ < 200) {  // 1xx: the answer is still to come
    *this = ProbeResponse(kept_);
    started_ = true;
    return;
  }
  if (status_ == 204 || status_ == 304) {
    phase_ = Phase::done;
  } else if (chunked_) {
    phase_ = Phase::chunk_size;
  } else if (!has_length_) {
    keep_alive_ = false;
    phase_ = Phase::body_until_close;
  } else {
    phase_ = remaining_ == 0 ? Phase::done : Phase::sized_body;
  }
}

void ProbeResponse::on_chunk_size(std::string_view line) {
  const std::string_view digits = trim(line.substr(0, line.find(';')));
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), remaining_, 16);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return fail_with("a bad chunk size");
  }
  phase_ = remaining_ == 0 ? Phase::trailers : Phase::chunk_data;
}

void ProbeResponse::take_body(std::string_view& bytes) {
  const bool sized = phase_ != Phase::body_until_close;
  const std::string_view part = sized ? bytes.substr(0, remaining_) : bytes;
  body_bytes_ += part.size();
  if (body_bytes_ > kMaxBody) return fail_with("the body is too large");
  body_ += part.substr(0, kept_ - body_.size());
  bytes.remove_prefix(part.size());
  if (!sized) return;
  remaining_ -= part.size();
  if (remaining_ > 0) return;
  phase_ = phase_ == Phase::sized_body ? Phase::done : Phase::chunk_end;
}

}  // namespace shared
