#include "shared/load/config.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "shared/core/hash.h"
#include "shared/load/admin_key.h"

namespace shared::load {

Reader<Location> location() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<Location> {
    if (!node.is_sequence() || node.children.size() != 2) {
      expected(node, "[latitude, longitude] in degrees, such as [53.35, -6.26]", diagnostics);
      return std::nullopt;
    }
    const auto latitude = number(-90, 90).read(node.children[0], diagnostics);
    const auto longitude = number(-180, 180).read(node.children[1], diagnostics);
    if (!latitude || !longitude) return std::nullopt;
    return Location{*latitude, *longitude};
  };
  return custom<Location>("[latitude, longitude] in degrees", read);
}

namespace {

// The default depends on the kind, which a plain default value cannot say.
Reader<std::uint16_t> probe_port() {
  auto port = integer<std::uint16_t>(1);
  port.print = [](const std::uint16_t&) { return std::string("80, https: 443"); };
  return port;
}

Reader<std::string> probe_host() {
  auto host = text();
  host.print = [](const std::string&) { return std::string("the edge's address"); };
  return host;
}

Reader<std::string> probe_path() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<std::string> {
    if (node.is_scalar() && node.text.starts_with('/') && node.text.find_first_of(" \r\n\t#") == std::string::npos) {
      return node.text;
    }
    expected(node, "a path that starts with /", diagnostics);
    return std::nullopt;
  };
  return Reader<std::string>{"path in a URL", read, [](const std::string& value) { return value; }};
}

Reader<ProbeKind> probe_kind() {
  return one_of<ProbeKind>({{"http", ProbeKind::http}, {"https", ProbeKind::https}, {"tcp", ProbeKind::tcp}});
}

Reader<std::string> cname_probe_host() {
  auto host = text();
  host.print = [](const std::string&) { return std::string("the cname"); };
  return host;
}

void check_cname_probe(const CnameProbe& probe, const Node& node, Diagnostics& diagnostics) {
  if (probe.addresses.empty()) diagnostics.error(node.at, "probe: needs at least one address");
  if (probe.timeout > probe.interval) {
    diagnostics.error(node.at, "probe: timeout (" + print_duration(probe.timeout) + ") is longer than interval (" +
                                   print_duration(probe.interval) + "): probes would overlap");
  }
  if (probe.kind == ProbeKind::tcp && probe.port == 0) diagnostics.error(node.at, "probe: kind tcp needs a port");
}

const Table<CnameProbe>& cname_probe_table() {
  static const auto table =
      Table<CnameProbe>(
          "regions.NAME.probe",
          "Where and how somebody else's platform is probed: `health.edge` knows our own edges only. Down "
          "when none of the addresses answers; `fall` and `rise` are those of `health.edge`.")
          .required("addresses", &CnameProbe::addresses, one_or_list(located(ip_address())),
                    "What is asked; never answered to clients")
          .field("kind", &CnameProbe::kind, probe_kind(), "`http` and `https` want status 200; `tcp` a connection")
          .field("port", &CnameProbe::port, probe_port(), "Port; required for `tcp`")
          .field("host", &CnameProbe::host, cname_probe_host(), "Host header, and the name in TLS")
          .field("path", &CnameProbe::path, probe_path(), "What is asked for")
          .field("interval", &CnameProbe::interval, duration(milliseconds(50), std::chrono::hours(1)),
                 "Time from one probe to the next")
          .field("timeout", &CnameProbe::timeout, duration(milliseconds(10), std::chrono::minutes(1)),
                 "After it a probe has failed; not longer than `interval`")
          .check(check_cname_probe);
  return table;
}

void check_region(const Region& region, const Node& node, Diagnostics& diagnostics) {
  const bool edges = node.find("edges") != nullptr;
  if (!edges && !region.cname) {
    diagnostics.error(node.at, "a region needs `edges`, or the `cname` of somebody else's platform");
  }
  if (edges && region.cname) {
    diagnostics.error(region.cname->at, "a region has `edges` or a `cname`, not both");
  }
  if (region.probe && !region.cname) {
    diagnostics.error(node.find("probe")->key_at,
                      "`probe` is for a region with a `cname`; edges are probed by health.edge");
  }
}

const Table<Region>& region_table() {
  static const auto table =
      Table<Region>("regions.NAME", "One region: a place where edges stand. Its name is used by policies and pools.")
          .field("location", &Region::location, optional_of(location()),
                 "Where it is; the policy step `nearest` needs it, but for a `cname`, which it leaves out then")
          .field("edges", &Region::edges, list_of(located(ip_address())),
                 "Addresses of the edges in it: what DNS answers, and what `{edge}` stands for on each node")
          .field("cname", &Region::cname, optional_of(located(text())),
                 "In place of `edges`: the region is somebody else's platform, its clients are given this CNAME")
          .field("probe", &Region::probe, optional_of(nested(cname_probe_table())),
                 "How the platform behind `cname` is probed; none: it is up unless the operator says otherwise")
          .position(&Region::at)
          .check(check_region);
  return table;
}

