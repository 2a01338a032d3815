#include "edge/load/readers.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "edge/core/message/target.h"
#include "shared/core/ascii.h"
#include "shared/load/idn.h"
#include "shared/load/table.h"
#include "shared/load/values.h"

namespace edge {
namespace {

using shared::load::complain;
using shared::load::expect_map;
using shared::load::expect_scalar;
using shared::load::expected;

// A reader of one scalar: `parse` gives the value, or nothing when it is not `what`.
template <class V>
Reader<V> scalar(std::string type, std::string what, std::function<std::optional<V>(const std::string&)> parse,
                 std::function<std::string(const V&)> print) {
  auto read = [what = std::move(what), parse = std::move(parse)](const Node& node,
                                                                 Diagnostics& diagnostics) -> std::optional<V> {
    if (!expect_scalar(node, what, diagnostics)) return std::nullopt;
    std::optional<V> value = parse(node.text);
    if (!value) expected(node, what, diagnostics);
    return value;
  };
  return Reader<V>{std::move(type), std::move(read), std::move(print)};
}

Reader<std::string> text_scalar(std::string type, std::string what, std::function<bool(const std::string&)> valid) {
  auto parse = [valid = std::move(valid)](const std::string& text) {
    return valid(text) ? std::optional<std::string>(text) : std::nullopt;
  };
  return scalar<std::string>(std::move(type), std::move(what), parse, [](const std::string& value) { return value; });
}

bool is_lower_name(std::string_view host) {
  const auto authority = parse_authority(host);
  return authority && authority->port == 0 && authority->host == host &&
         std::none_of(host.begin(), host.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// What may stand in a field's value: no control octets, no white space at the ends.
bool is_field_value(std::string_view value) {
  const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; };
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  if (std::any_of(value.begin(), value.end(), is_control)) return false;
  return value.empty() || (!is_blank(value.front()) && !is_blank(value.back()));
}

bool check_field_name(const Node& element, std::string_view name, Diagnostics& diagnostics) {
  if (http::is_token(name)) return true;
  diagnostics.error(element.key.empty() ? element.at : element.key_at,
                    "'" + std::string(name) + "' is not the name of a header field");
  return false;
}

std::optional<NamedCondition> read_condition(const Node& element, Diagnostics& diagnostics) {
  if (!expect_scalar(element, "a value, or \"*\" for any", diagnostics)) return std::nullopt;
  NamedCondition condition{element.key, std::nullopt, http::field_id(element.key)};
  if (element.text != "*") condition.value = element.text;
  return condition;
}

std::optional<std::vector<NamedCondition>> read_conditions(const Node& node, Diagnostics& diagnostics) {
  if (!expect_map(node, "a map of names and values", diagnostics)) return std::nullopt;
  std::vector<NamedCondition> conditions;
  for (const Node& element : node.children) {
    if (!http::is_token(element.key)) {
      diagnostics.error(element.key_at, node.key + ": '" + element.key + "' is not a valid name");
      continue;
    }
    if (auto condition = read_condition(element, diagnostics)) conditions.push_back(std::move(*condition));
  }
  return conditions;
}

bool check_rule(const Node& element, const HeaderRule& rule, Diagnostics& diagnostics) {
  if (!check_field_name(element, rule.name, diagnostics)) return false;
  if (!rule_may_touch(rule.name)) {
    diagnostics.error(element.key.empty() ? element.at : element.key_at,
                      rule.name + " frames the message or belongs to one connection: no rule may touch it");
    return false;
  }
  if (is_field_value(rule.value)) return true;
  complain(element, "the value has a control character, or white space at its ends", diagnostics);
  return false;
}

void read_values(const Node& node, HeaderRule::Op op, std::vector<HeaderRule>& rules, Diagnostics& diagnostics) {
  if (!expect_map(node, "a map of field names and values", diagnostics)) return;
  for (const Node& element : node.children) {
    if (!expect_scalar(element, "the value of a header field", diagnostics)) continue;
    HeaderRule rule{op, element.key, element.text};
    if (check_rule(element, rule, diagnostics)) rules.push_back(std::move(rule));
  }
}

void read_removals(const Node& node, std::vector<HeaderRule>& rules, Diagnostics& diagnostics) {
  if (!shared::load::expect_sequence(node, "a list of field names", diagnostics)) return;
  for (const Node& element : node.children) {
    if (!expect_scalar(element, "the name of a header field", diagnostics)) continue;
    HeaderRule rule{HeaderRule::Op::remove, element.text, {}};
    if (http::field_id(rule.name) == http::FieldId::host) {
      diagnostics.error(element.at, "Host cannot be removed; it can be set");
    } else if (check_rule(element, rule, diagnostics)) {
      rules.push_back(std::move(rule));
    }
  }
}

std::optional<HeaderRulesConfig> read_header_rules(const Node& node, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 3> kKeys{"set", "add", "remove"};
  if (!expect_map(node, "a map of set, add and remove", diagnostics)) return std::nullopt;
  HeaderRulesConfig config;
  for (const Node& element : node.children) {
    if (std::find(kKeys.begin(), kKeys.end(), element.key) == kKeys.end()) {
      shared::load::unknown_key(element, kKeys, diagnostics);
    }
  }
  if (const Node* remove = node.find("remove")) read_removals(*remove, config.rules, diagnostics);
  if (const Node* set = node.find("set")) read_values(*set, HeaderRule::Op::set, config.rules, diagnostics);
  if (const Node* add = node.find("add")) read_values(*add, HeaderRule::Op::add, config.rules, diagnostics);
  return config;
}

bool read_parameter(const Node& element, QueryRule::Op op, std::string name, QueryRulesConfig& config,
                    Diagnostics& diagnostics) {
  if (!expect_scalar(element, "text", diagnostics)) return false;
  config.rules.push_back({op, std::move(name), op == QueryRule::Op::remove ? std::string() : element.text});
  return true;
}

std::optional<QueryRulesConfig> read_query_rules(const Node& node, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 3> kKeys{"set", "add", "remove"};
  if (!expect_map(node, "a map of set, add and remove", diagnostics)) return std::nullopt;
  QueryRulesConfig config;
  bool good = true;
  for (const Node& element : node.children) {
    if (std::find(kKeys.begin(), kKeys.end(), element.key) == kKeys.end()) {
      shared::load::unknown_key(element, kKeys, diagnostics);
    }
  }
  if (const Node* remove = node.find("remove")) {
    good = shared::load::expect_sequence(*remove, "a list of parameters' names", diagnostics);
    for (const Node& name : remove->children) {
      good = read_parameter(name, QueryRule::Op::remove, name.text, config, diagnostics) && good;
    }
  }
  for (const auto& [key, op] : {std::pair{"set", QueryRule::Op::set}, std::pair{"add", QueryRule::Op::add}}) {
    const Node* values = node.find(key);
    if (values == nullptr) continue;
    good = expect_map(*values, "a map of parameters' names and values", diagnostics) && good;
    for (const Node& value : values->children) {
      good = read_parameter(value, op, value.key, config, diagnostics) && good;
    }
  }
  return good ? std::optional<QueryRulesConfig>(std::move(config)) : std::nullopt;
}

std::optional<TierSourceConfig> read_tier_source(const Node& node, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 2> kKeys{"api_key", "header"};
  const Node* element = shared::load::expect_one_key(node, kKeys, diagnostics);
  if (element == nullptr) return std::nullopt;
  TierSourceConfig source;
  source.at = element->at;
  if (element->key == "api_key") {
    const auto path = shared::load::file_path().read(*element, diagnostics);
    if (!path) return std::nullopt;
    source.keys = *path;
    return source;
  }
  source.source = TierSource::header;
  source.header = element->text;
  if (!expect_scalar(*element, "the name of a header field", diagnostics)) return std::nullopt;
  Node name = *element;
  name.key.clear();
  if (!check_field_name(name, source.header, diagnostics)) return std::nullopt;
  if (http::field_id(source.header) == http::FieldId::other) return source;
  complain(*element, "'" + source.header + "' already has a meaning of its own", diagnostics);
  return std::nullopt;
}

std::optional<HashKey> read_hash_key(const Node& node, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 2> kKeys{"header", "cookie"};
  HashKey key;
  if (node.is_scalar()) {
    if (node.text == "client") return key;
    key.kind = HashKey::Kind::path;
    if (node.text == "path") return key;
    complain(node, "'" + node.text + "' is none of client, path, {header: NAME}, {cookie: NAME}", diagnostics);
    return std::nullopt;
  }
  const Node* element = shared::load::expect_one_key(node, kKeys, diagnostics);
  if (element == nullptr || !expect_scalar(*element, "a name", diagnostics)) return std::nullopt;
  if (!http::is_token(element->text)) {
    complain(*element, "'" + element->text + "' is not the name of a header field or cookie", diagnostics);
    return std::nullopt;
  }
  key.kind = element->key == "header" ? HashKey::Kind::header : HashKey::Kind::cookie;
  key.name = element->text;
  key.field = key.kind == HashKey::Kind::header ? http::field_id(key.name) : http::FieldId::cookie;
  return key;
}

std::string print_hash_key(const HashKey& key) {
  switch (key.kind) {
    case HashKey::Kind::header:
      return "{header: " + key.name + "}";
    case HashKey::Kind::cookie:
      return "{cookie: " + key.name + "}";
    case HashKey::Kind::path:
      return "path";
    case HashKey::Kind::client:
      break;
  }
  return "client";
}

std::optional<StatusRange> parse_status_range(const std::string& text) {
  const auto parse = [](std::string_view digits) -> std::uint16_t {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc{} && end == digits.data() + digits.size() ? value : std::uint16_t{0};
  };
  const std::size_t dash = text.find('-');
  const std::uint16_t low = parse(std::string_view(text).substr(0, dash));
  const std::uint16_t high = dash == std::string::npos ? low : parse(std::string_view(text).substr(dash + 1));
  if (low < 200 || high > 599 || low > high) return std::nullopt;
  return StatusRange{low, high};
}

// Only {host}, {path} and {uri} in braces, and it leads somewhere.
bool is_redirect_target(const std::string& text) {
  if (!is_field_value(text) || text.find(' ') != std::string::npos) return false;
  if (text.rfind("http://", 0) != 0 && text.rfind("https://", 0) != 0 && text.rfind('/', 0) != 0) return false;
  for (std::size_t i = text.find_first_of("{}"); i != std::string::npos; i = text.find_first_of("{}", i)) {
    const std::size_t close = text.find('}', i);
    const std::string name = text.substr(i, close == std::string::npos ? close : close + 1 - i);
    if (name != "{host}" && name != "{path}" && name != "{uri}") return false;
    i = close + 1;
  }
  return true;
}

std::optional<std::string> parse_route_path(const std::string& text) {
  const bool exact = !text.empty() && text.front() == '=';
  const std::string_view path = std::string_view(text).substr(exact ? 1 : 0);
  const auto is_plain = [](char c) { return c > 0x20 && c < 0x7F && c != '?' && c != '#' && c != ';'; };
  if (path.empty() || path.front() != '/' || !std::all_of(path.begin(), path.end(), is_plain)) return std::nullopt;
  TargetScratch scratch;
  const auto normal = normalise_path(path, scratch);
  if (!normal || normal->merged != path) return std::nullopt;
  return text;
}

// What other servers' patterns and frameworks' placeholders look like, which here would stand for themselves alone.
// Empty: none of it is there.
std::string pattern_in_path(const std::string& text) {
  const std::size_t at = text.find_first_of("*^$()[]|\\{}");
  const std::size_t name = text.find("/:");
  if (at == std::string::npos && name == std::string::npos && text.front() != '~') return "";
  const std::string_view path = std::string_view(text).substr(std::min(text.find('/'), text.size()));
  std::string prefix(path.substr(0, path.find_first_of("*^$()[]|\\{}:")));
  while (!prefix.empty() && prefix.back() != '/') prefix.pop_back();
  if (prefix.empty()) prefix = "/";
  return "'" + text + "' looks like a pattern, and a path is none: it matches all below itself; write " + prefix;
}

}  // namespace

Reader<std::string> server_address() {
  return text_scalar("HOST:PORT", "an address and a port such as 10.0.1.10:8080", [](const std::string& text) {
    const auto authority = parse_authority(text);
    return authority && authority->port != 0;
  });
}

namespace {

// Labels of letters, digits, '-' and '_', perhaps a dot at the end.
bool is_dns_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : text) {
    const bool plain = shared::is_alphanumeric(c) || c == '-' || c == '_';
    if (c == '.' ? label == 0 : !plain) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
  }
  return label > 0;
}

}  // namespace

