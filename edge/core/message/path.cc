// The path half of target.h: normalisation and decoded twins.

#include <cstddef>
#include <optional>

#include "edge/core/message/target.h"

#include "shared/core/ascii.h"

namespace edge {
namespace {

// The octet of the escape that begins at `at`, if one does.
std::optional<unsigned> escape_at(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size() || text[at] != '%') return std::nullopt;
  const int high = shared::hex_digit(text[at + 1]);
  const int low = shared::hex_digit(text[at + 2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<unsigned>(high * 16 + low);
}

// RFC 3986 2.3: means the same decoded or not.
bool is_unreserved(unsigned c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// Does `lead`, followed by `next`, begin a UTF-8 form longer than it need be (RFC 3629 3)? Some decoders read C0 AF as
// a slash. A lead octet without its continuation is somebody's Latin-1 and left alone.
bool is_overlong(unsigned lead, unsigned next) {
  if (next < 0x80 || next > 0xBF) return false;
  return lead == 0xC0 || lead == 0xC1 || (lead == 0xE0 && next < 0xA0) || (lead == 0xF0 && next < 0x90) ||
         (lead == 0xF8 && next < 0x88) || (lead == 0xFC && next < 0x84);
}

// Nothing to decode, to resolve or to refuse: almost every path.
bool is_plain(std::string_view path) {
  char before = '\0';
  for (const char c : path) {
    if (c == '%' || c == '\\' || c == ';' || (before == '/' && (c == '/' || c == '.'))) return false;
    before = c;
  }
  return true;
}

// Decodes what is unreserved; a literal when something has to be refused.
std::string_view decode_unreserved(std::string_view path, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\') return "backslash in the path";
    if (path[i] != '%') {
      out.push_back(path[i]);
      continue;
    }
    const std::optional<unsigned> octet = escape_at(path, i);
    if (!octet) return "malformed escape in the path";
    if (*octet == 0) return "NUL in the path";
    if (*octet == '\\') return "backslash in the path";
    const std::optional<unsigned> next = escape_at(path, i + 3);
    if (next && is_overlong(*octet, *next)) return "overlong UTF-8 in the path";
    if (is_unreserved(*octet)) {
      out.push_back(static_cast<char>(*octet));
    } else {
      out.append(path.substr(i, 3));
    }
    i += 2;
  }
  return {};
}

void pop_segment(std::string& path, std::size_t& end) {
  while (end > 0 && path[end - 1] != '/') --end;
  if (end > 0) --end;
}

// Removes `.` and `..` segments in place (RFC 3986 5.2.4), and empty ones where slashes merge; a path never climbs
// above its root. REQUIRES: path begins with '/'.
void resolve_segments(std::string& path, Slashes slashes) {
  std::size_t end = 0;  // of what is kept; never past what is read
  std::size_t begin = 1;
  while (begin <= path.size()) {
    std::size_t stop = path.find('/', begin);
    const bool last = stop == std::string::npos;
    if (last) stop = path.size();
    const std::string_view segment(path.data() + begin, stop - begin);
    const bool climbs = segment == "..";
    if (climbs) pop_segment(path, end);
    const bool empty = segment.empty() && (last || slashes == Slashes::merge);
    if (climbs || empty || segment == ".") {
      if (last) path[end++] = '/';
    } else {
      path[end++] = '/';
      for (std::size_t i = begin; i < stop; ++i) path[end++] = path[i];
    }
    begin = stop + 1;
  }
  path.resize(end);
}

// "/..;a/": some upstreams cut parameters from a segment before they resolve it, others after; no honest client asks.
bool has_dressed_dots(std::string_view path) {
  return path.find("/.;") != std::string_view::npos || path.find("/..;") != std::string_view::npos;
}

}  // namespace

http::Checked<NormalPath> normalise_path(std::string_view path, TargetScratch& scratch) {
  if (is_plain(path)) return NormalPath{path, path};
  std::string& merged = scratch.path;
  if (const std::string_view reason = decode_unreserved(path, merged); !reason.empty())
    return http::refuse(400, reason);
  if (has_dressed_dots(merged)) return http::refuse(400, "dot segment with parameters");
  const bool slashes = merged.find("//") != std::string::npos;
  if (slashes) {
    scratch.kept = merged;
    resolve_segments(scratch.kept, Slashes::keep);
  }
  resolve_segments(merged, Slashes::merge);
  NormalPath normal{merged, slashes ? std::string_view(scratch.kept) : std::string_view(merged)};
  if (normal.merged == path) normal.merged = path;
  if (normal.kept == path) normal.kept = path;
  return normal;
}

bool has_normal_escapes(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\') return false;
    if (path[i] != '%') continue;
    const std::optional<unsigned> octet = escape_at(path, i);
    if (!octet || *octet == 0 || *octet == '\\' || is_unreserved(*octet)) return false;
    const std::optional<unsigned> next = escape_at(path, i + 3);
    if (next && is_overlong(*octet, *next)) return false;
    i += 2;
  }
  return true;
}

void cut_parameters(std::string_view path, std::string& plain) {
  plain.clear();
  bool in_parameters = false;
  for (const char c : path) {
    in_parameters = c == ';' || (in_parameters && c != '/');
    if (!in_parameters) plain.push_back(c);
  }
}

bool decode_twin(std::string_view path, Slashes slashes, std::string& twin) {
  twin.clear();
  bool changed = false;
  bool in_parameters = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (const std::optional<unsigned> octet = escape_at(path, i)) {
      c = static_cast<char>(*octet);
      i += 2;
      changed = true;
    }
    if (c == '\\') c = '/';
    in_parameters = c == ';' || (in_parameters && c != '/');
    if (in_parameters) {
      changed = true;
    } else {
      twin.push_back(c);
    }
  }
  if (changed) resolve_segments(twin, slashes);
  return changed;
}

}  // namespace edge