void check_edge_health(const EdgeHealth& health, const Node& node, Diagnostics& diagnostics) {
  if (health.timeout > health.interval) {
    diagnostics.error(node.at, "edge: timeout (" + print_duration(health.timeout) + ") is longer than interval (" +
                                   print_duration(health.interval) + "): probes would overlap");
  }
  if (health.hold_down > health.hold_down_max) {
    diagnostics.error(node.at, "edge: hold_down (" + print_duration(health.hold_down) +
                                   ") is longer than hold_down_max (" + print_duration(health.hold_down_max) + ")");
  }
  if (health.kind != ProbeKind::tcp) return;
  if (health.port == 0) diagnostics.error(node.at, "edge: kind tcp needs a port");
  for (const std::string_view key : {"host", "path"}) {
    const Node* unused = node.find(key);
    if (unused != nullptr) diagnostics.warning(unused->key_at, std::string(key) + " has no meaning for kind tcp");
  }
}

const Table<EdgeHealth>& edge_health_table() {
  static const auto table =
      Table<EdgeHealth>("health.edge",
                        "How every DNS node probes every edge by itself, over a connection that it keeps.")
          .field("kind", &EdgeHealth::kind, probe_kind(), "`http` and `https` want status 200; `tcp` a connection")
          .field("port", &EdgeHealth::port, probe_port(), "Port of the edge; required for `tcp`")
          .field("host", &EdgeHealth::host, probe_host(), "Host header, and the name in TLS")
          .field("path", &EdgeHealth::path, probe_path(), "What is asked for")
          .field("interval", &EdgeHealth::interval, duration(milliseconds(50), std::chrono::hours(1)),
                 "Time from one probe to the next")
          .field("timeout", &EdgeHealth::timeout, duration(milliseconds(10), std::chrono::minutes(1)),
                 "After it a probe has failed; not longer than `interval`")
          .field("fall", &EdgeHealth::fall, integer<std::uint16_t>(1, 100),
                 "Failures in a row that take an edge down; a refused connection does at once")
          .field("rise", &EdgeHealth::rise, integer<std::uint16_t>(1, 100), "Successes in a row that bring it up")
          .field("hold_down", &EdgeHealth::hold_down, duration(milliseconds(0), std::chrono::hours(1)),
                 "An edge that fell for the second time lately is answered again only once it has been up for so long; "
                 "each further fall doubles it. Leaving is never delayed. 0: never")
          .field("hold_down_max", &EdgeHealth::hold_down_max, duration(seconds(1), std::chrono::hours(24)),
                 "The longest hold-down; for each such time that it has been up, an edge has one fall forgotten")
          .check(check_edge_health);
  return table;
}

const Table<Health>& health_table() {
  static const auto table =
      Table<Health>("health", "How the DNS nodes learn which edges answer.")
          .field("edge", &Health::edge, nested(edge_health_table()), "The probe")
          .field("start_wait", &Health::start_wait, duration(milliseconds(0), std::chrono::seconds(30)),
                 "Longest time that first answers wait for first probes")
          .field("isolation_hold", &Health::isolation_hold, duration(milliseconds(0), std::chrono::hours(24)),
                 "No region can be heard, all at once: how long this node suspects itself and keeps the answers from "
                 "before");
  return table;
}

const Table<Admin>& admin_table() {
  static const auto table =
      Table<Admin>("admin",
                   "The admin ports. Each server always listens on the Unix socket `admin.sock` in its folder of the "
                   "state directory (mode 0660: for its user and group), where `meridian COMMAND FILE` finds it. "
                   "Loopback addresses and further Unix sockets may be added. Any user of the machine reaches a "
                   "loopback address, so there nothing is changed without the key. Several edges on one machine need "
                   "`\"{edge}:PORT\"`, with loopback addresses as edges.")
          .field("dns", &Admin::dns, one_or_list(located(listen_address_or_unix())),
                 "More of meridian-dns; `{node}` is the node's own address (`dns.nodes`); a change needs a restart")
          .field("edge", &Admin::edge, one_or_list(located(listen_address_or_unix())),
                 "More of meridian-edge; `{edge}` is the node's own address; a change needs a restart")
          .field("key", &Admin::key, optional_of(located(file_path())),
                 "File with the key of changes over TCP (`Authorization: Bearer KEY`), one line of at least 16 "
                 "characters that others cannot read; none: TCP shows and changes nothing");
  return table;
}

