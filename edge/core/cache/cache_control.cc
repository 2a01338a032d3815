#include "edge/core/cache/cache_control.h"

#include <algorithm>

#include "edge/core/cache/structured_field.h"

namespace edge {
namespace {

using http::equals_ignoring_case;

struct Directive {
  std::string_view name;
  std::string_view value;
  bool has_value = false;
  bool garbled = false;  // its syntax is none
};

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Octets up to the quote that ends a string; npos: there is none.
std::size_t closing_quote(std::string_view text, std::size_t from) {
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i;
    }
  }
  return std::string_view::npos;
}

// Takes one directive from the front; nothing when a string in it has no end.
std::optional<Directive> take_directive(std::string_view& list) {
  Directive directive;
  const std::size_t stop = std::min(list.find_first_of("=,"), list.size());
  const std::string_view name = list.substr(0, stop);
  directive.name = shared::trim(name);
  const bool valued = stop < list.size() && list[stop] == '=';
  directive.garbled = !http::is_token(directive.name) || (valued && is_space(name.back()));
  list.remove_prefix(valued ? stop + 1 : stop);
  if (!valued) return directive;
  directive.has_value = true;
  std::size_t end = std::min(list.find(','), list.size());
  if (!list.empty() && list.front() == '"') {
    const std::size_t quote = closing_quote(list, 1);
    if (quote == std::string_view::npos) return std::nullopt;
    directive.value = list.substr(1, quote - 1);
    end = std::min(list.find(',', quote), list.size());
    if (!shared::trim(list.substr(quote + 1, end - quote - 1)).empty()) directive.garbled = true;
  } else {
    const std::string_view value = list.substr(0, end);
    directive.value = shared::trim(value);
    if (!http::is_token(directive.value) || is_space(value.front())) directive.garbled = true;
  }
  list.remove_prefix(end);
  return directive;
}

// False when what stands behind some point cannot be read.
template <class Visit>
bool for_each_directive(std::string_view list, Visit&& visit) {
  while (true) {
    while (!list.empty() && (list.front() == ',' || is_space(list.front()))) list.remove_prefix(1);
    if (list.empty()) return true;
    const std::optional<Directive> directive = take_directive(list);
    if (!directive) return false;
    if (!directive->name.empty()) visit(*directive);
  }
}

// A second one that says something else makes it 0.
void set_delta(DeltaDirective& delta, const Directive& directive) {
  const std::optional<Delta> seconds =
      directive.has_value && !directive.garbled ? parse_delta(directive.value) : std::nullopt;
  const Delta said = seconds.value_or(0);
  delta.seconds = delta.given && delta.seconds != said ? 0 : said;
  delta.given = true;
}

bool names_delta(ResponseDirectives& found, const Directive& directive) {
  if (equals_ignoring_case(directive.name, "max-age")) {
    set_delta(found.max_age, directive);
  } else if (equals_ignoring_case(directive.name, "s-maxage")) {
    set_delta(found.s_maxage, directive);
  } else if (equals_ignoring_case(directive.name, "stale-while-revalidate")) {
    set_delta(found.stale_while_revalidate, directive);
  } else if (equals_ignoring_case(directive.name, "stale-if-error")) {
    set_delta(found.stale_if_error, directive);
  } else {
    return false;
  }
  return true;
}

// no-cache and private, with or without fields.
void restrict_fields(ResponseDirectives& found, const Directive& directive, bool& whole) {
  const bool listed = directive.has_value && !directive.garbled && found.omitted_count < ResponseDirectives::kMaxLists;
  if (!listed) {
    whole = true;
    return;
  }
  found.omitted[found.omitted_count++] = directive.value;
}

void take(ResponseDirectives& found, const Directive& directive) {
  if (names_delta(found, directive)) return;
  const std::string_view name = directive.name;
  if (equals_ignoring_case(name, "no-store")) {
    found.no_store = true;
  } else if (equals_ignoring_case(name, "no-cache")) {
    restrict_fields(found, directive, found.no_cache);
  } else if (equals_ignoring_case(name, "private")) {
    restrict_fields(found, directive, found.is_private);
  } else if (equals_ignoring_case(name, "must-revalidate")) {
    found.must_revalidate = true;
  } else if (equals_ignoring_case(name, "proxy-revalidate")) {
    found.proxy_revalidate = true;
  } else if (equals_ignoring_case(name, "must-understand")) {
    found.must_understand = true;
  } else if (equals_ignoring_case(name, "public")) {
    found.is_public = !directive.garbled;
  }
}

