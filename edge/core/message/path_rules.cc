#include "edge/core/message/path_rules.h"

#include <algorithm>
#include <array>
#include <utility>

#include "edge/core/message/target.h"

#include "shared/core/ascii.h"

namespace edge {
namespace {

using shared::fail;

std::string_view without_parameters(std::string_view segment) { return segment.substr(0, segment.find(';')); }

void skip_slashes(std::string_view& path) { path.remove_prefix(std::min(path.find_first_not_of('/'), path.size())); }

// The segment at the front, which is taken off; empty when only slashes are left.
std::string_view take_segment(std::string_view& path) {
  skip_slashes(path);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return shared::is_alphanumeric(c) || c == '_' || c == '-'; });
}

// Plain octets of a path, escapes whole and such as a normalised path has.
bool is_path_text(std::string_view text) {
  constexpr std::string_view kOthers = "?#;{}";
  return has_normal_escapes(text) && std::all_of(text.begin(), text.end(), [&](char c) {
           return c > 0x20 && c < 0x7F && kOthers.find(c) == std::string_view::npos;
         });
}

constexpr std::string_view kNoText = ": no '?', '#', ';' or backslash, no '%61' for 'a'";

// "{name}" or "{name*}" without the braces; nothing when it is none.
std::optional<std::string_view> in_braces(std::string_view segment) {
  if (segment.size() < 3 || segment.front() != '{' || segment.back() != '}') return std::nullopt;
  return segment.substr(1, segment.size() - 2);
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

}  // namespace

std::optional<std::size_t> PathRule::find(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names_.begin());
}

shared::Result<void> PathRule::read_from(std::string_view from) {
  if (!from.starts_with('/')) return fail("from: " + quoted(from) + " does not begin with '/'");
  for (std::string_view segment = take_segment(from); !segment.empty(); segment = take_segment(from)) {
    if (rest_) return fail("from: nothing can follow {NAME*}, which stands for all that is left");
    auto name = in_braces(segment);
    if (!name) {
      if (!is_path_text(segment) || has_dot_segment("/" + std::string(segment))) {
        return fail("from: " + quoted(segment) +
                    " is neither {NAME} nor {NAME*} nor a text that a path has when it is matched" +
                    std::string(kNoText));
      }
      from_.push_back({.literal = std::string(segment)});
      continue;
    }
    rest_ = name->ends_with('*');
    if (rest_) name->remove_suffix(1);
    if (!is_name(*name)) return fail("from: " + quoted(segment) + " has no name of letters, digits, '-' and '_'");
    if (find(*name)) return fail("from: {" + std::string(*name) + "} stands twice");
    if (names_.size() == kMaxCaptures) return fail("from: more than " + std::to_string(kMaxCaptures) + " names");
    if (!rest_) from_.push_back({.literal = {}, .capture = names_.size()});
    names_.emplace_back(*name);
  }
  return {};
}

shared::Result<void> PathRule::read_to(std::string_view to) {
  if (!to.starts_with('/')) return fail("to: " + quoted(to) + " does not begin with '/'");
  if (to.find("//") != std::string_view::npos) return fail("to: " + quoted(to) + " has an empty segment");
  if (has_dot_segment(to)) return fail("to: " + quoted(to) + " has a segment '.' or '..'");
  while (!to.empty()) {
    const std::string_view literal = to.substr(0, to.find_first_of("{}"));
    if (!is_path_text(literal))
      return fail("to: " + quoted(literal) + " cannot stand in a path" + std::string(kNoText));
    if (!literal.empty()) to_.push_back({.literal = std::string(literal)});
    to.remove_prefix(literal.size());
    if (to.empty()) break;
    const std::size_t close = to.find('}');
    const std::string_view name = to.substr(1, close == std::string_view::npos ? close : close - 1);
    const auto capture = find(name);
    if (to.front() != '{' || close == std::string_view::npos || !capture) {
      return fail("to: there is no {" + std::string(name) + "} in from");
    }
    to_.push_back({.literal = {}, .capture = *capture});
    to.remove_prefix(close + 1);
  }
  return {};
}

shared::Result<PathRule> PathRule::parse(std::string_view from, std::string_view to) {
  PathRule rule;
  rule.text_ = std::string(from) + " -> " + std::string(to);
  if (auto read = rule.read_from(from); !read) return tl::unexpected(read.error());
  if (auto read = rule.read_to(to); !read) return tl::unexpected(read.error());
  return rule;
}

shared::Result<PathRule> PathRule::prefixes(std::string_view strip, std::string_view add) {
  const auto bare = [](std::string_view prefix) {
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    return std::string(prefix);
  };
  return parse(bare(strip) + "/{rest*}", bare(add) + "/{rest}");
}

bool PathRule::apply(std::string_view path, std::string& out) const {
  std::array<std::string_view, kMaxCaptures> captures;
  for (const Piece& piece : from_) {
    const std::string_view segment = take_segment(path);
    if (segment.empty()) return false;
    if (piece.capture != kLiteral) {
      captures[piece.capture] = segment;
    } else if (without_parameters(segment) != piece.literal) {
      return false;
    }
  }
  const bool slash = path.starts_with('/');
  skip_slashes(path);
  if (rest_) {
    captures[names_.size() - 1] = path;
  } else if (!path.empty()) {
    return false;
  }
  out.clear();
  for (const Piece& piece : to_) {
    const std::string_view text = piece.capture == kLiteral ? std::string_view(piece.literal) : captures[piece.capture];
    // A capture of nothing between two slashes leaves one of them.
    const bool doubled = text.starts_with('/') && out.ends_with('/');
    out.append(doubled ? text.substr(1) : text);
  }
  if (!rest_ && slash && !out.ends_with('/')) out.push_back('/');
  return true;
}

const PathRule* rewrite_path(const PathRules& rules, std::string_view path, std::string& out) {
  for (const PathRule& rule : rules) {
    if (rule.apply(path, out)) return &rule;
  }
  return nullptr;
}

bool has_dot_segment(std::string_view path) {
  for (std::string_view segment = take_segment(path); !segment.empty(); segment = take_segment(path)) {
    const std::string_view bare = without_parameters(segment);
    if (bare == "." || bare == "..") return true;
  }
  return false;
}

}  // namespace edge