const Table<Metrics>& metrics_table() {
  static const auto table =
      Table<Metrics>("metrics", "Listeners that show `/metrics` and nothing else; they may be reached from elsewhere.")
          .field("dns", &Metrics::dns, one_or_list(located(listen_address())),
                 "Those of meridian-dns; `{node}` is the node's own address (`dns.nodes`)")
          .field("edge", &Metrics::edge, one_or_list(located(listen_address())),
                 "Those of meridian-edge; `{edge}` is the node's own address")
          .field("allow", &Metrics::allow, one_or_list(prefix()), "Who may connect; all others are closed at once");
  return table;
}

Reader<std::string> user_name() {
  auto name = word();
  name.print = [](const std::string&) { return std::string("who starts it"); };
  return name;
}

const Table<Log>& log_table() {
  static const auto table = Table<Log>("log", "What the log holds.")
                                .field("level", &Log::level,
                                       one_of<LogLevel>({{"debug", LogLevel::debug},
                                                         {"info", LogLevel::info},
                                                         {"warn", LogLevel::warn},
                                                         {"error", LogLevel::error}}),
                                       "The least important line that is written");
  return table;
}

bool is_loopback(const IpAddress& address) {
  if (address.family == Family::ipv4) return address.bytes[0] == 127;
  return address == IpAddress::parse("::1");
}

// Something that a packet can be sent to: not unspecified (0.0.0.0/8, ::), not multicast or reserved.
bool is_host(const IpAddress& address) {
  if (address.family == Family::ipv4) return address.bytes[0] != 0 && address.bytes[0] < 224;
  return address != IpAddress::v6({}) && address.bytes[0] != 0xFF;
}

void check_regions(const Config& config, const Node& document, Diagnostics& diagnostics) {
  const Node* node = document.find("regions");
  if (node != nullptr && node->children.empty())
    diagnostics.error(node->at, "regions: there must be at least one region");
  std::map<IpAddress, std::pair<std::string, Position>> seen;
  for (const auto& [name, at, region] : config.regions) {
    if (region.edges.empty() && node != nullptr) {
      const Node* written = node->find(name);
      const Node* edges = written != nullptr ? written->find("edges") : nullptr;
      if (edges != nullptr && edges->is_sequence() && edges->children.empty()) {
        diagnostics.error(edges->at, "edges: region '" + name + "' has no edge");
      }
    }
    for (const auto& [address, place] : region.edges) {
      if (!is_host(address)) diagnostics.error(place, "'" + address.to_string() + "' is not the address of a host");
      const auto [first, fresh] = seen.emplace(address, std::pair(name, place));
      if (fresh) continue;
      diagnostics.error(place, "edge " + address.to_string() + " is already in region '" + first->second.first + "' (" +
                                   first->second.second.to_string() + ")");
    }
  }
}

void check_admin(const Config& config, Diagnostics& diagnostics) {
  for (const auto* list : {&config.admin.dns, &config.metrics.dns}) {
    for (const auto& [address, at] : *list) {
      if (address.kind != ListenAddress::Kind::own) continue;
      diagnostics.error(at, "dns: {edge} stands for the address of an edge; that of a DNS node is {node}");
    }
  }
  for (const auto* list : {&config.admin.dns, &config.admin.edge}) {
    for (const auto& [address, at] : *list) {
      if (address.kind != ListenAddress::Kind::fixed || is_loopback(address.address)) continue;
      diagnostics.error(at, "'" + address.to_string() +
                                "' is not a loopback address: the admin port is for this machine alone; use 127.0.0.1, "
                                "[::1] or a Unix socket, and `metrics` for what others may see");
    }
  }
  const bool own = std::any_of(config.admin.edge.begin(), config.admin.edge.end(),
                               [](const auto& item) { return item.value.kind == ListenAddress::Kind::own; });
  if (!own) return;
  for (const auto& region : config.regions) {
    for (const auto& [address, at] : region.value.edges) {
      if (is_loopback(address)) continue;
      diagnostics.error(at, "admin.edge listens on {edge}, and edge " + address.to_string() +
                                " is not a loopback address: the admin port is for this machine alone");
    }
  }
}

}  // namespace

Metrics::Metrics() : allow{*Prefix::parse("127.0.0.0/8"), *Prefix::parse("::1/128")} {}

std::uint16_t EdgeHealth::effective_port() const {
  if (port != 0) return port;
  return kind == ProbeKind::https ? 443 : 80;
}

std::optional<EdgeHealth> Region::probed_by() const {
  if (!probe) return std::nullopt;
  EdgeHealth how;
  how.kind = probe->kind;
  how.port = probe->port;
  how.host = probe->host.empty() && cname ? cname->value : probe->host;
  how.path = probe->path;
  how.interval = probe->interval;
  how.timeout = probe->timeout;
  return how;
}

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    case LogLevel::error:
      return "error";
  }
  return "info";
}

