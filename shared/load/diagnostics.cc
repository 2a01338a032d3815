#include "shared/load/diagnostics.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "shared/core/ascii.h"

namespace shared::load {
namespace {

// Characters of UTF-8 that look like nothing, like a space, or turn the text around them.
struct Hidden {
  std::string_view octets;
  std::string_view shown;
};
constexpr std::array<Hidden, 13> kHidden = {{{"\u00A0", "\\u00a0"},
                                             {"\u00AD", "\\u00ad"},
                                             {"\u200B", "\\u200b"},
                                             {"\u200C", "\\u200c"},
                                             {"\u200D", "\\u200d"},
                                             {"\u200E", "\\u200e"},
                                             {"\u200F", "\\u200f"},
                                             {"\u2028", "\\u2028"},
                                             {"\u202A", "\\u202a"},
                                             {"\u202D", "\\u202d"},
                                             {"\u202E", "\\u202e"},
                                             {"\u2060", "\\u2060"},
                                             {"\uFEFF", "\\ufeff"}}};

std::string visible(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    const auto hidden = std::ranges::find_if(
        kHidden, [&](const Hidden& one) { return octet >= 0x80 && text.substr(i).starts_with(one.octets); });
    if (hidden != kHidden.end()) {
      out += hidden->shown;
      i += hidden->octets.size() - 1;
    } else if (octet < 0x20 || octet == 0x7F) {
      out += "\\x";
      out += kHexDigits[octet >> 4];
      out += kHexDigits[octet & 15];
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string left_off(std::size_t count, std::string_view kind) {
  return std::to_string(count) + " more " + std::string(kind) + (count == 1 ? " is" : "s are") + " left off";
}

}  // namespace

std::string Position::to_string() const {
  std::string out = file ? *file : std::string("configuration");
  if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  return out;
}

std::string Diagnostic::to_string() const {
  return visible(at.to_string()) + (severity == Severity::error ? ": error: " : ": warning: ") + visible(message);
}

void Diagnostics::error(const Position& at, std::string message) {
  list_.push_back({Severity::error, at, std::move(message)});
  ++errors_;
}

void Diagnostics::warning(const Position& at, std::string message) {
  list_.push_back({Severity::warning, at, std::move(message)});
}

std::vector<Diagnostic> Diagnostics::told() const {
  if (list_.size() <= kMostTold) return list_;
  std::vector<Diagnostic> out;
  std::size_t more_errors = 0;
  std::size_t more_warnings = 0;
  std::array<std::size_t, 2> kept{};
  for (const Diagnostic& diagnostic : list_) {
    const bool error = diagnostic.severity == Severity::error;
    std::size_t& same = kept[error ? 0 : 1];
    if (same == kMostTold) {
      ++(error ? more_errors : more_warnings);
    } else {
      out.push_back(diagnostic);
      ++same;
    }
  }
  if (more_errors > 0) out.push_back({Severity::error, {}, left_off(more_errors, "error")});
  if (more_warnings > 0) out.push_back({Severity::warning, {}, left_off(more_warnings, "warning")});
  return out;
}

std::string Diagnostics::render() const {
  std::string out;
  for (const Diagnostic& diagnostic : told()) out += diagnostic.to_string() + "\n";
  return out;
}

}  // namespace shared::load