Reader<std::string> server_name() {
  return text_scalar("name", "a name such as backend.internal (an address stands under `address`)",
                     [](const std::string& text) { return is_dns_name(text) && !shared::IpAddress::parse(text); });
}

Reader<std::string> service_name() {
  return text_scalar("_SERVICE._PROTO.NAME", "a service such as _http._tcp.backend.internal",
                     [](const std::string& text) {
                       const std::size_t second = text.find("._");
                       return is_dns_name(text) && text.front() == '_' && second != std::string::npos &&
                              text.find('.', second + 1) < text.size() - 1;
                     });
}

HostAndPort split_address(std::string_view address) {
  const auto authority = parse_authority(address);
  return {std::string(authority->host), authority->port};
}

// Requests have the form of the wire; a route may be written in the one that people read.
Reader<std::string> host_pattern() {
  auto reader = text_scalar(
      "host, `*.` before it for any name below",
      "a host in lower case without a port, such as shop.example or *.shop.example",
      [](const std::string& text) { return is_lower_name(text.rfind("*.", 0) == 0 ? text.substr(2) : text); });
  reader.read = [read = reader.read](const shared::load::Node& node, shared::load::Diagnostics& diagnostics) {
    if (!node.is_scalar() || shared::load::is_ascii(node.text)) return read(node, diagnostics);
    const std::size_t errors = diagnostics.errors();
    shared::load::Node converted = node;
    converted.text = shared::load::ascii_name(node.text, node.at, diagnostics);
    return diagnostics.errors() > errors ? std::optional<std::string>() : read(converted, diagnostics);
  };
  return reader;
}

