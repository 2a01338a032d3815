#include "shared/http/head.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "shared/http/octet_scan.h"

namespace http {
namespace {

enum : std::uint8_t { kTokenChar = 1, kValueChar = 2, kUnderscore = 4 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0x21; c <= 0x7E; ++c) table[c] = kValueChar;
  for (unsigned c = 0x80; c <= 0xFF; ++c) table[c] = kValueChar;  // obs-text (RFC 9110 5.5)
  table[' '] = table['\t'] = kValueChar;
  const auto token = [&](unsigned c) { table[c] |= kTokenChar; };
  for (unsigned c = '0'; c <= '9'; ++c) token(c);
  for (unsigned c = 'a'; c <= 'z'; ++c) token(c), token(c - 'a' + 'A');
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) token(static_cast<unsigned char>(c));
  table['_'] |= kUnderscore;
  return table;
}
constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

std::uint8_t class_of(char c) { return kClasses[static_cast<unsigned char>(c)]; }

enum class Progress : std::uint8_t { more, ok, bad };

// One attempt over a buffer; `refusal` is set when a step says bad.
struct Scan {
  const char* p;
  const char* end;
  Refusal refusal;

  Progress bad(std::uint16_t status, std::string_view reason) {
    refusal = {status, reason};
    return Progress::bad;
  }
  // REQUIRES: *p is '\r' or '\n'.
  Progress line_end() {
    if (*p == '\n') return bad(400, "bare LF");
    if (end - p < 2) return Progress::more;
    if (p[1] != '\n') return bad(400, "bare CR");
    p += 2;
    return Progress::ok;
  }
  [[nodiscard]] std::string_view since(const char* begin) const { return {begin, static_cast<std::size_t>(p - begin)}; }
};

constexpr std::size_t kMaxMethod = 32;

Progress read_method(Scan& scan, RequestHead& head) {
  const char* begin = scan.p;
  if (scan.end - begin >= 4 && std::memcmp(begin, "GET ", 4) == 0) {
    head.method_text = {begin, 3};
    head.method = Method::get;
    scan.p = begin + 4;
    return Progress::ok;
  }
  while (scan.p < scan.end && (class_of(*scan.p) & kTokenChar)) ++scan.p;
  if (scan.p - begin > static_cast<std::ptrdiff_t>(kMaxMethod)) return scan.bad(400, "method too long");
  if (scan.p == scan.end) return Progress::more;
  if (scan.p == begin || *scan.p != ' ') return scan.bad(400, "malformed method");
  head.method_text = scan.since(begin);
  head.method = method_of(head.method_text);
  ++scan.p;
  return Progress::ok;
}

Progress read_target(Scan& scan, const HeadLimits& limits, RequestHead& head) {
  const char* begin = scan.p;
  scan.p = find_target_end(scan.p, scan.end);
  if (scan.p - begin > static_cast<std::ptrdiff_t>(limits.max_target)) return scan.bad(414, "target too long");
  if (scan.p == scan.end) return Progress::more;
  if (scan.p == begin || *scan.p != ' ') return scan.bad(400, "malformed target");
  head.target = scan.since(begin);
  ++scan.p;
  return Progress::ok;
}

// "HTTP/1.1", of which a prefix may be there so far.
Progress read_version(Scan& scan, Version& version) {
  constexpr std::string_view kName = "HTTP/";
  constexpr std::string_view kUsual = "HTTP/1.1";
  const auto left = static_cast<std::size_t>(scan.end - scan.p);
  if (left >= kUsual.size() && std::memcmp(scan.p, kUsual.data(), kUsual.size()) == 0) [[likely]] {
    version = Version::http_1_1;
    scan.p += kUsual.size();
    return Progress::ok;
  }
  if (kName.compare(0, std::min(left, kName.size()), std::string_view(scan.p, std::min(left, kName.size()))) != 0) {
    return scan.bad(400, "malformed version");
  }
  if (left < kName.size() + 3) return Progress::more;
  const char major = scan.p[5];
  const char minor = scan.p[7];
  if (major < '0' || major > '9' || scan.p[6] != '.' || minor < '0' || minor > '9') {
    return scan.bad(400, "malformed version");
  }
  if (major != '1') return scan.bad(505, "version not supported");
  version = minor == '0' ? Version::http_1_0 : Version::http_1_1;
  scan.p += kName.size() + 3;
  return Progress::ok;
}

Progress read_start_line(Scan& scan, const HeadLimits& limits, RequestHead& head) {
  // One empty line before a request is forgiven (RFC 9112 2.2), it is what some old clients send after a body.
  if (scan.p < scan.end && *scan.p == '\r') {
    if (const Progress progress = scan.line_end(); progress != Progress::ok) return progress;
  }
  if (const Progress progress = read_method(scan, head); progress != Progress::ok) return progress;
  if (const Progress progress = read_target(scan, limits, head); progress != Progress::ok) return progress;
  if (const Progress progress = read_version(scan, head.version); progress != Progress::ok) return progress;
  if (scan.p == scan.end) return Progress::more;
  if (*scan.p != '\r' && *scan.p != '\n') return scan.bad(400, "malformed version");
  return scan.line_end();
}

