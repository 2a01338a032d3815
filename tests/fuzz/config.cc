// Any bytes as a configuration file: read as YAML, with the common tables. Includes read no file here that matters:
// names are resolved in a folder that does not exist.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dns/load/config/config.h"
#include "edge/load/config.h"
#include "shared/load/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace shared::load;
  YamlSettings settings;
  settings.max_nodes = 10000;
  settings.environment = [](std::string_view name) {
    return name.size() % 2 == 0 ? std::optional<std::string>(name) : std::nullopt;
  };
  Diagnostics diagnostics;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = read_yaml_text(text, "/nonexistent/meridian/c.yaml", settings, diagnostics);
  if (document) {
    const Config config = read_config(*document, diagnostics);
    static_cast<void>(dns::read_config(config, diagnostics));
    static_cast<void>(edge::read_edge_config(config, diagnostics));
  }
  static_cast<void>(diagnostics.render());
  return 0;
}
