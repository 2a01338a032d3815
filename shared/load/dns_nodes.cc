#include "shared/load/dns_nodes.h"

#include <map>
#include <optional>
#include <utility>

#include "shared/load/listen_address.h"

namespace shared::load {
namespace {

constexpr std::string_view kNode = "{node}";
constexpr std::string_view kNodePort = "{node}:";

bool is_admin(std::string_view text) {
  if (text.starts_with(kOverSsh)) {
    const std::string destination = ssh_destination(text);
    // What begins with a hyphen would be an option of ssh(1).
    return !destination.empty() && destination.front() != '-' &&
           destination.find_first_of(" \t\r\n") == std::string::npos;
  }
  const auto address = ListenAddress::parse(text);
  return address && address->kind != ListenAddress::Kind::own && (address->port != 0 || !address->path.empty());
}

Reader<std::string> admin_reader() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<std::string> {
    if (node.is_scalar() && is_admin(node.text)) return node.text;
    expected(node, "ssh:HOST, ssh:USER@HOST, ssh://USER@HOST:PORT, unix:/PATH or 127.0.0.1:PORT", diagnostics);
    return std::nullopt;
  };
  return Reader<std::string>{"admin address, or ssh:HOST", read,
                             [](const std::string&) { return std::string("ssh: and its first address"); }};
}

const Table<DnsNode>& dns_node_table() {
  static const auto table =
      Table<DnsNode>("dns.nodes.NAME",
                     "One DNS node. Which of them a meridian-dns is, `--node NAME` says, else the address that its "
                     "machine has. Its name stands for `{node}` in every text of `dns` (`nsid: \"{node}\"`, "
                     "`certificate: tls/{node}.pem`), its addresses in `\"{node}:PORT\"`, also of `admin.dns` and "
                     "`metrics.dns`.")
          .required("address", &DnsNode::addresses, one_or_list(located(ip_address())),
                    "Where it is reached, IPv4 and IPv6")
          .field("admin", &DnsNode::admin, admin_reader(),
                 "How `meridian drain --all` and its like reach its admin port: by ssh (root's, or of a user in the "
                 "server's group), or at an address of this machine to which it is forwarded")
          .check([](const DnsNode& node, const Node& at, Diagnostics& diagnostics) {
            if (node.addresses.empty()) diagnostics.error(at.at, "address: needs at least one");
          });
  return table;
}

// A scalar with the node in it: several where it has several addresses.
std::vector<Node> with_node(const Node& scalar, const std::string& name, const DnsNode& node) {
  std::vector<Node> out;
  if (scalar.text.starts_with(kNodePort)) {
    for (const auto& address : node.addresses) {
      const bool v6 = address.value.family == Family::ipv6;
      out.push_back(scalar);
      out.back().text =
          (v6 ? "[" : "") + address.value.to_string() + (v6 ? "]:" : ":") + scalar.text.substr(kNodePort.size());
    }
    return out;
  }
  out.push_back(scalar);
  std::string& text = out.back().text;
  for (std::size_t at = text.find(kNode); at != std::string::npos; at = text.find(kNode, at + name.size())) {
    text.replace(at, kNode.size(), name);
  }
  return out;
}

// What is done with every scalar that has `{node}` in it.
class Putter {
 public:
  Putter(const Named<DnsNode>* own, std::string problem, Diagnostics& diagnostics)
      : own_(own), problem_(std::move(problem)), diagnostics_(diagnostics) {}

  void into(Node& node) {
    if (node.is_scalar() && has_node(node)) return alone(node);
    std::vector<Node> children;
    for (Node& child : node.children) {
      if (!node.is_sequence() || !child.is_scalar() || !has_node(child)) {
        into(child);
        children.push_back(std::move(child));
        continue;
      }
      for (Node& made : made_of(child)) children.push_back(std::move(made));
    }
    node.children = std::move(children);
  }

 private:
  [[nodiscard]] static bool has_node(const Node& scalar) { return scalar.text.find(kNode) != std::string::npos; }

  std::vector<Node> made_of(const Node& scalar) {
    if (own_ != nullptr) return with_node(scalar, own_->name, own_->value);
    if (!problem_.empty()) diagnostics_.error(scalar.at, std::exchange(problem_, ""));  // once is enough
    return {};
  }

