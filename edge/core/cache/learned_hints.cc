#include "edge/core/cache/learned_hints.h"

#include <algorithm>
#include <array>
#include <utility>

#include "edge/core/cache/cache_control.h"
#include "shared/core/ascii.h"

namespace edge {
namespace {

// One link of a list, without its comma; commas in <> and in quotes are none.
std::string_view take_link(std::string_view& list) {
  bool quoted = false;
  bool target = false;
  std::size_t at = 0;
  for (; at < list.size(); ++at) {
    const char c = list[at];
    if (quoted && c == '\\') {
      ++at;
    } else if (c == '"' && !target) {
      quoted = !quoted;
    } else if (!quoted && (c == '<' || c == '>')) {
      target = c == '<';
    } else if (c == ',' && !quoted && !target) {
      break;
    }
  }
  const std::string_view link = list.substr(0, std::min(at, list.size()));
  list.remove_prefix(std::min(at + 1, list.size()));
  return shared::trim(link);
}

bool is_wanted_relation(std::string_view relations) {
  constexpr std::array<std::string_view, 3> kWanted{"preload", "preconnect", "modulepreload"};
  while (!relations.empty()) {
    const std::size_t stop = std::min(relations.find(' '), relations.size());
    const std::string_view one = relations.substr(0, stop);
    if (std::ranges::any_of(kWanted, [&](std::string_view name) { return shared::equals_ignoring_case(one, name); })) {
      return true;
    }
    relations.remove_prefix(std::min(stop + 1, relations.size()));
  }
  return false;
}

bool is_wanted(std::string_view link) {
  if (!link.starts_with('<') || link.size() > LearnedHints::kMostOctets) return false;
  if (!std::ranges::all_of(link, [](char c) { return c >= ' ' && c < 0x7F; })) return false;
  std::size_t at = link.find('>');
  while (at != std::string_view::npos) {
    at = link.find(';', at);
    if (at == std::string_view::npos) return false;
    const std::string_view parameter = shared::trim(link.substr(at + 1, link.find(';', at + 1) - at - 1));
    ++at;
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) continue;
    if (!shared::equals_ignoring_case(shared::trim(parameter.substr(0, equals)), "rel")) continue;
    std::string_view value = shared::trim(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return is_wanted_relation(value);
  }
  return false;
}

}  // namespace

std::vector<std::string> links_to_hint(const http::FieldList& request, const http::ResponseHead& answer) {
  std::vector<std::string> links;
  const ResponseDirectives directives = response_directives(answer.fields);
  if (answer.status != 200 || directives.is_private || directives.no_store) return links;
  const bool shown = request.has(http::FieldId::authorization) || request.has(http::FieldId::x_api_key);
  if (shown || answer.fields.has(http::FieldId::set_cookie)) return links;
  for (const http::Field& field : answer.fields) {
    if (!shared::equals_ignoring_case(field.name, "Link")) continue;
    std::string_view list = field.value;
    while (!list.empty() && links.size() < LearnedHints::kMostLinks) {
      const std::string_view link = take_link(list);
      if (is_wanted(link)) links.emplace_back(link);
    }
  }
  return links;
}

void LearnedHints::learn(std::string_view url, std::vector<std::string> links, shared::TimePoint now) {
  if (url.size() > kMostOctets) return;
  const auto found = known_.find(std::string(url));
  if (found != known_.end()) {
    found->second = {.links = std::move(links), .until = now + kGood};
    return;
  }
  if (links.empty()) return;
  known_.emplace(url, Known{.links = std::move(links), .until = now + kGood});
  order_.emplace_back(url);
  if (order_.size() <= kMost) return;
  known_.erase(order_.front());
  order_.pop_front();
}

const std::vector<std::string>* LearnedHints::find(std::string_view url, shared::TimePoint now) const {
  if (known_.empty()) return nullptr;
  const auto found = known_.find(std::string(url));
  const bool good = found != known_.end() && found->second.until > now && !found->second.links.empty();
  return good ? &found->second.links : nullptr;
}

}  // namespace edge
