#include "edge/core/cache/cache_key.h"

#include <algorithm>
#include <array>

#include "shared/core/ascii.h"
#include "shared/http/cookie.h"

namespace edge {
namespace {

using shared::equals_ignoring_case;

// Fields that frameworks let overrule the method or the target.
constexpr std::array<std::string_view, 12> kOverruling = {"X-HTTP-Method-Override",
                                                          "X-HTTP-Method",
                                                          "X-Method-Override",
                                                          "X-Original-URL",
                                                          "X-Rewrite-URL",
                                                          "X-Forwarded-Prefix",
                                                          "X-Forwarded-Server",
                                                          "X-Forwarded-Scheme",
                                                          "X-Forwarded-Path",
                                                          "X-Original-Host",
                                                          "X-Host",
                                                          "Front-End-Https"};

void append_lower(std::string_view text, std::string& out) {
  const std::size_t before = out.size();
  out.append(text);
  for (char* c = out.data() + before; c != out.data() + out.size(); ++c) *c = shared::lower(*c);
}

void append_part(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append("=").append(value).push_back('\n');  // no value has a line's end
}

bool is_of_query(const CacheKeyPart& part) {
  return part.kind == CacheKeyPart::Kind::query || part.kind == CacheKeyPart::Kind::query_except;
}

bool names(const CacheKeyPart& part, std::string_view name) {
  if (!part.name.ends_with('*')) return part.name == name;
  return name.starts_with(std::string_view(part.name).substr(0, part.name.size() - 1));
}

// The two kinds do not come together.
bool is_kept(const CacheRule& rule, std::string_view name) {
  bool only = false;
  for (const CacheKeyPart& part : rule.key) {
    if (!is_of_query(part)) continue;
    only = part.kind == CacheKeyPart::Kind::query;
    if (names(part, name)) return only;
  }
  return !only;
}

// By which it is told apart here, while its server does not get it.
bool takes_fields_away(const http::FieldList& fields) {
  const http::ConnectionOptions connection = http::connection_options(fields);
  if (connection.named_count == 0) return false;
  return std::ranges::any_of(fields, [&](const http::Field& field) {
    return !http::is_protected(field.id) && !http::is_hop_by_hop(field.id) && connection.names(field.name);
  });
}

// X_Device beside a key of X-Device: frameworks may read both as one.
bool passes_for_a_key(const CacheRule& rule, std::string_view name) {
  return std::ranges::any_of(rule.key, [&](const CacheKeyPart& part) {
    return part.kind == CacheKeyPart::Kind::header && http::equals_as_twin(name, part.name) &&
           !equals_ignoring_case(name, part.name);
  });
}

bool has_doubtful_cookies(const CacheRule& rule, const http::FieldList& fields) {
  return std::ranges::any_of(rule.key, [&](const CacheKeyPart& part) {
    return part.kind == CacheKeyPart::Kind::cookie && http::count_cookie(fields, part.name) > 1;
  });
}

// What Forwarded tells beside the addresses on the way (RFC 7239 4). How it is to be read is the server's affair: of
// what is hidden in a string more is told apart than need be.
void append_parts_of_forwarded(std::string_view value, std::string& out) {
  while (!value.empty()) {
    const std::size_t end = std::min(value.find_first_of(",;"), value.size());
    const std::string_view part = shared::trim(value.substr(0, end));
    value.remove_prefix(std::min(end + 1, value.size()));
    const std::string_view name = part.substr(0, part.find('='));
    const bool address = equals_ignoring_case(name, "for") || equals_ignoring_case(name, "by");
    if (!address && !part.empty()) append_part("Forwarded", part, out);
  }
}

// Of a trusted proxy these pass to servers.
void append_forwarded(const SelectorSource& source, std::string& out) {
  if (!source.client.trusted) return;
  for (const http::Field& field : source.fields) {
    const bool told = field.id == http::FieldId::x_forwarded_host || field.id == http::FieldId::x_forwarded_port ||
                      field.id == http::FieldId::x_forwarded_proto;
    if (told) append_part(http::canonical_name(field.id), field.value, out);
    if (field.id == http::FieldId::forwarded) append_parts_of_forwarded(field.value, out);
  }
}

// "/a/b/c" and "../d" -> "/a/d"; empty segments and what is left of dots stay as servers would see them.
std::string merge_path(std::string_view base, std::string_view reference) {
  std::string path(base.substr(0, base.rfind('/') + 1));
  while (!reference.empty()) {
    const std::size_t stop = std::min(reference.find_first_of("/?"), reference.size());
    const std::string_view segment = reference.substr(0, stop);
    const bool query = stop < reference.size() && reference[stop] == '?';
    const bool slash = stop < reference.size() && !query;
    if (segment == "..") {
      if (path.size() > 1) path.erase(path.rfind('/', path.size() - 2) + 1);
    } else if (segment != ".") {
      path.append(segment);
      if (slash) path.push_back('/');
    }
    if (query) return path.append(reference.substr(stop));
    reference.remove_prefix(std::min(stop + (slash ? 1 : 0), reference.size()));
  }
  return path;
}

}  // namespace

void append_cache_url(const CacheRule& rule, const RequestTarget& target, std::string& out) {
  append_lower(target.authority, out);
  out.append(target.kept);
  if (leaves_parameters_out(rule)) {
    out.append(keyed_query(rule, target.query));
  } else {
    out.append(target.query);
  }
}

bool leaves_parameters_out(const CacheRule& rule) { return std::ranges::any_of(rule.key, is_of_query); }

std::string keyed_query(const CacheRule& rule, std::string_view query) {
  std::string kept;
  if (query.empty()) return kept;
  query.remove_prefix(1);
  while (!query.empty()) {
    const std::size_t stop = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, stop);
    query.remove_prefix(std::min(stop + 1, query.size()));
    if (is_kept(rule, parameter.substr(0, parameter.find('=')))) {
      kept.push_back(kept.empty() ? '?' : '&');
      kept.append(parameter);
    }
  }
  return kept;
}