  void alone(Node& node) {
    std::vector<Node> made = made_of(node);
    if (made.size() == 1) {
      node.text = made.front().text;
    } else {  // several, or none after an error: a list, which the reader takes where one value may be many
      node.kind = Node::Kind::sequence;
      node.text.clear();
      node.children = std::move(made);
    }
  }

  const Named<DnsNode>* own_;
  std::string problem_;
  Diagnostics& diagnostics_;
};

Node* find(Node& map, std::string_view name) { return const_cast<Node*>(std::as_const(map).find(name)); }

std::string all_names(const DnsNodes& nodes) {
  std::string out;
  for (const auto& node : nodes) out += (out.empty() ? "" : ", ") + node.name;
  return out;
}

}  // namespace

std::string DnsNode::admin_or_default() const {
  if (!admin.empty() || addresses.empty()) return admin;
  return std::string(kOverSsh) + addresses.front().value.to_string();
}

std::string ssh_destination(std::string_view admin) {
  const bool url = admin.starts_with("ssh://");
  return std::string(url ? admin : admin.substr(kOverSsh.size()));
}

Reader<DnsNodes> dns_nodes_reader() {
  auto reader = map_of("node", nested(dns_node_table()));
  const auto read = reader.read;
  reader.read = [read](const Node& node, Diagnostics& diagnostics) {
    auto nodes = read(node, diagnostics);
    std::map<IpAddress, std::string> seen;
    for (const auto& one : nodes.value_or(DnsNodes())) {
      for (const auto& address : one.value.addresses) {
        const auto [first, fresh] = seen.emplace(address.value, one.name);
        if (fresh) continue;
        diagnostics.error(address.at, "address " + address.value.to_string() + " is node " + first->second +
                                          "'s already: by it each knows itself");
      }
    }
    return nodes;
  };
  return reader;
}

Result<std::string> choose_node(const DnsNodes& nodes, const NodeChoice& choice) {
  if (!choice.name.empty()) {
    if (find_named(nodes, choice.name) != nullptr) return choice.name;
    return fail("--node " + choice.name + ": dns.nodes has no such node" +
                (nodes.empty() ? "" : ", but " + all_names(nodes)));
  }
  if (nodes.empty()) return std::string();
  if (!choice.is_own) return nodes.front().name;
  std::string found;
  for (const auto& node : nodes) {
    for (const auto& address : node.value.addresses) {
      if (!choice.is_own(address.value) || found == node.name) continue;
      if (!found.empty()) {
        return fail("this machine has addresses of " + found + " and of " + node.name +
                    ": say which node this is with --node NAME");
      }
      found = node.name;
    }
  }
  if (!found.empty()) return found;
  return fail("this machine has no address of a node in dns.nodes: say which one this is with --node NAME: " +
              all_names(nodes));
}

std::string put_node(Node& document, const NodeChoice& choice, Diagnostics& diagnostics) {
  Node* const dns = find(document, "dns");
  if (dns == nullptr) return "";
  const Node* const written = std::as_const(*dns).find("nodes");
  Diagnostics unsaid;
  const DnsNodes nodes =
      written == nullptr ? DnsNodes() : dns_nodes_reader().read(*written, unsaid).value_or(DnsNodes());
  if (unsaid.failed()) return "";  // it is told where it is read, and nothing is served
  const auto name = choose_node(nodes, choice);
  const Named<DnsNode>* own = nullptr;
  for (const auto& node : nodes) {
    if (name && node.name == *name) own = &node;
  }
  std::string problem =
      "{node} stands for the node that reads this, and dns.nodes has none: nodes: {ns1: {address: "
      "192.0.2.53}}";
  // A list of nodes that nothing but `--all` reads is no reason not to start.
  if (!name) problem = name.error().message;
  if (!name && !choice.name.empty()) {
    diagnostics.error(written == nullptr ? dns->at : written->at, std::exchange(problem, ""));
  }
  Putter putter(own, problem, diagnostics);
  for (Node& option : dns->children) {
    if (option.key != "nodes") putter.into(option);
  }
  for (const std::string_view section : {"admin", "metrics"}) {
    Node* const of = find(document, section);
    Node* const listeners = of == nullptr ? nullptr : find(*of, "dns");
    if (listeners != nullptr) putter.into(*listeners);
  }
  return own == nullptr ? "" : own->name;
}

}  // namespace shared::load
