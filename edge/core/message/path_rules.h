#pragma once
// PathRules: which path servers get in the place of the client's. A rule has a template of segments and what is made of
// a path that fits it; the first that fits is applied, a path that fits none stays as it is.
//
//   from: /users/{id}/{rest*}     to: /v2/accounts/{id}/{rest}      /users/7/a/b -> /v2/accounts/7/a/b
//
// {name} stands for exactly one segment, {name*} at the end for all that are left, none included: a template is walked
// once from left to right, so no path costs more than its length. Segments are compared as routes compare them: without
// parameters, with empty ones passed over. Immutable, part of a route, any thread.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/result.h"

namespace edge {

class PathRule {
 public:
  static constexpr std::size_t kMaxCaptures = 16;

  // The error says what is wrong with the templates.
  [[nodiscard]] static shared::Result<PathRule> parse(std::string_view from, std::string_view to);
  // Without the segments of `strip` at the front, with those of `add` there instead; "/" or empty: nothing.
  [[nodiscard]] static shared::Result<PathRule> prefixes(std::string_view strip, std::string_view add);

  // Replaces `out`; false: the path does not fit. REQUIRES: `path` is RequestTarget::kept of another form than "*".
  [[nodiscard]] bool apply(std::string_view path, std::string& out) const;
  // "/a/{x} -> /b/{x}", for explain.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  static constexpr std::size_t kLiteral = kMaxCaptures;

  struct Piece {
    std::string literal;
    std::size_t capture = kLiteral;  // index, or a literal
  };

  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
  [[nodiscard]] shared::Result<void> read_from(std::string_view from);
  [[nodiscard]] shared::Result<void> read_to(std::string_view to);

  std::vector<Piece> from_;  // segments
  bool rest_ = false;        // what is behind them is the last capture; else nothing may be
  std::vector<Piece> to_;    // text
  std::vector<std::string> names_;
  std::string text_;
};

using PathRules = std::vector<PathRule>;

// The first rule that fits, null if none does; `out` then has the path.
[[nodiscard]] const PathRule* rewrite_path(const PathRules& rules, std::string_view path, std::string& out);

// Does a segment of the path mean another one ("." or "..", with or without parameters)? What rules make of captures
// must not.
[[nodiscard]] bool has_dot_segment(std::string_view path);

}  // namespace edge