Reader<std::string> host_header() {
  return text_scalar("host or HOST:PORT", "a host such as shop.example",
                     [](const std::string& text) { return parse_authority(text).has_value(); });
}

Reader<std::string> route_path() {
  auto reader =
      scalar<std::string>("path, `=` before it for exactly this one",
                          "a normalised path such as /api/ or =/login, without query, '//', '.', '..' or escapes of "
                          "plain characters",
                          parse_route_path, [](const std::string& value) { return value; });
  const auto read = reader.read;
  reader.read = [read](const Node& node, Diagnostics& diagnostics) -> std::optional<std::string> {
    const std::string pattern = node.is_scalar() && !node.text.empty() ? pattern_in_path(node.text) : std::string();
    if (pattern.empty()) return read(node, diagnostics);
    complain(node, pattern, diagnostics);
    return std::nullopt;
  };
  return reader;
}

Reader<std::string> request_path() {
  return text_scalar("path", "a path such as /health", [](const std::string& text) {
    return !text.empty() && text.front() == '/' &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F && c != '#'; });
  });
}

Reader<http::Method> method() {
  return shared::load::one_of<http::Method>({{"GET", http::Method::get},
                                             {"HEAD", http::Method::head},
                                             {"POST", http::Method::post},
                                             {"PUT", http::Method::put},
                                             {"DELETE", http::Method::delete_},
                                             {"OPTIONS", http::Method::options},
                                             {"PATCH", http::Method::patch}});
}

