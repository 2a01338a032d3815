#include "edge/core/content/static_files.h"

#include <algorithm>
#include <array>

#include "shared/core/ascii.h"

namespace edge {
namespace {

constexpr std::size_t kLongestName = 255;   // NAME_MAX
constexpr std::size_t kLongestPath = 4000;  // below PATH_MAX
constexpr http::UnixSeconds kYoung = 2;     // clocks of file systems step by up to that much
constexpr std::string_view kWellKnown = ".well-known";

// Nothing where an escape is none, or stands for what is no part of a name.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = shared::hex_digit(text[i + 1]);
      const int low = shared::hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      if (c == '/') return std::nullopt;
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    out += c;
  }
  return out;
}

bool good_name(std::string_view name, bool first, const StaticFiles& files) {
  if (name.size() > kLongestName || name == "." || name == "..") return false;
  return !name.starts_with('.') || files.dotfiles || (first && name == kWellKnown);
}

std::string hex(std::uint64_t value) {
  std::string text;
  do {
    text.insert(text.begin(), shared::kHexDigits[value % 16]);
    value /= 16;
  } while (value > 0);
  return text;
}

}  // namespace

std::string_view StaticFiles::cache_control_of(std::string_view file_name) const {
  const std::string_view ending = ending_of_name(file_name);
  for (const auto& [of, value] : cache_control_by_ending) {
    if (shared::equals_ignoring_case(of, ending)) return value;
  }
  return cache_control;
}

std::optional<std::string> file_of_path(const StaticFiles& files, std::string_view path) {
  path.remove_prefix(std::min(path.size(), files.mount));
  while (path.starts_with('/')) path.remove_prefix(1);
  auto name = decoded(path);
  if (!name || name->size() > kLongestPath) return std::nullopt;
  std::string_view rest = *name;
  for (bool first = true; !rest.empty(); first = false) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    if (slash == 0 || !good_name(rest.substr(0, slash), first, files)) return std::nullopt;
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return name;
}

std::string entity_tag_of(const FileFacts& file, http::UnixSeconds now) {
  std::string tag = file.modified + kYoung > now ? "W/\"" : "\"";
  tag += hex(static_cast<std::uint64_t>(file.modified)) + "." + hex(file.modified_ns);
  return tag + "-" + hex(file.size) + "\"";
}

std::string_view suffix_of(Coding coding) {
  constexpr std::array<std::string_view, kCodings> kSuffixes{"", ".gz", ".br", ".zst"};
  return kSuffixes[static_cast<std::size_t>(coding)];
}

}  // namespace edge