std::string keyed_target(const CacheRule& rule, std::string_view target) {
  const std::size_t query = std::min(target.find('?'), target.size());
  return std::string(target.substr(0, query)).append(keyed_query(rule, target.substr(query)));
}

http::FieldList fields_with_coding(const http::FieldList& asked, std::string_view coding) {
  http::FieldList fields;
  for (const http::Field& field : asked) {
    if (field.id != http::FieldId::accept_encoding) static_cast<void>(fields.push(field));
  }
  if (coding.empty()) return fields;
  static_cast<void>(fields.push({.name = "Accept-Encoding", .value = coding, .id = http::FieldId::accept_encoding}));
  return fields;
}

void append_selector(const CacheRule& rule, const SelectorSource& source, std::string& out) {
  append_part("scheme", source.scheme, out);
  if (!source.tier.empty()) append_part("tier", source.tier, out);
  if (!source.route.empty()) append_part("route", source.route, out);
  append_forwarded(source, out);
  for (const CacheKeyPart& part : rule.key) {
    if (is_of_query(part)) continue;
    if (part.kind == CacheKeyPart::Kind::cookie) {
      const std::string_view value = http::find_cookie(source.fields, part.name);
      append_part(value.data() == nullptr ? "no cookie" : "cookie", value, out);
      continue;
    }
    for (const http::Field& field : source.fields) {
      if (equals_ignoring_case(field.name, part.name)) append_part("header", field.value, out);
    }
    out.push_back('\n');
  }
}

std::string same_origin_url(const RequestTarget& target, std::string_view scheme, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  std::string url;
  append_lower(target.authority, url);
  const std::size_t colon = reference.find(':');
  const bool absolute = colon != std::string_view::npos && colon < reference.find_first_of("/?");
  if (absolute) {
    if (!equals_ignoring_case(reference.substr(0, colon), scheme)) return {};
    reference.remove_prefix(colon + 1);
    if (!reference.starts_with("//")) return {};
  }
  if (reference.starts_with("//")) {
    reference.remove_prefix(2);
    const std::size_t stop = std::min(reference.find_first_of("/?"), reference.size());
    if (!equals_ignoring_case(reference.substr(0, stop), target.authority)) return {};
    reference.remove_prefix(stop);
    if (reference.empty() || reference.front() == '?') return url.append("/").append(reference);
  }
  if (reference.empty()) return url.append(target.kept).append(target.query);
  if (reference.front() == '?') return url.append(target.kept).append(reference);
  if (reference.front() == '/') return url.append(merge_path("/", reference.substr(1)));
  return url.append(merge_path(target.kept, reference));
}

std::string_view why_bypassed(const BypassSource& source) {
  if (source.has_body) return "a request with a body";
  if (source.upgrades) return "an upgrade";
  if (source.authenticated) return "the route asks who the client is";
  if (source.identified) return "the client is known by its session";
  for (const http::Field& field : source.head.fields) {
    if (field.id != http::FieldId::other) continue;
    const bool overrules =
        std::ranges::any_of(kOverruling, [&](std::string_view name) { return http::equals_as_twin(field.name, name); });
    if (overrules) return "a field that may overrule method or target";
    if (source.rule != nullptr && passes_for_a_key(*source.rule, field.name)) return "a field that may pass for a key";
  }
  if (takes_fields_away(source.head.fields)) return "Connection takes fields away";
  if (source.rule != nullptr && has_doubtful_cookies(*source.rule, source.head.fields)) {
    return "a cookie of the key stands twice";
  }
  return {};
}

bool holds_tag(std::string_view list, std::string_view tag) {
  while (!list.empty()) {
    const std::size_t stop = std::min(list.find_first_of(", \t"), list.size());
    if (list.substr(0, stop) == tag) return !tag.empty();
    list.remove_prefix(std::min(stop + 1, list.size()));
  }
  return false;
}

}  // namespace edge