Progress read_status(Scan& scan, ResponseHead& head) {
  if (scan.end - scan.p < 5)
    return scan.end == scan.p || *scan.p == ' ' ? Progress::more : scan.bad(502, "malformed status");
  const auto digit = [&](int i) { return scan.p[i] >= '0' && scan.p[i] <= '9'; };
  if (scan.p[0] != ' ' || scan.p[1] == '0' || !digit(1) || !digit(2) || !digit(3)) {
    return scan.bad(502, "malformed status");
  }
  head.status = static_cast<std::uint16_t>((scan.p[1] - '0') * 100 + (scan.p[2] - '0') * 10 + (scan.p[3] - '0'));
  scan.p += 4;
  return Progress::ok;
}

Progress read_start_line(Scan& scan, const HeadLimits&, ResponseHead& head) {
  if (const Progress progress = read_version(scan, head.version); progress != Progress::ok) return progress;
  if (const Progress progress = read_status(scan, head); progress != Progress::ok) return progress;
  // The space is required even before an empty phrase (RFC 9112 4), but servers that leave both out are common.
  if (*scan.p != '\r' && *scan.p != '\n' && *scan.p != ' ') return scan.bad(502, "malformed status");
  if (*scan.p == ' ') ++scan.p;
  const char* begin = scan.p;
  while (scan.p < scan.end && (class_of(*scan.p) & kValueChar)) ++scan.p;
  if (scan.p == scan.end) return Progress::more;
  if (*scan.p != '\r' && *scan.p != '\n') return scan.bad(502, "control octet in the reason phrase");
  head.reason = scan.since(begin);
  return scan.line_end();
}

// A name that has more than letters and hyphens, or is broken. Out of line, as hardly any is.
[[gnu::noinline]] Progress read_odd_name(Scan& scan, Field& field, Sender sender) {
  const char* const begin = scan.p;
  std::uint8_t seen = 0;
  for (; scan.p < scan.end; ++scan.p) {
    const std::uint8_t kind = class_of(*scan.p);
    if ((kind & kTokenChar) == 0) break;
    seen |= kind;
  }
  field.name = scan.since(begin);
  if (sender == Sender::server && scan.p != begin) {
    while (scan.p < scan.end && (*scan.p == ' ' || *scan.p == '\t')) ++scan.p;
  }
  if (scan.p == scan.end) return Progress::more;
  if (*scan.p != ':' || scan.p == begin) {
    if (*scan.p == ' ' || *scan.p == '\t') {
      return scan.bad(400, scan.p == begin ? "folded or indented field line" : "space before colon");
    }
    return scan.bad(400, scan.p == begin ? "empty field name" : "malformed field name");
  }
  field.id = field_id(field.name);
  ++scan.p;
  if ((seen & kUnderscore) == 0) return Progress::ok;
  const FieldId twin = underscore_twin(field.name);
  if (twin != FieldId::content_length && twin != FieldId::transfer_encoding) return Progress::ok;
  return scan.bad(400, "underscore twin of a framing field");
}

inline Progress read_name(Scan& scan, Field& field, Sender sender) {
  const char* const end = find_odd(scan.p, scan.end);
  if (end == scan.end || *end != ':' || end == scan.p) [[unlikely]]
    return read_odd_name(scan, field, sender);
  field.name = {scan.p, static_cast<std::size_t>(end - scan.p)};
  field.id = field_id(field.name);
  scan.p = end + 1;
  return Progress::ok;
}

// A value with other white space around it than the one space before it, or that is broken.
[[gnu::noinline]] Progress read_odd_value(Scan& scan, Field& field) {
  while (scan.p < scan.end && (*scan.p == ' ' || *scan.p == '\t')) ++scan.p;
  const char* begin = scan.p;
  while (true) {
    scan.p = find_control(scan.p, scan.end);
    if (scan.p == scan.end) return Progress::more;
    if (*scan.p != '\t') break;
    ++scan.p;
  }
  if (*scan.p != '\r' && *scan.p != '\n') return scan.bad(400, "control octet in a field value");
  const char* last = scan.p;
  while (last > begin && (last[-1] == ' ' || last[-1] == '\t')) --last;
  field.value = {begin, static_cast<std::size_t>(last - begin)};
  return scan.line_end();
}

inline Progress read_value(Scan& scan, Field& field) {
  const char* const begin = scan.p + 1;
  if (scan.end - scan.p < 2 || *scan.p != ' ' || *begin <= ' ') [[unlikely]]
    return read_odd_value(scan, field);
  const char* const end = find_control(begin, scan.end);
  if (scan.end - end < 2 || end[0] != '\r' || end[1] != '\n' || end[-1] == ' ') [[unlikely]]
    return read_odd_value(scan, field);
  field.value = {begin, static_cast<std::size_t>(end - begin)};
  scan.p = end + 2;
  return Progress::ok;
}