Reader<std::vector<Located<Endpoint>>> resolver_list() {
  auto reader = one_or_list(located(endpoint()));
  reader.print = [](const std::vector<Located<Endpoint>>&) { return std::string("those of /etc/resolv.conf"); };
  return reader;
}

const Table<Config>& config_table() {
  static const auto table =
      Table<Config>("top level", "The keys at the top of the file.")
          .required("service", &Config::service, word(), "Label in logs and metrics, and the seed of every stable hash")
          .required("regions", &Config::regions, map_of("region", nested(region_table())),
                    "The regions and their edges")
          .field("health", &Config::health, nested(health_table()), "How DNS nodes probe the edges")
          .field("dns", &Config::dns, optional_of(unread("map, see dns")), "Read by meridian-dns")
          .field("edge", &Config::edge, optional_of(unread("map, see edge")), "Read by meridian-edge")
          .field("admin", &Config::admin, nested(admin_table()), "Admin ports")
          .field("metrics", &Config::metrics, nested(metrics_table()), "Listeners for Prometheus")
          .field("state_directory", &Config::state_directory, file_path(),
                 "What survives a restart; each process has a folder of its own in it; a change needs a restart")
          .field("user", &Config::user, user_name(),
                 "Started by root, a server becomes this user before it reads anything else, and keeps no capability "
                 "but to bind ports below 1024; certificates, keys and zones must be readable for it; a change needs a "
                 "restart")
          .field("system_calls", &Config::system_calls, mode(),
                 "The filter of system calls: `shadow` only has the kernel log what it would refuse; a change needs a "
                 "restart")
          .field("log", &Config::log, nested(log_table()), "The log");
  return table;
}

namespace {

// Of the common sections: the sections of the roles stay, unread.
void drop_unread(Node& document, const std::vector<std::string>& unread) {
  for (Node& section : document.children) {
    std::erase_if(section.children, [&](const Node& option) {
      return std::ranges::find(unread, section.key + "." + option.key) != unread.end();
    });
  }
}

}  // namespace

Config read_config(const Node& document, Diagnostics& diagnostics) {
  Config config = config_table().read(document, diagnostics);
  check_regions(config, document, diagnostics);
  check_admin(config, diagnostics);
  if (!config.dns && !config.edge) {
    diagnostics.warning(document.at, "neither 'dns' nor 'edge' is configured: no server can start with this file");
  }
  return config;
}

namespace {

constexpr std::uint64_t kHashSeed = 0x6D65726964;

// The same for files that say the same: comments, blanks and line ends do not count.
std::uint64_t hash_of(const Node& node, std::uint64_t seed) {
  std::uint64_t hash = hash_text(seed + static_cast<std::uint64_t>(node.kind), node.key);
  hash = hash_text(hash, node.text);
  for (const Node& child : node.children) hash = hash_of(child, hash);
  return mix(hash + node.children.size());
}

}  // namespace

YamlSettings settings_for(Role role) {
  YamlSettings settings = process_settings();
  if (role == Role::dns) settings.unread = {"edge", "admin.edge", "metrics.edge"};
  if (role == Role::edge) settings.unread = {"dns", "admin.dns", "metrics.dns"};
  return settings;
}

std::optional<Config> load_sections(const std::string& path, const YamlSettings& settings, Diagnostics& diagnostics) {
  auto document = read_yaml_file(path, settings, diagnostics);
  if (!document) return std::nullopt;
  const std::uint64_t hash = hash_of(*document, kHashSeed);
  drop_unread(*document, settings.unread);
  std::string node;
  if (std::ranges::find(settings.unread, "dns") == settings.unread.end()) {
    node = put_node(*document, settings.node, diagnostics);
  }
  Config config = read_config(*document, diagnostics);
  config.hash = hash;
  config.node = std::move(node);
  return config;
}

void load_key(Config& config, Diagnostics& diagnostics) {
  if (config.admin.key) config.admin.key_text = load_admin_key(*config.admin.key, diagnostics);
}

std::optional<Config> load_config(const std::string& path, const YamlSettings& settings, Diagnostics& diagnostics) {
  auto config = load_sections(path, settings, diagnostics);
  if (config) load_key(*config, diagnostics);
  return config;
}

std::optional<std::size_t> region_of_edge(const Config& config, const IpAddress& address) {
  for (std::size_t i = 0; i < config.regions.size(); ++i) {
    for (const auto& edge : config.regions[i].value.edges) {
      if (edge.value == address) return i;
    }
  }
  return std::nullopt;
}

std::filesystem::path dns_state_directory(const Config& config) { return config.state_directory / "dns"; }

std::filesystem::path edge_state_directory(const Config& config, const IpAddress& node) {
  return config.state_directory / ("edge-" + node.to_string());
}

}  // namespace shared::load
