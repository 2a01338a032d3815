#include "tests/support/backend/answer.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace backend {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.\n";
constexpr std::uint64_t kFillerPiece = 64 * 1024;

constexpr std::array<std::string_view, 11> kEchoed = {
    "Host",         "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP",
    "X-Request-Id", "X-Request-ID",    "X-Customer-Tier",   "Forwarded",        "Via",
    "Traceparent"};

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 404:
      return "Not Found";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Answer";
  }
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  out += '"';
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out += ", ";
  append_string(out, name);
  out += ": ";
  append_string(out, value);
}

bool is_echoed(std::string_view name) {
  return std::ranges::any_of(kEchoed, [name](std::string_view known) { return same_name(known, name); });
}

std::string describe(const Request& request, const Identity& self, const Upload& upload) {
  std::string body;
  body.reserve(512);
  body += '{';
  append_member(body, "server", self.name);
  append_member(body, "pool", self.pool);
  append_member(body, "region", self.region);
  append_member(body, "method", request.method);
  append_member(body, "path", request.target);
  if (request.has_body()) {
    body += ", \"body_bytes\": " + std::to_string(upload.bytes);
    append_member(body, "body_sha256", upload.digest);
  }
  body += ", \"headers\": {";
  const bool all = request.query("headers") == "all";
  for (const Field& field : request.fields) {
    if (all || is_echoed(field.name)) append_member(body, field.name, field.value);
  }
  body += "}}\n";
  return body;
}

struct Shape {
  int status = 200;
  std::string_view type = "application/json";
  std::uint64_t length = 0;
};

// The head for a body of shape.length bytes, framed as the query asks.
Answer start_answer(const Request& request, const Shape& shape) {
  Answer answer;
  const bool bodyless = shape.status == 204 || shape.status == 304;
  answer.chunked = !bodyless && request.query("chunked").has_value();
  answer.trailers = answer.chunked && request.query("trailers").has_value();
  const bool until_close = !answer.chunked && request.query("length") == "none";
  answer.close = !request.keep_alive || until_close || request.query("close").has_value();
  answer.head.reserve(320 + (shape.length < kFillerPiece ? shape.length : 0));
  if (request.query("early")) answer.head += "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
  answer.head += "HTTP/1.1 " + std::to_string(shape.status) + ' ';
  answer.head += reason(shape.status);
  answer.head += "\r\nContent-Type: ";
  answer.head += shape.type;
  if (answer.chunked) {
    answer.head += "\r\nTransfer-Encoding: chunked";
  } else if (!bodyless && !until_close) {
    answer.head += "\r\nContent-Length: " + std::to_string(shape.length);
  }
  if (answer.trailers) answer.head += "\r\nTrailer: X-Backend-Checksum";
  if (answer.close) answer.head += "\r\nConnection: close";
  if (request.method == "HEAD") answer.chunked = answer.trailers = false;
  return answer;
}

void append_who(Answer& answer, const Identity& self) {
  answer.head += "\r\nX-Backend: " + self.name + "\r\nX-Backend-Pool: " + self.pool;
  answer.head += "\r\nX-Backend-Region: " + self.region;
}

bool carries_body(const Request& request, int status) {
  return request.method != "HEAD" && status != 204 && status != 304;
}

// Ends the head and adds a body that is held in memory.
void finish(Answer& answer, std::string_view body) {
  answer.head += "\r\n\r\n";
  if (body.empty() && !answer.chunked) return;
  if (!answer.chunked) {
    answer.head += body;
    return;
  }
  std::array<char, 20> size{};
  for (std::size_t at = 0; at < body.size(); at += 100) {
    const auto piece = body.substr(at, 100);
    const int length = std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
    answer.head.append(size.data(), static_cast<std::size_t>(length)).append(piece).append("\r\n");
  }
  answer.head += answer.trailers ? "0\r\nX-Backend-Checksum: none\r\n\r\n" : "0\r\n\r\n";
  answer.chunked = false;
}

}  // namespace

Answer answer_json(const Request& request, int status, std::string_view body) {
  Answer answer = start_answer(request, {status, "application/json", body.size()});
  finish(answer, carries_body(request, status) ? body : std::string_view{});
  return answer;
}

