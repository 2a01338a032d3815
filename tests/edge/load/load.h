#pragma once
// Test helper: a configuration from text, in the file "test.yaml".

#include <gtest/gtest.h>

#include <string>

#include "edge/load/build.h"
#include "edge/load/config.h"
#include "shared/load/yaml.h"

namespace edge::testing {

struct Loaded {
  shared::load::Diagnostics diagnostics;
  shared::load::Config config;
  EdgeConfig edge;

  explicit Loaded(const std::string& text) {
    const auto document = shared::load::read_yaml_text(text, "test.yaml", {}, diagnostics);
    if (!document) return;
    config = shared::load::read_config(*document, diagnostics);
    edge = read_edge_config(config, diagnostics);
  }
};

// Two regions and the given edge section, indented by two.
inline std::string with_regions(const std::string& edge) {
  return "service: shop\nregions:\n  us: {edges: [192.0.2.11]}\n  eu: {edges: [203.0.113.31]}\nedge:\n" + edge;
}

// An edge of one pool, which gets everything.
inline std::string edge_with(const std::string& pool) {
  return "  listen: [{address: \"{edge}:8080\"}]\n  pools:\n    web: " + pool + "\n  routes: [{path: /, pool: web}]\n";
}

}  // namespace edge::testing
