#pragma once
// DnsNodes: the DNS nodes by name, `dns.nodes` of the file that all of them share, and what `{node}` in that file
// stands for on one of them: its address in `{node}:PORT`, its name in any other text of `dns`, `admin.dns` and
// `metrics.dns`. Values; read by whoever reads a configuration.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/load/node.h"
#include "shared/load/reader.h"
#include "shared/load/table.h"

namespace shared::load {

struct DnsNode {
  std::vector<Located<IpAddress>> addresses;
  std::string admin;  // how `meridian COMMAND --all` reaches it; empty: the default

  // "ssh:192.0.2.53", "unix:/PATH", "127.0.0.1:5380".
  [[nodiscard]] std::string admin_or_default() const;
};
using DnsNodes = NamedMap<DnsNode>;

// Of `admin`: over ssh, and then what ssh(1) is told as its destination.
inline constexpr std::string_view kOverSsh = "ssh:";
[[nodiscard]] std::string ssh_destination(std::string_view admin);

[[nodiscard]] Reader<DnsNodes> dns_nodes_reader();

// Which of them reads the file.
struct NodeChoice {
  std::string name;  // of `--node`; empty: the one whose address this machine has
  // Whether this machine has an address; empty: who reads is no node (`meridian check`), and the first one stands in.
  std::function<bool(const IpAddress&)> is_own{};
};

// An error says which there are, and how to choose. Nothing is chosen (empty) where `nodes` is.
[[nodiscard]] Result<std::string> choose_node(const DnsNodes& nodes, const NodeChoice& choice);

// Puts the node in place of each `{node}` of what DNS nodes read. Gives its name; empty: there is none, and a `{node}`
// is an error. What is wrong with `dns.nodes` itself is not told here but by its reader.
[[nodiscard]] std::string put_node(Node& document, const NodeChoice& choice, Diagnostics& diagnostics);

}  // namespace shared::load
