#include "cli/nodes.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "cli/tunnel.h"
#include "dns/load/config/config.h"
#include "shared/load/config.h"
#include "shared/serve/os/socket.h"

namespace cli {
namespace {

using shared::fail;
using shared::Result;
using shared::load::DnsNode;

constexpr const char* kUsualFile = "/etc/meridian/meridian.yaml";

struct Nodes {
  shared::load::DnsNodes list;
  std::string socket;  // of a node, in its state directory
};

Result<Nodes> nodes_of(const std::string& file) {
  shared::load::Diagnostics diagnostics;
  const auto config =
      shared::load::load_sections(file, shared::load::settings_for(shared::load::Role::dns), diagnostics);
  if (!config) return fail(diagnostics.render() + file + " cannot be read");
  const auto* const written = config->dns ? config->dns->find("nodes") : nullptr;
  if (written == nullptr) {
    return fail(file + ": --all wants to know the DNS nodes: dns: {nodes: {ns1: {address: 192.0.2.53}, ...}}");
  }
  Nodes nodes;
  if (auto list = shared::load::dns_nodes_reader().read(*written, diagnostics)) nodes.list = std::move(*list);
  if (diagnostics.failed() || nodes.list.empty()) return fail(diagnostics.render() + file + ": dns.nodes is no use");
  const auto directory = std::filesystem::absolute(shared::load::dns_state_directory(*config));
  nodes.socket = (directory / shared::load::kAdminSocket).string();
  return nodes;
}

// The node that runs on this machine needs no ssh.
bool is_here(const DnsNode& node, const std::string& socket) {
  std::error_code error;
  if (!node.admin.empty() || !std::filesystem::is_socket(socket, error)) return false;
  for (const auto& address : node.addresses) {
    if (shared::is_own_address(address.value)) return true;
  }
  return false;
}

Result<std::string> ask_node(const DnsNode& node, const std::string& socket, const AdminCall& call) {
  if (is_here(node, socket)) return fetch("unix:" + socket, call);
  const std::string admin = node.admin_or_default();
  if (!admin.starts_with(shared::load::kOverSsh)) return fetch(admin, call);
  const auto tunnel = Tunnel::open(shared::load::ssh_destination(admin), socket);
  if (!tunnel) return fail(tunnel.error().message);
  return fetch((*tunnel)->address(), call);
}

}  // namespace

void add_all_option(shared::Parser parser, ServerOptions& options) {
  parser
      .flag("--all", options.all,
            "Every DNS node of dns.nodes, by ssh where its `admin` says nothing else; the configuration is " +
                std::string(kUsualFile) + " if not said")
      .excludes(parser.find("--server"));
}

Exit ask_nodes(const ServerOptions& options, const AdminCall& call, const Show& show) {
  const auto nodes = nodes_of(options.file.empty() ? kUsualFile : options.file);
  if (!nodes) return complain(Exit::invalid, nodes.error().message);
  const auto with_key = call_with_key(options, call);
  if (!with_key) return complain(Exit::invalid, with_key.error().message);
  std::string done;
  std::string failed;
  for (const auto& [name, at, node] : nodes->list) {
    print(name + " (" + node.addresses.front().value.to_string() + ")\n");
    std::fflush(stdout);
    auto body = ask_node(node, nodes->socket, *with_key);
    if (body && show) body = show(*body);
    if (body) print(*body);
    if (!body) static_cast<void>(complain(Exit::failed, name + ": " + body.error().message));
    std::string& list = body ? done : failed;
    list += (list.empty() ? "" : ", ") + name;
  }
  if (failed.empty()) return Exit::ok;
  return complain(Exit::failed, (done.empty() ? "done on no node" : "done on " + done) + "; not on " + failed);
}

}  // namespace cli
