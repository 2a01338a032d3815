#include "edge/core/message/query_rules.h"

#include <algorithm>

#include "shared/core/ascii.h"

namespace edge {

void QueryRules::apply(const QueryRule& rule) {
  if (rule.op != QueryRule::Op::add) {
    std::erase_if(appended_, [&](const Appended& one) { return one.name == rule.name; });
    // Of two rules' names the text decides: what a rule says is not encoded.
    if (std::find(dropped_.begin(), dropped_.end(), rule.name) == dropped_.end()) dropped_.push_back(rule.name);
  }
  if (rule.op != QueryRule::Op::remove) {
    appended_.push_back({rule.name, escape_query(rule.name) + "=" + escape_query(rule.value)});
  }
}

bool QueryRules::drops(std::string_view name) const {
  return std::any_of(dropped_.begin(), dropped_.end(),
                     [&](const std::string& dropped) { return decodes_to(name, dropped); });
}

void QueryRules::rewrite(std::string_view query, std::string& out) const {
  out.clear();
  if (query.starts_with('?')) query.remove_prefix(1);
  bool last_dropped = false;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find_first_of("&;"), query.size());
    const std::string_view parameter = query.substr(0, end);
    last_dropped = drops(parameter.substr(0, parameter.find('=')));
    if (!last_dropped) {
      out.append(out.empty() ? "?" : "").append(query.substr(0, std::min(end + 1, query.size())));
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  // The separator goes with what it stood before, unless what is appended takes its place.
  if (last_dropped && (out.ends_with(';') || (out.ends_with('&') && appended_.empty()))) out.pop_back();
  for (const Appended& one : appended_) out.append(out.empty() ? "?" : out.ends_with('&') ? "" : "&").append(one.text);
  if (out == "?") out.clear();
}

bool decodes_to(std::string_view encoded, std::string_view name) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < encoded.size(); ++i, ++at) {
    char c = encoded[i] == '+' ? ' ' : encoded[i];
    if (c == '%' && i + 2 < encoded.size()) {
      const int high = shared::hex_digit(encoded[i + 1]);
      const int low = shared::hex_digit(encoded[i + 2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high * 16 + low);
        i += 2;
      }
    }
    if (at >= name.size() || name[at] != c) return false;
  }
  return at == name.size();
}

std::string escape_query(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (shared::is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out.push_back(c);
    } else {
      out.append({'%', kHex[octet >> 4], kHex[octet & 15]});
    }
  }
  return out;
}

}  // namespace edge
