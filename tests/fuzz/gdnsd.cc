// A gdnsd's configuration and, behind a line "----", a zone file of arbitrary bytes: refused with a line, or a plan
// whose configuration can be read again. Files that it names lie in a folder that does not exist.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "cli/gdnsd_config.h"
#include "cli/import_gdnsd.h"
#include "shared/load/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kBetween = "\n----\n";
  const std::filesystem::path folder = "/nonexistent/meridian";
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find(kBetween);
  shared::load::Diagnostics diagnostics;
  const auto config = cli::parse_gdnsd_config(text.substr(0, end), (folder / "config").string(), diagnostics);
  if (config.has_value() == diagnostics.failed()) __builtin_trap();
  if (!config) return 0;
  std::string zone;
  if (end != std::string_view::npos) zone = text.substr(end + kBetween.size());
  cli::ImportPlan plan;
  cli::import_gdnsd(*config, folder, {{folder / "zones" / "shop.example", zone}}, plan);
  const cli::ImportFiles made = cli::write_import(plan);
  shared::load::Diagnostics read;
  const auto document = shared::load::read_yaml_text(made.configuration, "meridian.yaml", {}, read);
  if (!document || read.failed()) __builtin_trap();
  return 0;
}