Answer answer_request(const Request& request, const Identity& self, const Upload& upload) {
  const int status = self.mode == Mode::error
                         ? 500
                         : static_cast<int>(std::clamp<std::uint64_t>(request.query_number("status", 200), 200, 599));
  const bool body_wanted = carries_body(request, status);
  if (request.query("bytes")) {
    const auto bytes = request.query_number("bytes", 0);
    Answer answer = start_answer(request, {status, "text/plain", bytes});
    append_who(answer, self);
    answer.head += "\r\n\r\n";
    if (body_wanted) answer.filler = bytes;
    return answer;
  }
  const bool echo = request.query("echo") && request.has_body();
  const bool plain = request.field("Accept") == "text/plain";
  std::string body = echo    ? upload.payload
                     : plain ? self.name + " (pool " + self.pool + ", region " + self.region + ")\n"
                             : describe(request, self, upload);
  const std::string_view type = echo ? "application/octet-stream" : plain ? "text/plain" : "application/json";
  Answer answer = start_answer(request, {status, type, body.size()});
  append_who(answer, self);
  if (echo) answer.head += "\r\nX-Body-Sha256: " + upload.digest;
  finish(answer, body_wanted ? std::string_view(body) : std::string_view{});
  return answer;
}

Answer answer_health(const Request& request, const Identity& self) {
  const bool well = self.mode != Mode::error && self.mode != Mode::sick;
  std::string body = "{\"status\": \"";
  body += well ? "healthy" : "unhealthy";
  body += "\", \"server\": \"" + self.name + "\", \"cpu_usage\": " + std::to_string(self.cpu_usage);
  body += ", \"memory_usage\": " + std::to_string(self.memory_usage) + "}\n";
  return answer_json(request, well ? 200 : 500, body);
}

bool breaks_answers(Mode mode) {
  return mode == Mode::close || mode == Mode::cut_head || mode == Mode::cut_body || mode == Mode::garbage;
}

Answer broken_answer(Mode mode) {
  Answer answer;
  answer.close = true;
  if (mode == Mode::cut_head) answer.head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Le";
  if (mode == Mode::cut_body) {
    answer.head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5000\r\n\r\n";
    answer.head += filler_at(0, 1000);
  }
  if (mode == Mode::garbage) answer.head = "\x16\x03\x01 this is no HTTP\r\n\r\n";
  return answer;
}

Answer answer_stats(const Request& request, std::span<const Identity> all) {
  std::string body = "[";
  for (const Identity& one : all) {
    if (body.size() > 1) body += ",\n ";
    body += '{';
    append_member(body, "server", one.name);
    append_member(body, "pool", one.pool);
    append_member(body, "region", one.region);
    append_member(body, "address", one.endpoint.to_string());
    append_member(body, "mode", to_string(one.mode));
    body += ", \"served\": " + std::to_string(one.served) + '}';
  }
  body += "]\n";
  return answer_json(request, 200, body);
}

std::string_view filler_at(std::uint64_t offset, std::uint64_t length) {
  static const std::string pattern = [] {
    std::string text;
    while (text.size() < 2 * kFillerPiece) text += kAlphabet;
    return text;
  }();
  return std::string_view(pattern).substr(offset % kAlphabet.size(), std::min(length, kFillerPiece));
}

std::optional<Mode> parse_mode(std::string_view text) {
  if (text == "ok") return Mode::ok;
  if (text == "500") return Mode::error;
  if (text == "sick") return Mode::sick;
  if (text == "reset") return Mode::reset;
  if (text == "hang") return Mode::hang;
  if (text == "off") return Mode::off;
  if (text == "close") return Mode::close;
  if (text == "cut_head") return Mode::cut_head;
  if (text == "cut_body") return Mode::cut_body;
  if (text == "garbage") return Mode::garbage;
  return std::nullopt;
}

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::ok:
      return "ok";
    case Mode::error:
      return "500";
    case Mode::sick:
      return "sick";
    case Mode::reset:
      return "reset";
    case Mode::hang:
      return "hang";
    case Mode::off:
      return "off";
    case Mode::close:
      return "close";
    case Mode::cut_head:
      return "cut_head";
    case Mode::cut_body:
      return "cut_body";
    case Mode::garbage:
      return "garbage";
  }
  return "?";
}

}  // namespace backend
