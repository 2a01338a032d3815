// The field table of a pool's servers, and the shapes in which their list can be written:
//   servers: [10.0.1.10:8080, {address: "10.0.1.11:8080", weight: 2}]     one list for all regions
//   servers: {dns: backend.internal, port: 8080}                          a list of one, without its brackets
//   servers: {eu: [10.1.1.10:8080], us: {srv: _http._tcp.us.internal}}    a list, or a list of one, for each region

#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;

// One of the three, with what belongs to it.
void check_server(const ServerConfig& server, const Node& node, Diagnostics& diagnostics) {
  const int kinds = (server.address.empty() ? 0 : 1) + (server.dns.empty() ? 0 : 1) + (server.srv.empty() ? 0 : 1);
  if (kinds == 0) diagnostics.error(node.at, "the key 'address' is missing (or dns, or srv)");
  if (kinds > 1) diagnostics.error(node.at, "one of address, dns and srv, not two: write two servers");
  const Node* port = node.find("port");
  if (kinds == 1 && !server.dns.empty() && port == nullptr) {
    diagnostics.error(node.at, "port is missing: dns " + server.dns + " tells addresses only");
  }
  if (server.dns.empty() && port != nullptr) {
    const bool by_record = !server.srv.empty();
    diagnostics.error(port->key_at, std::string("port has no effect: it stands in the ") +
                                        (by_record ? "records of srv" : "address"));
  }
  const Node* weight = node.find("weight");
  if (!server.srv.empty() && weight != nullptr) {
    diagnostics.error(weight->key_at, "weight has no effect: it stands in the records of srv");
  }
}

const Table<ServerConfig>& server_table() {
  static const auto table =
      Table<ServerConfig>("edge.pools.NAME.servers",
                          "One server; `HOST:PORT` alone is a server of weight 1. Or a name that stands for servers: "
                          "`dns` for one server for each of its addresses, `srv` for one for each of its records. They "
                          "follow the DNS by TTL; docs/discovery.md says how.")
          .field("address", &ServerConfig::address, server_address(),
                 "Address or name, and port; a name that does not resolve is down")
          .field("dns", &ServerConfig::dns, server_name(),
                 "Name whose addresses are servers, A and AAAA; in place of `address`")
          .field("port", &ServerConfig::port, integer<std::uint16_t>(1), "Of the servers of `dns`, which needs it")
          .field("srv", &ServerConfig::srv, service_name(),
                 "Service whose SRV records are servers, with port, weight and priority; in place of `address`")
          .field("weight", &ServerConfig::weight, integer<std::uint16_t>(1, kMaxWeight),
                 "Share of the requests; not with `round_robin` or `srv`")
          .field("priority", &ServerConfig::priority, integer<std::uint16_t>(0, 65535),
                 "Asked only when none of a lower number is allowed; of equals, the priority of the SRV records counts")
          .field("max_in_flight", &ServerConfig::max_in_flight, optional_of(integer<std::uint32_t>(0, 1'000'000)),
                 "Requests at a time, from this edge; 0: no bound; else the pool's `max_in_flight`. What is over waits "
                 "in the pool's `queue` or goes to another server")
          .check(check_server)
          .position(&ServerConfig::at);
  return table;
}

Reader<ServerConfig> server() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<ServerConfig> {
    if (!node.is_scalar()) return server_table().read(node, diagnostics);
    auto address = server_address().read(node, diagnostics);
    if (!address) return std::nullopt;
    ServerConfig config;
    config.address = std::move(*address);
    config.at = node.at;
    return config;
  };
  return Reader<ServerConfig>{
      "server", read, [](const ServerConfig& value) { return value.name(); }, {server_table().doc()}};
}

// A region called `dns` has a list, or a map, under its name; a server's `dns` is a word.
bool is_one_server(const Node& node) {
  for (const char* key : {"address", "dns", "srv"}) {
    const Node* found = node.find(key);
    if (found != nullptr && found->is_scalar()) return true;
  }
  return false;
}

}  // namespace

std::string ServerConfig::name() const { return source() ? to_string(*source()) : address; }

std::optional<ServerSource> ServerConfig::source() const {
  if (!dns.empty()) return ServerSource{ServerSource::Kind::dns, dns, port};
  if (!srv.empty()) return ServerSource{ServerSource::Kind::srv, srv, 0};
  return std::nullopt;
}

const std::vector<ServerConfig>* ServersConfig::in(std::string_view region) const {
  if (!by_region) return everywhere.empty() ? nullptr : &everywhere;
  const std::vector<ServerConfig>* list = find_named(regions, region);
  return list == nullptr || list->empty() ? nullptr : list;
}

Reader<ServersConfig> server_lists() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<ServersConfig> {
    ServersConfig config;
    config.by_region = node.is_map() && !is_one_server(node);
    if (config.by_region) {
      auto regions = map_of("region", one_or_list(server())).read(node, diagnostics);
      if (!regions) return std::nullopt;
      config.regions = std::move(*regions);
      return config;
    }
    auto list =
        node.is_map() ? one_or_list(server()).read(node, diagnostics) : list_of(server()).read(node, diagnostics);
    if (!list) return std::nullopt;
    config.everywhere = std::move(*list);
    return config;
  };
  return Reader<ServersConfig>{"server or list of servers for all regions, or map of region: server or list of servers",
                               read,
                               [](const ServersConfig&) { return std::string(); },
                               {server_table().doc()}};
}

}  // namespace edge