// All field lines and the empty one.
Progress read_fields(Scan& scan, const HeadLimits& limits, Sender sender, FieldList& fields) {
  while (true) {
    if (scan.p == scan.end) return Progress::more;
    if (*scan.p == '\r' || *scan.p == '\n') return scan.line_end();
    Field field;
    if (const Progress progress = read_name(scan, field, sender); progress != Progress::ok) return progress;
    if (const Progress progress = read_value(scan, field); progress != Progress::ok) return progress;
    if (fields.size() >= limits.max_fields || !fields.push(field)) return scan.bad(431, "too many fields");
  }
}

template <class Head>
Progress read_head(Scan& scan, const HeadLimits& limits, Head& head) {
  head.fields.clear();
  if (const Progress progress = read_start_line(scan, limits, head); progress != Progress::ok) return progress;
  constexpr Sender kSender = std::is_same_v<Head, ResponseHead> ? Sender::server : Sender::client;
  return read_fields(scan, limits, kSender, head.fields);
}

// Could the octets from `seen` on have completed the head, or broken it at a line's end? Looks at each octet once.
bool worth_parsing(std::string_view buffer, std::size_t seen) {
  for (std::size_t i = buffer.find('\n', seen); i != std::string_view::npos; i = buffer.find('\n', i + 1)) {
    if (i == 0 || buffer[i - 1] != '\r') return true;  // a bare LF
    if (i >= 3 && buffer[i - 2] == '\n' && buffer[i - 3] == '\r') return true;
  }
  return false;
}

}  // namespace

Method method_of(std::string_view text) {
  switch (text.size()) {
    case 3:
      return text == "GET" ? Method::get : text == "PUT" ? Method::put : Method::other;
    case 4:
      return text == "POST" ? Method::post : text == "HEAD" ? Method::head : Method::other;
    case 5:
      return text == "PATCH" ? Method::patch : text == "TRACE" ? Method::trace : Method::other;
    case 6:
      return text == "DELETE" ? Method::delete_ : Method::other;
    case 7:
      return text == "OPTIONS" ? Method::options : text == "CONNECT" ? Method::connect : Method::other;
    default:
      return Method::other;
  }
}

bool is_safe(Method method) { return method == Method::get || method == Method::head || method == Method::options; }

bool is_idempotent(Method method) {
  switch (method) {
    case Method::get:
    case Method::head:
    case Method::put:
    case Method::delete_:
    case Method::options:
    case Method::trace:
      return true;
    default:
      return false;
  }
}

template <class Head>
ParseState HeadParser::parse(std::string_view buffer, const HeadLimits& limits, Head& head) {
  const bool over = buffer.size() >= limits.max_head;
  if (seen_ != 0 && !over && !worth_parsing(buffer, seen_)) {
    seen_ = buffer.size();
    return ParseState::incomplete;
  }
  Scan scan{buffer.data(), buffer.data() + buffer.size(), {}};
  Progress progress = read_head(scan, limits, head);
  head.size = static_cast<std::size_t>(scan.p - buffer.data());
  if (progress == Progress::more) {
    seen_ = buffer.size();
    if (!over) return ParseState::incomplete;
    progress = scan.bad(431, "head too large");
  } else if (progress == Progress::ok && head.size > limits.max_head) {
    progress = scan.bad(431, "head too large");
  }
  if (progress == Progress::ok) return ParseState::complete;
  refusal_ = scan.refusal;
  if constexpr (std::is_same_v<Head, ResponseHead>) refusal_.status = 502;
  return ParseState::error;
}

FieldLine parse_field_line(std::string_view input, Sender sender) {
  Scan scan{input.data(), input.data() + input.size(), {}};
  FieldLine line;
  Progress progress = Progress::more;
  if (scan.p < scan.end && (*scan.p == '\r' || *scan.p == '\n')) {
    line.end = true;
    progress = scan.line_end();
  } else {
    progress = read_name(scan, line.field, sender);
    if (progress == Progress::ok) progress = read_value(scan, line.field);
  }
  line.size = static_cast<std::size_t>(scan.p - input.data());
  line.reason = scan.refusal.reason;
  if (progress != Progress::more) line.state = progress == Progress::ok ? ParseState::complete : ParseState::error;
  return line;
}

ParseState HeadParser::parse_request(std::string_view buffer, const HeadLimits& limits, RequestHead& head) {
  return parse(buffer, limits, head);
}

ParseState HeadParser::parse_response(std::string_view buffer, const HeadLimits& limits, ResponseHead& head) {
  return parse(buffer, limits, head);
}

}  // namespace http
