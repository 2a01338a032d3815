#pragma once
// Shared by the tests of shared/load: reads a text as the file "c.yaml" and gives the rendered problems.

#include <string>
#include <string_view>

#include "shared/load/config.h"

namespace shared::load::testing {

inline YamlSettings no_environment() { return YamlSettings{}; }

// A complete document of the common sections, to which a test adds what it is about.
inline constexpr std::string_view kMinimal = "service: shop\nregions: {eu: {edges: [192.0.2.1]}}\nedge: {}\n";

struct Outcome {
  Config config;
  std::string problems;
};

inline Outcome read(std::string_view text) {
  Diagnostics diagnostics;
  Outcome out;
  const auto document = read_yaml_text(text, "c.yaml", no_environment(), diagnostics);
  if (document) out.config = read_config(*document, diagnostics);
  out.problems = diagnostics.render();
  return out;
}

// Reads `text` with one reader and gives the problems.
template <class V>
std::string problems_of(const Reader<V>& reader, std::string_view text) {
  Diagnostics diagnostics;
  const auto document = read_yaml_text("key: " + std::string(text), "c.yaml", no_environment(), diagnostics);
  if (document) static_cast<void>(reader.read(document->children.at(0), diagnostics));
  return diagnostics.render();
}

template <class V>
std::optional<V> value_of(const Reader<V>& reader, std::string_view text) {
  Diagnostics diagnostics;
  const auto document = read_yaml_text("key: " + std::string(text), "c.yaml", no_environment(), diagnostics);
  return document ? reader.read(document->children.at(0), diagnostics) : std::nullopt;
}

}  // namespace shared::load::testing
