#pragma once
// Reads configuration files into a Node tree: YAML syntax (yaml-cpp), `include:` and `${VARIABLE}`. Everything wrong is
// a diagnostic with its place. Blocks on files; used by start, reload and `meridian check`, each on its own thread.
//
//   include: FILE or [FILE, ...]   at the top of a file: maps of those files are merged into this one, deeply; a key
//   that
//                                  is no map in both and stands in two places is an error that names both
//   ${NAME}                        in any scalar: the environment variable; unset is an error but in parts that are not
//                                  read; $${ is a literal ${
//   &name, *name                   anchors and aliases work; the copies count against the bound on nodes

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/load/dns_nodes.h"
#include "shared/load/files.h"
#include "shared/load/node.h"
#include "shared/load/parsed_texts.h"

namespace shared::load {

struct YamlSettings {
  std::function<std::optional<std::string>(std::string_view name)> environment;  // empty: no variable is set
  std::size_t max_nodes = 1'000'000;  // over all files, copies of aliases included
  unsigned max_includes = 16;         // depth
  Files files = disk();
  std::shared_ptr<ParsedTexts> parsed;  // of a reader before, with the same settings; null: there is none
  std::vector<std::string> unread;      // parts that this program does not read: "edge", "admin.edge"
  NodeChoice node;                      // what `{node}` stands for; load_sections() puts it in
};

// The process's own environment (getenv): what the programs use.
[[nodiscard]] YamlSettings process_settings();

// Null when there is nothing to go on with; the reasons are in `diagnostics`. An empty file is an empty map.
[[nodiscard]] std::optional<Node> read_yaml_file(const std::string& path, const YamlSettings& settings,
                                                 Diagnostics& diagnostics);
// The same from memory. `name` stands for the file: in messages, and its folder is where includes and paths start.
[[nodiscard]] std::optional<Node> read_yaml_text(std::string_view text, const std::string& name,
                                                 const YamlSettings& settings, Diagnostics& diagnostics);

}  // namespace shared::load
