#include "cli/config_schema.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <charconv>
#include <string_view>
#include <utility>

#include "cli/reference.h"
#include "shared/load/table_doc.h"

namespace cli {
namespace {

namespace json = boost::json;
using shared::load::TableDoc;

constexpr std::string_view kOrList = ", or a list of them";
constexpr std::string_view kSee = "map, see ";

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

json::object any_of(json::array choices) { return {{"anyOf", std::move(choices)}}; }

// A value may come from the environment: "${NAME}".
json::object variable() { return {{"type", "string"}, {"pattern", "\\$\\{"}}; }

// "1, 65535" of "number, 1 to 65535".
json::object number(std::string_view range) {
  json::object schema = {{"type", "number"}};
  double low = 0;
  double high = 0;
  const std::size_t to = range.find(" to ");
  if (to != std::string_view::npos) {
    const auto first = std::from_chars(range.data(), range.data() + to, low);
    const auto second = std::from_chars(range.data() + to + 4, range.data() + range.size(), high);
    if (first.ec == std::errc() && second.ec == std::errc()) {
      schema["minimum"] = low;
      schema["maximum"] = high;
    }
  }
  return any_of({std::move(schema), variable()});
}

// "drop, answer": two or more words and nothing else.
json::array choices(std::string_view type) {
  json::array words;
  while (!type.empty()) {
    const std::size_t end = std::min(type.find(", "), type.size());
    const std::string_view word = type.substr(0, end);
    const auto in_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    if (word.empty() || !std::all_of(word.begin(), word.end(), in_word)) return {};
    words.emplace_back(word);
    type.remove_prefix(std::min(type.size(), end + 2));
  }
  return words.size() < 2 ? json::array() : words;
}

// What the reference says of a type, as a schema; {} where it says what no schema can.
json::object schema_of(std::string_view type) {
  if (type.ends_with(kOrList)) {
    json::object one = schema_of(type.substr(0, type.size() - kOrList.size()));
    json::object list = {{"type", "array"}, {"items", one}};
    return any_of({std::move(one), std::move(list)});
  }
  if (take(type, kSee)) return {{"$ref", "#/$defs/" + std::string(type)}};
  if (take(type, "list of ")) return {{"type", "array"}, {"items", schema_of(type)}};
  if (type.starts_with("map of ") && type.find("`") == std::string_view::npos) {
    const std::size_t colon = type.find(": ");
    if (colon == std::string_view::npos) return {{"type", "object"}};
    return {{"type", "object"}, {"additionalProperties", schema_of(type.substr(colon + 2))}};
  }
  if (type.starts_with("map")) return {{"type", "object"}};
  if (take(type, "number")) return number(type.substr(std::min<std::size_t>(type.size(), 2)));
  if (type == "true or false") return any_of({json::object{{"type", "boolean"}}, variable()});
  if (type.starts_with("duration")) {
    return {{"type", "string"}, {"pattern", "^([0-9.]+(ms|s|m|h|d))+$|\\$\\{"}};
  }
  if (type.starts_with("size")) return {{"type", "string"}, {"pattern", "^[0-9.]+ ?([KMG]i)?B$|\\$\\{"}};
  if (json::array words = choices(type); !words.empty()) {
    return any_of({json::object{{"enum", std::move(words)}}, variable()});
  }
  return {};
}

json::object table_schema(const TableDoc& table) {
  json::object properties;
  json::array required;
  for (const auto& option : table.options) {
    json::object about = schema_of(option.type);
    std::string said = option.doc + " (" + option.type;
    if (option.required) {
      required.emplace_back(option.key);
    } else if (!option.fallback.empty() && option.fallback != "none") {
      said += "; default " + option.fallback;
    }
    about["description"] = said + ")";
    properties[option.key] = std::move(about);
  }
  json::object schema = {{"type", json::array{"object", "null"}},
                         {"description", table.doc},
                         {"properties", std::move(properties)},
                         {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

void collect(const TableDoc& table, json::object& definitions) {
  if (definitions.contains(table.title)) return;
  definitions[table.title] = table_schema(table);
  for (const auto& option : table.options) {
    for (const auto& inner : option.nested) collect(*inner, definitions);
  }
}

// Two spaces an indent, as editors write it.
void write(const json::value& value, const std::string& indent, std::string& out) {
  const bool map = value.is_object();
  if ((map && !value.as_object().empty()) || (value.is_array() && !value.as_array().empty())) {
    const std::string deeper = indent + "  ";
    std::string_view comma;
    out += map ? "{" : "[";
    const auto element = [&](const json::value& inner, const std::string& key) {
      out += std::string(comma) + "\n" + deeper + key;
      write(inner, deeper, out);
      comma = ",";
    };
    if (map) {
      for (const auto& entry : value.as_object()) element(entry.value(), json::serialize(entry.key()) + ": ");
    } else {
      for (const auto& inner : value.as_array()) element(inner, "");
    }
    out += "\n" + indent + (map ? "}" : "]");
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string configuration_schema() {
  json::object definitions;
  const auto tables = configuration_tables();
  for (const auto& table : tables) collect(*table, definitions);
  json::object schema = table_schema(*tables.front());
  schema["type"] = "object";
  schema["properties"].as_object()["include"] =
      json::object{{"description", "Files whose maps are merged into this one"},
                   {"anyOf", json::array{json::object{{"type", "string"}}, json::object{{"type", "array"}}}}};
  // What is required may stand in an included file.
  schema.erase("required");
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "Meridian";
  schema["$defs"] = std::move(definitions);
  std::string out;
  write(schema, "", out);
  return out + "\n";
}

Command config_schema_command(shared::Parser parent) {
  const auto parser = parent.command("config-schema", "Print the JSON Schema of the configuration, for editors");
  parser.footer(
      "Example: meridian config-schema > meridian.schema.json\n"
      "In the first line of a configuration: # yaml-language-server: $schema=meridian.schema.json");
  return {parser, [] {
            print(configuration_schema());
            return Exit::ok;
          }};
}

}  // namespace cli