Reader<StatusRange> status_range() {
  return scalar<StatusRange>(
      "status, or a range of them", "a status or a range such as 200-299", parse_status_range,
      [](const StatusRange& range) { return std::to_string(range.low) + "-" + std::to_string(range.high); });
}

Reader<std::string> redirect_target() {
  return text_scalar("URL with {host}, {path} and {uri}", "a URL or path such as https://{host}{uri}",
                     is_redirect_target);
}

Reader<std::vector<NamedCondition>> conditions() {
  return shared::load::custom<std::vector<NamedCondition>>("map of NAME: VALUE, `\"*\"` for any value",
                                                           read_conditions);
}

Reader<HeaderRulesConfig> header_rules() {
  return shared::load::custom<HeaderRulesConfig>("map: `set: {NAME: VALUE}`, `add: {NAME: VALUE}`, `remove: [NAME]`",
                                                 read_header_rules);
}

Reader<std::string> log_field() {
  return text_scalar("`query` or a field's name", "query, or a field's name such as User-Agent", http::is_token);
}

Reader<std::string> cookie_name() { return text_scalar("name", "a cookie's name such as MERIDIAN", http::is_token); }

Reader<std::string> cookie_text() {
  return text_scalar("text", "printable and without ';'", [](const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F && c != ';'; });
  });
}

Reader<HashKey> hash_key() {
  return Reader<HashKey>{"`client`, `path`, `{header: NAME}` or `{cookie: NAME}`", read_hash_key, print_hash_key};
}

Reader<std::string> own_field() {
  return shared::load::custom<std::string>("name of a field", [](const Node& node, Diagnostics& diagnostics) {
    std::optional<std::string> name;
    const bool good =
        node.is_scalar() && http::is_token(node.text) && http::field_id(node.text) == http::FieldId::other;
    if (good) name = std::string(node.text);
    if (!good)
      complain(node, "the name of a field that has no other meaning is wanted, X-Client-Cert-Subject", diagnostics);
    return name;
  });
}

Reader<QueryRulesConfig> query_rules() {
  return shared::load::custom<QueryRulesConfig>("`{set: {NAME: VALUE}, add: {NAME: VALUE}, remove: [NAME]}`",
                                                read_query_rules);
}

Reader<SecurityHeaders> security_headers() {
  return shared::load::one_of<SecurityHeaders>(
      {{"none", SecurityHeaders::none}, {"basic", SecurityHeaders::basic}, {"strict", SecurityHeaders::strict}});
}

Reader<std::vector<TierSourceConfig>> tier_sources() {
  return shared::load::list_of(
      shared::load::custom<TierSourceConfig>("`{api_key: FILE}` or `{header: NAME}`", read_tier_source));
}

Reader<std::optional<shared::load::Located<std::string>>> absent() {
  using Absent = std::optional<shared::load::Located<std::string>>;
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<Absent> {
    if (!shared::load::check_word(node, diagnostics)) return std::nullopt;
    if (node.text == "fail") return Absent{};
    return Absent{shared::load::Located<std::string>{node.text, node.at}};
  };
  return Reader<Absent>{"`fail`, or the name of a pool", read,
                        [](const Absent& value) { return value ? value->value : "fail"; }};
}

}  // namespace edge
