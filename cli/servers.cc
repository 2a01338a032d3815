#include "cli/servers.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

#include "shared/load/config.h"
#include "shared/load/file.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using shared::fail;
using shared::Result;

// Sockets that are there, and what was looked at for the message when none is.
class Search {
 public:
  void look(const fs::path& folder) {
    const fs::path path = folder / shared::load::kAdminSocket;
    std::error_code error;
    if (fs::is_socket(fs::status(path, error))) {
      found_.push_back("unix:" + path.string());
    } else if (error == std::errc::permission_denied) {
      forbidden_ = path.string();
    }
  }

  [[nodiscard]] Result<std::vector<std::string>> result() {
    if (!found_.empty() || forbidden_.empty()) return std::move(found_);
    return fail("permission denied: " + forbidden_ + "; be root, or in the group of the server");
  }

 private:
  std::vector<std::string> found_;
  std::string forbidden_;
};

// The servers of one state directory.
struct Place {
  Result<std::vector<std::string>> servers;
  fs::path directory;
};

Result<Place> of_configuration(const std::string& file, Role role) {
  shared::load::Diagnostics diagnostics;
  const auto config =
      shared::load::load_config(file, shared::load::settings_for(shared::load::Role::both), diagnostics);
  if (!config) return fail(diagnostics.render() + "the configuration cannot be read");
  Search search;
  if (role != Role::edge) search.look(shared::load::dns_state_directory(*config));
  for (const auto& region : config->regions) {
    if (role == Role::dns) break;
    for (const auto& edge : region.value.edges) search.look(shared::load::edge_state_directory(*config, edge.value));
  }
  return Place{search.result(), fs::absolute(config->state_directory)};
}

Place of_usual_place(Role role) {
  const fs::path directory = shared::load::Config().state_directory;
  Search search;
  std::error_code error;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(directory, error)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  for (const fs::path& folder : folders) {
    const std::string name = folder.filename();
    if (name == "dns" ? role != Role::edge : name.starts_with("edge-") && role != Role::dns) search.look(folder);
  }
  return {search.result(), directory};
}

Result<Place> look(const ServerOptions& options, Role role) {
  return options.file.empty() ? Result<Place>(of_usual_place(role)) : of_configuration(options.file, role);
}

Result<std::string> read_key(const std::string& file) {
  if (file.empty()) return std::string();
  auto text = shared::load::read_file(file, {.largest = 4096});
  if (!text) return fail("--key: cannot read " + file + ": " + text.error().message);
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r' || text->back() == ' ')) text->pop_back();
  return text;
}

}  // namespace

void add_server_options(shared::Parser parser, ServerOptions& options, FileAs file) {
  const auto servers =
      parser.option("--server", options.servers,
                    "Admin address: unix:/PATH or 127.0.0.1:PORT; may be repeated. Else the servers on "
                    "this machine that run with the configuration, found by their state directory");
  servers.one_each();
  const char* const help = "Configuration of the servers on this machine; none: those in /var/lib/meridian";
  parser.option(file == FileAs::argument ? "FILE" : "--config", options.file, help).excludes(servers);
  parser.option("--key", options.key, "File with the key of admin.key, for changes over TCP");
}

Result<std::vector<std::string>> find_servers(const ServerOptions& options, Role role) {
  if (!options.servers.empty()) return options.servers;
  auto place = look(options, role);
  if (!place) return tl::unexpected(place.error());
  if (place->servers && place->servers->empty()) {
    return fail("no server runs with the state directory " + place->directory.string() +
                ": name a configuration file, or --server ADDRESS");
  }
  return std::move(place->servers);
}

Result<std::vector<std::string>> running_servers(const std::string& file, Role role) {
  auto place = look({.servers = {}, .file = file, .key = {}}, role);
  if (!place) return tl::unexpected(place.error());
  return std::move(place->servers);
}

Result<AdminCall> call_with_key(const ServerOptions& options, const AdminCall& call) {
  auto key = read_key(options.key);
  if (!key) return tl::unexpected(key.error());
  AdminCall with_key = call;
  with_key.key = std::move(*key);
  return with_key;
}

Exit ask_each(const ServerOptions& options, Role role, const AdminCall& call, const Show& show) {
  const auto servers = find_servers(options, role);
  if (!servers) return complain(Exit::failed, servers.error().message);
  const auto with_key = call_with_key(options, call);
  if (!with_key) return complain(Exit::invalid, with_key.error().message);
  Exit exit = Exit::ok;
  for (const std::string& server : *servers) {
    if (servers->size() > 1) print((&server == &servers->front() ? "" : "\n") + server + "\n");
    auto body = fetch(server, *with_key);
    if (body && show) body = show(*body);
    if (body) {
      print(*body);
    } else {
      std::fflush(stdout);
      exit = complain(Exit::failed, body.error().message);
    }
  }
  return exit;
}

}  // namespace cli
