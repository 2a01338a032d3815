#include "edge/core/content/mime_types.h"

#include <algorithm>
#include <array>
#include <utility>

#include "shared/core/ascii.h"

namespace edge {
namespace {

constexpr std::size_t kLongest = 32;  // octets of an ending

constexpr std::array<std::pair<std::string_view, std::string_view>, 36> kSmall{{
    {"html", "text/html"},        {"htm", "text/html"},        {"css", "text/css"},
    {"js", "text/javascript"},    {"mjs", "text/javascript"},  {"txt", "text/plain"},
    {"md", "text/markdown"},      {"csv", "text/csv"},         {"xml", "application/xml"},
    {"json", "application/json"}, {"map", "application/json"}, {"webmanifest", "application/manifest+json"},
    {"wasm", "application/wasm"}, {"pdf", "application/pdf"},  {"zip", "application/zip"},
    {"gz", "application/gzip"},   {"svg", "image/svg+xml"},    {"png", "image/png"},
    {"jpg", "image/jpeg"},        {"jpeg", "image/jpeg"},      {"gif", "image/gif"},
    {"webp", "image/webp"},       {"avif", "image/avif"},      {"ico", "image/vnd.microsoft.icon"},
    {"woff", "font/woff"},        {"woff2", "font/woff2"},     {"ttf", "font/ttf"},
    {"otf", "font/otf"},          {"mp3", "audio/mpeg"},       {"ogg", "audio/ogg"},
    {"wav", "audio/x-wav"},       {"mp4", "video/mp4"},        {"webm", "video/webm"},
    {"ics", "text/calendar"},     {"vtt", "text/vtt"},         {"rss", "application/rss+xml"},
}};

bool is_type(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) return false;
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

// The next word of a line, which it is cut from.
std::string_view take_word(std::string_view& line) {
  line = shared::trim(line);
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

}  // namespace

MimeTypes::MimeTypes() {
  for (const auto& [ending, type] : kSmall) add(ending, type);
}

MimeTypes::MimeTypes(std::string_view table) : MimeTypes() {
  while (!table.empty()) {
    const std::size_t end = std::min(table.find('\n'), table.size());
    std::string_view line = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    line = line.substr(0, line.find_first_of("#\r"));
    const std::string_view type = take_word(line);
    if (!is_type(type)) continue;
    for (std::string_view ending = take_word(line); !ending.empty(); ending = take_word(line)) add(ending, type);
  }
}

void MimeTypes::add(std::string_view ending, std::string_view type) {
  if (ending.size() > kLongest) return;
  // application/javascript is obsolete (RFC 9239), and old tables have it.
  std::string value(type == "application/javascript" ? std::string_view("text/javascript") : type);
  if (value.starts_with("text/")) value += "; charset=utf-8";
  by_ending_[shared::lower(ending)] = std::move(value);
}

std::string_view MimeTypes::of(std::string_view file_name) const {
  const std::string_view ending = ending_of_name(file_name);
  std::array<char, kLongest> lower;
  if (ending.empty() || ending.size() > lower.size()) return kUnknown;
  for (std::size_t i = 0; i < ending.size(); ++i) lower[i] = shared::lower(ending[i]);
  const auto found = by_ending_.find(std::string_view(lower.data(), ending.size()));
  return found != by_ending_.end() ? std::string_view(found->second) : kUnknown;
}

std::string_view ending_of_name(std::string_view file_name) {
  const std::string_view last = file_name.substr(file_name.rfind('/') + 1);
  const std::size_t dot = last.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view() : last.substr(dot + 1);
}

}  // namespace edge
