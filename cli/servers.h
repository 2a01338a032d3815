#pragma once
// Which running servers a command talks to: those that `--server` names, else those whose Unix sockets are in the state
// directory of a configuration file, else those in the usual state directory. One thread.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/admin_client.h"
#include "cli/command.h"
#include "shared/core/result.h"

namespace cli {

enum class Role : std::uint8_t { any, dns, edge };

struct ServerOptions {
  std::vector<std::string> servers;
  std::string file;  // a configuration
  std::string key;   // file with the key of admin.key
  bool all = false;  // every node of dns.nodes: nodes.h
};

// How the configuration is named: as an argument of its own, or, where the command has another one, as `--config`.
enum class FileAs : std::uint8_t { argument, option };
void add_server_options(shared::Parser parser, ServerOptions& options, FileAs file);

// Admin addresses. An error says where was looked.
[[nodiscard]] shared::Result<std::vector<std::string>> find_servers(const ServerOptions& options, Role role);

// Those of a configuration that run on this machine; none is no error.
[[nodiscard]] shared::Result<std::vector<std::string>> running_servers(const std::string& file, Role role);

// The call with the key that the options name.
[[nodiscard]] shared::Result<AdminCall> call_with_key(const ServerOptions& options, const AdminCall& call);

// The same request to each of them, each answer printed; with several under a line that says whose it is. Failed if any
// has failed.
using Show = std::function<shared::Result<std::string>(const std::string& body)>;
Exit ask_each(const ServerOptions& options, Role role, const AdminCall& call, const Show& show = {});

}  // namespace cli