void take(RequestDirectives& found, const Directive& directive) {
  const std::string_view name = directive.name;
  if (equals_ignoring_case(name, "no-cache")) {
    found.no_cache = true;
  } else if (equals_ignoring_case(name, "no-store")) {
    found.no_store = true;
  } else if (equals_ignoring_case(name, "only-if-cached")) {
    found.only_if_cached = true;
  } else if (equals_ignoring_case(name, "max-age")) {
    set_delta(found.max_age, directive);
  } else if (equals_ignoring_case(name, "min-fresh")) {
    set_delta(found.min_fresh, directive);
  } else if (equals_ignoring_case(name, "max-stale")) {
    if (directive.has_value) {
      set_delta(found.max_stale, directive);
    } else {
      found.any_stale = true;
    }
  }
}

// A member of the dictionary that has a meaning here; false when its type is another (RFC 9213 2.1).
bool take_member(ResponseDirectives& found, const DictionaryMember& member) {
  Directive directive{.name = member.key, .value = member.value};
  const bool delta = member.key == "max-age" || member.key == "s-maxage" || member.key == "stale-while-revalidate" ||
                     member.key == "stale-if-error";
  if (delta) {
    if (member.type != DictionaryMember::Type::integer || member.value.front() == '-') return false;
    directive.has_value = true;
    DeltaDirective fresh;
    ResponseDirectives one;
    names_delta(one, directive);
    // The last of several counts (RFC 8941 4.2.2).
    for (const auto which : {&ResponseDirectives::max_age, &ResponseDirectives::s_maxage,
                             &ResponseDirectives::stale_while_revalidate, &ResponseDirectives::stale_if_error}) {
      fresh = one.*which;
      if (fresh.given) found.*which = fresh;
    }
    return true;
  }
  const bool listed = (member.key == "no-cache" || member.key == "private") &&
                      (member.type == DictionaryMember::Type::string || member.type == DictionaryMember::Type::token);
  if (!listed && member.type != DictionaryMember::Type::yes) return member.type != DictionaryMember::Type::no;
  directive.has_value = listed;
  take(found, directive);
  return true;
}

// Nothing: there is none that is well formed, and it is as if it were not there.
std::optional<ResponseDirectives> targeted_directives(const http::FieldList& fields) {
  ResponseDirectives found;
  found.targeted = true;
  bool any = false;
  for (const http::Field& field : fields) {
    if (field.id != http::FieldId::other || !equals_ignoring_case(field.name, "CDN-Cache-Control")) continue;
    bool typed = true;
    const bool parsed = for_each_member(field.value, [&](const DictionaryMember& member) {
      any = true;
      typed = take_member(found, member) && typed;
    });
    if (!parsed || !typed) return std::nullopt;
  }
  if (!any) return std::nullopt;
  return found;
}

}  // namespace

std::optional<Delta> parse_delta(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = std::min<std::uint64_t>(value * 10 + static_cast<std::uint64_t>(c - '0'), kMaxDelta);
  }
  return static_cast<Delta>(value);
}

bool ResponseDirectives::omits(std::string_view field) const {
  for (std::size_t i = 0; i < omitted_count; ++i) {
    bool named = false;
    http::for_each_element(omitted[i],
                           [&](std::string_view name) { named = named || equals_ignoring_case(name, field); });
    if (named) return true;
  }
  return false;
}

ResponseDirectives response_directives(const http::FieldList& fields) {
  if (auto targeted = targeted_directives(fields)) return *targeted;
  ResponseDirectives found;
  if (!fields.has(http::FieldId::cache_control)) return found;
  for (const http::Field& field : fields) {
    if (field.id != http::FieldId::cache_control) continue;
    const bool read = for_each_directive(field.value, [&](const Directive& directive) { take(found, directive); });
    if (!read) found.no_store = true;  // what cannot be read may have said so
  }
  return found;
}

RequestDirectives request_directives(const http::FieldList& fields) {
  RequestDirectives found;
  if (!fields.has(http::FieldId::cache_control)) {
    for (const http::Field& field : fields) {
      if (field.id != http::FieldId::pragma) continue;
      http::for_each_element(field.value, [&](std::string_view word) {
        found.no_cache = found.no_cache || equals_ignoring_case(word, "no-cache");
      });
    }
    return found;
  }
  for (const http::Field& field : fields) {
    if (field.id != http::FieldId::cache_control) continue;
    const bool read = for_each_directive(field.value, [&](const Directive& directive) { take(found, directive); });
    if (!read) found.no_cache = true;
  }
  return found;
}

}  // namespace edge
