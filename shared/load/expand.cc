#include "shared/load/expand.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "shared/core/ascii.h"

namespace shared::load {
namespace {

bool is_variable_name(std::string_view name) {
  if (name.empty() || is_digit(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return is_alphanumeric(c) || c == '_'; });
}

std::string value_of(std::string_view name, const Position& at, const YamlSettings& settings,
                     Diagnostics& diagnostics) {
  if (!is_variable_name(name)) {
    diagnostics.error(at, "'${" + std::string(name) + "}' is not the name of a variable; write $${ for a literal ${");
    return "";
  }
  auto value = settings.environment ? settings.environment(name) : std::nullopt;
  if (value) return *value;
  diagnostics.error(at, "the environment variable '" + std::string(name) + "' is not set");
  return "";
}

}  // namespace

std::string expand(const std::string& text, const Position& at, const YamlSettings& settings,
                   Diagnostics& diagnostics) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t open = text.find("${"); open != std::string::npos; open = text.find("${", done)) {
    const bool literal = open > done && text[open - 1] == '$';
    if (literal) {
      out.append(text, done, open - done - 1).append("${");
      done = open + 2;
      continue;
    }
    const std::size_t close = text.find('}', open);
    if (close == std::string::npos) {
      diagnostics.error(at, "'${' without its '}'; write $${ for a literal ${");
      break;
    }
    out.append(text, done, open - done);
    out += value_of(std::string_view(text).substr(open + 2, close - open - 2), at, settings, diagnostics);
    done = close + 1;
  }
  return out.append(text, done);
}

}  // namespace shared::load
