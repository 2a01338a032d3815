// Rules of paths and queries, over paths as they come out of normalisation: what is made of them is one path below its
// root, no longer than its parts, with whole escapes, and the rest of a query stays as it was. Input: from, to, target,
// each on a line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "edge/core/message/path_rules.h"
#include "edge/core/message/query_rules.h"
#include "edge/core/message/target.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
  return line;
}

void check_path(const edge::PathRule& rule, std::string_view path) {
  if (!path.starts_with('/')) return;
  edge::TargetScratch scratch;
  const auto normal = edge::normalise_path(path, scratch);
  if (!normal) return;
  std::string out;
  if (!rule.apply(normal->kept, out)) return;
  require(out.starts_with('/') && !out.starts_with("//"));
  require(out.find('?') == std::string::npos || normal->kept.find('?') != std::string_view::npos);
  if (edge::has_dot_segment(out) || !edge::has_normal_escapes(out)) return;
  edge::TargetScratch again;
  const auto read = edge::normalise_path(out, again);
  require(read.has_value() && read->kept == out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view from = take_line(text);
  const std::string_view to = take_line(text);
  const std::string_view target = take_line(text);
  const std::string_view path = target.substr(0, target.find('?'));
  if (const auto rule = edge::PathRule::parse(from, to)) check_path(*rule, path);
  if (const auto rule = edge::PathRule::prefixes(from, to)) check_path(*rule, path);
  edge::QueryRules rules;
  rules.apply({edge::QueryRule::Op::remove, std::string(from)});
  rules.apply({edge::QueryRule::Op::set, std::string(to), std::string(from)});
  std::string out;
  const std::string_view query = target.substr(path.size());
  rules.rewrite(query, out);
  require(out.size() <= query.size() + 3 * (from.size() + to.size()) + 3);
  std::string twice;
  rules.rewrite(out, twice);
  // A parameter without a name may also stand between two separators, of which none is taken for the other.
  require(from == to || from.empty() || to.empty() || twice == out);
  return 0;
}
