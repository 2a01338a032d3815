#include "cli/octodns_records.h"

#include <map>
#include <utility>

namespace cli {
namespace {

using shared::fail;
using shared::Result;
using shared::load::Node;

// The fields of one value, in the order of a master file; older names of a field after a bar. A `"` begins one that is
// text.
const std::map<std::string, std::vector<std::string>>& fields() {
  static const std::map<std::string, std::vector<std::string>> table = {
      {"MX", {"preference|priority", "exchange|value"}},
      {"SRV", {"priority", "weight", "port", "target"}},
      {"CAA", {"flags", "tag", "\"value"}},
      {"SSHFP", {"algorithm", "fingerprint_type", "fingerprint"}},
      {"TLSA", {"certificate_usage", "selector", "matching_type", "certificate_association_data"}},
      {"DS", {"key_tag", "algorithm", "digest_type", "digest"}},
      {"NAPTR", {"order", "preference", "\"flags", "\"service", "\"regexp", "replacement"}},
  };
  return table;
}

constexpr std::string_view kPlain[] = {"A", "AAAA", "CNAME", "DNAME", "NS", "PTR"};
constexpr std::size_t kLongestString = 255;

// octoDNS writes `\;` where a master file has `;` in quotes. Strings of 255 octets at most (RFC 1035 3.3.14).
std::string text_data(const std::string& value) {
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size() && value[i + 1] == ';') continue;
    text += value[i];
  }
  std::string out;
  for (std::size_t at = 0; at < text.size() || at == 0; at += kLongestString) {
    std::string part;
    for (const char letter : text.substr(at, kLongestString)) {
      if (letter == '"' || letter == '\\') part += '\\';
      part += letter;
    }
    out += (out.empty() ? "\"" : " \"") + part + "\"";
  }
  return out;
}

Result<std::string> data_of(const std::vector<std::string>& wanted, const Node& value) {
  std::string out;
  for (std::string field : wanted) {
    const bool text = field.front() == '"';
    if (text) field.erase(0, 1);
    const std::size_t bar = field.find('|');
    const Node* node = value.find(field.substr(0, bar));
    if (node == nullptr && bar != std::string::npos) node = value.find(field.substr(bar + 1));
    if (node == nullptr || (!node->is_scalar() && !node->is_null())) return fail("it has no " + field.substr(0, bar));
    out += (out.empty() ? "" : " ") + (text ? text_data(node->text) : node->text);
  }
  return out;
}

Result<std::string> scalar(const Node& value, const std::string& field) {
  const Node* const node = value.find(field);
  if (node == nullptr || !node->is_scalar()) return fail("it has no " + field);
  return node->text;
}

// "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m" (RFC 1876 3).
Result<std::string> location_data(const Node& value) {
  static const std::vector<std::pair<std::string, std::string>> parts = {
      {"lat_degrees", ""},  {"lat_minutes", ""},  {"lat_seconds", ""},     {"lat_direction", ""},
      {"long_degrees", ""}, {"long_minutes", ""}, {"long_seconds", ""},    {"long_direction", ""},
      {"altitude", "m"},    {"size", "m"},        {"precision_horz", "m"}, {"precision_vert", "m"}};
  std::string out;
  for (const auto& [field, unit] : parts) {
    const auto text = scalar(value, field);
    if (!text) return tl::unexpected(text.error());
    out += (out.empty() ? "" : " ") + *text + unit;
  }
  return out;
}

// `alpn: [h2, h3]`, `port: 8443`, `no-default-alpn` alone or with nothing behind it: key, or key=value,value in quotes
// (RFC 9460 2.1). A comma within a value would have been escaped by octoDNS already.
Result<std::string> service_parameter(const Node& parameter) {
  std::string values;
  for (const Node& item : parameter.is_sequence() ? parameter.children : std::vector<Node>{parameter}) {
    if (!item.is_scalar() && !item.is_null()) return fail("svcparams." + parameter.key + " is no text and no list");
    values += (values.empty() ? "" : ",") + item.text;
  }
  if (values.find('"') != std::string::npos) return fail("svcparams." + parameter.key + " has a quotation mark");
  return values.empty() ? parameter.key : parameter.key + "=\"" + values + "\"";
}

// "1 . alpn="h2,h3" port="8443"" (RFC 9460).
Result<std::string> service_data(const Node& value) {
  auto priority = scalar(value, "svcpriority");
  if (!priority) return priority;
  const auto target = scalar(value, "targetname");
  if (!target) return target;
  std::string out = *priority + " " + *target;
  const Node* const parameters = value.find("svcparams");
  for (const Node& parameter : parameters == nullptr ? std::vector<Node>() : parameters->children) {
    auto text = service_parameter(parameter);
    if (!text) return text;
    out += " " + *text;
  }
  return out;
}

Result<std::string> one(const std::string& type, const Node& value) {
  if (type == "TXT" || type == "SPF") return text_data(value.text);
  for (const std::string_view plain : kPlain) {
    if (type == plain) return value.text;
  }
  if (type == "LOC") return location_data(value);
  if (type == "HTTPS" || type == "SVCB") return service_data(value);
  const auto found = fields().find(type);
  if (found == fields().end()) return fail("records of this type are not imported; put it into the zone file by hand");
  return data_of(found->second, value);
}

}  // namespace

Result<std::vector<std::string>> octodns_records(const std::string& type, const Node& record) {
  const Node* value = record.find("values");
  if (value == nullptr) value = record.find("value");
  if (value == nullptr) return fail("it has no value");
  std::vector<std::string> out;
  const bool several = value->is_sequence();
  for (const Node& item : several ? value->children : std::vector<Node>{*value}) {
    auto data = one(type, item);
    if (!data) return tl::unexpected(data.error());
    out.push_back(std::move(*data));
  }
  return out;
}

}  // namespace cli
