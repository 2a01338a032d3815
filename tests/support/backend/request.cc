#include "tests/support/backend/request.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace backend {
namespace {

constexpr std::size_t kMaxHead = 256 * 1024;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool parse_request_line(std::string_view line, Request& request) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  request.keep_alive = version == "HTTP/1.1";
  return version == "HTTP/1.1" || version == "HTTP/1.0";
}

bool apply_field(const Field& field, Request& request) {
  if (same_name(field.name, "content-length")) {
    const auto length = parse_number(field.value);
    if (!length) return false;
    request.length = *length;
  } else if (same_name(field.name, "transfer-encoding")) {
    request.chunked = same_name(field.value, "chunked");
    return request.chunked;
  } else if (same_name(field.name, "connection")) {
    if (same_name(field.value, "close")) request.keep_alive = false;
    if (same_name(field.value, "keep-alive")) request.keep_alive = true;
  } else if (same_name(field.name, "expect")) {
    request.expects_continue = same_name(field.value, "100-continue");
  }
  return true;
}

bool parse_head(Request& request) {
  std::string_view rest = request.head;
  auto line_end = rest.find("\r\n");
  if (!parse_request_line(rest.substr(0, line_end), request)) return false;
  for (rest.remove_prefix(line_end + 2); rest != "\r\n"; rest.remove_prefix(line_end + 2)) {
    line_end = rest.find("\r\n");
    const auto line = rest.substr(0, line_end);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    request.fields.push_back({line.substr(0, colon), trimmed(line.substr(colon + 1))});
    if (!apply_field(request.fields.back(), request)) return false;
  }
  return true;
}

}  // namespace

std::string_view Request::path() const { return target.substr(0, target.find('?')); }

std::string_view Request::field(std::string_view name) const {
  const auto found = std::ranges::find_if(fields, [name](const Field& f) { return same_name(f.name, name); });
  return found == fields.end() ? std::string_view{} : found->value;
}

std::optional<std::string_view> Request::query(std::string_view name) const {
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return std::nullopt;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      return equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    }
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
  }
  return std::nullopt;
}

std::uint64_t Request::query_number(std::string_view name, std::uint64_t absent) const {
  const auto text = query(name);
  return text ? parse_number(*text).value_or(absent) : absent;
}

HeadState take_head(std::string& input, Request& request) {
  const auto end = input.find("\r\n\r\n");
  if (end == std::string::npos) return input.size() > kMaxHead ? HeadState::bad : HeadState::incomplete;
  request.head.assign(input, 0, end + 4);
  input.erase(0, end + 4);
  request.fields.clear();
  request.length = 0;
  request.chunked = false;
  request.expects_continue = false;
  return parse_head(request) ? HeadState::complete : HeadState::bad;
}

void BodyReader::start(const Request& request) {
  chunked_ = request.chunked;
  part_ = Part::size_line;
  left_ = request.chunked ? 0 : request.length;
}

BodyReader::State BodyReader::take(std::string& input, std::string& payload) {
  if (chunked_) return take_chunked(input, payload);
  const auto here = std::min<std::uint64_t>(left_, input.size());
  payload.append(input, 0, here);
  input.erase(0, here);
  left_ -= here;
  return left_ == 0 ? State::done : State::more;
}

BodyReader::State BodyReader::take_chunked(std::string& input, std::string& payload) {
  std::size_t at = 0;
  std::optional<State> ended;
  while (!ended && at < input.size()) {
    if (part_ == Part::data) {
      const auto here = std::min<std::uint64_t>(left_, input.size() - at);
      payload.append(input, at, here);
      at += here;
      left_ -= here;
      if (left_ == 0) part_ = Part::data_end;
      continue;
    }
    const auto line_end = input.find("\r\n", at);
    if (line_end == std::string::npos) break;
    ended = take_line(std::string_view(input).substr(at, line_end - at));
    at = line_end + 2;
  }
  input.erase(0, at);
  return ended.value_or(State::more);
}

std::optional<BodyReader::State> BodyReader::take_line(std::string_view line) {
  if (part_ == Part::data_end) {
    part_ = Part::size_line;
    return line.empty() ? std::nullopt : std::optional(State::bad);
  }
  if (part_ == Part::trailers) return line.empty() ? std::optional(State::done) : std::nullopt;
  const auto size = parse_number(trimmed(line.substr(0, line.find(';'))), 16);
  if (!size) return State::bad;
  left_ = *size;
  part_ = left_ == 0 ? Part::trailers : Part::data;
  return std::nullopt;
}

bool same_name(std::string_view one, std::string_view other) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(one, other, {}, lower, lower);
}

std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_milliseconds(std::string_view text) {
  std::uint64_t factor = 1;
  if (text.ends_with("ms")) {
    text.remove_suffix(2);
  } else if (text.ends_with('s')) {
    text.remove_suffix(1);
    factor = 1000;
  }
  const auto value = parse_number(text);
  return value ? std::optional(*value * factor) : std::nullopt;
}

}  // namespace backend
