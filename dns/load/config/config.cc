#include "dns/load/config/config.h"

#include <chrono>
#include <set>
#include <utility>

#include "shared/load/idn.h"

namespace dns {

using shared::load::Diagnostics;
using shared::load::Located;
using shared::load::Node;
using shared::load::Reader;

namespace {

const shared::load::Table<TcpConfig>& tcp_table() {
  using namespace shared::load;
  static const auto table =
      Table<TcpConfig>("dns.tcp", "DNS over TCP (RFC 7766).")
          .field("idle_timeout", &TcpConfig::idle_timeout, duration(shared::milliseconds(100), std::chrono::hours(1)),
                 "A connection without a whole query for so long is closed")
          .field("max_connections", &TcpConfig::max_connections, integer<std::uint32_t>(1, 1'000'000),
                 "Of the process, fewer where it may not open so many descriptors; when there are more, the longest "
                 "idle one is "
                 "closed")
          .field("max_per_client", &TcpConfig::max_per_client, integer<std::uint32_t>(1, 1'000'000),
                 "Of these, from one IPv4 address or IPv6 /56; when there are more, its longest idle one is closed");
  return table;
}

const shared::load::Table<TlsConfig>& tls_table() {
  using namespace shared::load;
  static const auto table =
      Table<TlsConfig>("dns.tls",
                       "DNS over TLS (RFC 7858). Its connections are among those that `tcp` limits; answers to queries "
                       "with EDNS are padded to multiples of 468 octets (RFC 8467).")
          .required("listen", &TlsConfig::listen, one_or_list(located(endpoint())),
                    "Where they arrive, port 853 as a rule; a change needs a restart")
          .required("certificates", &TlsConfig::certificates, list_of(nested(certificate_table())),
                    "Shown to clients; read again at a reload and when a file changes")
          .field("ticket_keys", &TlsConfig::ticket_keys, optional_of(located(file_path())),
                 "What session tickets are encrypted with, so that every node resumes the sessions of the others: a "
                 "file as `edge.ticket_keys` has it. Read again when it changes; none: random ones, which only this "
                 "process has and which change every 12 hours")
          .check([](const TlsConfig& config, const Node& node, Diagnostics& diagnostics) {
            if (config.listen.empty()) diagnostics.error(node.at, "listen: needs at least one address");
            if (config.certificates.empty()) diagnostics.error(node.at, "certificates: needs at least one");
          });
  return table;
}

Reader<std::optional<Located<std::filesystem::path>>> cookie_secrets_file() {
  auto reader = shared::load::optional_of(shared::load::located(shared::load::file_path()));
  reader.print = [](const auto&) { return std::string("a random one for each process"); };
  return reader;
}

const shared::load::Table<CookieConfig>& cookie_table() {
  using namespace shared::load;
  static const auto table =
      Table<CookieConfig>("dns.cookies",
                          "DNS cookies (RFC 7873, RFC 9018): who shows ours is who it says, and is not limited.")
          .field("enabled", &CookieConfig::enabled, boolean(), "Whether cookies are spoken")
          .field("secrets", &CookieConfig::secrets, cookie_secrets_file(),
                 "File with one or two secrets of 32 hexadecimal digits, one to a line: the first makes cookies, both "
                 "are good; the same on all nodes, and read again at every reload");
  return table;
}

const shared::load::Table<RateLimitConfig>& rate_limit_table() {
  using namespace shared::load;
  static const auto table =
      Table<RateLimitConfig>("dns.rate_limit",
                             "Response rate limiting: how many like responses one network gets over UDP.")
          .field("mode", &RateLimitConfig::mode, mode(), "Whether excess is declined, only counted, or not looked at")
          .field(
              "rate", &RateLimitConfig::rate, rate(),
              "Responses of one kind about one name (NXDOMAIN: one zone) to one IPv4 /24 or IPv6 /56; a second's worth "
              "may come at once; 1/s to 100000/s")
          .field("slip", &RateLimitConfig::slip, integer<std::uint32_t>(0, 100),
                 "One in so many of the declined gets a small reply to go on with: BADCOOKIE or TC=1; 0: none")
          .check([](const RateLimitConfig& config, const Node& node, Diagnostics& diagnostics) {
            if (config.rate.per_second >= 1 && config.rate.per_second <= 100'000) return;
            const Node* const rate = node.find("rate");
            diagnostics.error(rate != nullptr ? rate->at : node.at, "rate: from 1/s to 100000/s");
          });
  return table;
}

Reader<std::optional<std::uint16_t>> worker_count() {
  auto reader = shared::load::optional_of(shared::load::integer<std::uint16_t>(1, 1024));
  reader.print = [](const std::optional<std::uint16_t>&) { return std::string("one for each core"); };
  return reader;
}

// Said to clients that ask; without it they are refused.
Reader<std::string> identity() {
  auto reader = shared::load::text();
  const auto read = reader.read;
  reader.type = "text, at most 255 octets";
  reader.print = [](const std::string&) { return std::string("none"); };
  reader.read = [read](const Node& node, Diagnostics& diagnostics) {
    auto value = read(node, diagnostics);
    if (!value || value->size() <= 255) return value;
    diagnostics.error(node.at, "longer than 255 octets");
    return std::optional<std::string>();
  };
  return reader;
}

void check_listen(const Config& config, const Node& node, Diagnostics& diagnostics) {
  if (config.listen.empty()) diagnostics.error(node.at, "listen: needs at least one address");
  std::set<shared::Endpoint> seen;
  auto all = config.listen;
  if (config.tls) all.insert(all.end(), config.tls->listen.begin(), config.tls->listen.end());
  for (const auto& endpoint : all) {
    if (endpoint.value.port != 0 && !seen.insert(endpoint.value).second) {
      diagnostics.error(endpoint.at, "listen: " + endpoint.value.to_string() + " stands twice");
    }
  }
}

}  // namespace

Config::Config() {
  for (const char* everywhere : {"0.0.0.0:53", "[::]:53"}) listen.push_back({*shared::Endpoint::parse(everywhere), {}});
}

const shared::load::Table<Config>& config_table() {
  using namespace shared::load;
  static const auto table =
      Table<Config>("dns", "What meridian-dns serves.")
          .field("nodes", &Config::nodes, dns_nodes_reader(),
                 "The DNS nodes, which `{node}` stands for, and which `meridian drain --all` tells")
          .field("listen", &Config::listen, one_or_list(located(endpoint())),
                 "Where queries arrive, UDP and TCP; `\"{node}:PORT\"`: at the node's own addresses; a change needs a "
                 "restart")
          .field("workers", &Config::workers, worker_count(),
                 "Each answers on threads of its own, one for a socket; a change needs a restart")
          .field("zones", &Config::zones, map_of("zone", file_path()),
                 "Origin and master file (RFC 1035) of each zone; the origin is said here, never guessed")
          .field("zone_directory", &Config::zone_directory, optional_of(located(file_path())),
                 "A folder of master files: each `ORIGIN.zone` in it is the zone ORIGIN; other files are left alone")
          .field("signed_zones", &Config::signed_zones,
                 one_of<SignedZones>({{"refuse", SignedZones::refuse}, {"warn", SignedZones::warn}}),
                 "A zone file with DNSKEY or RRSIG at its apex is an error, or is served without its signatures")
          .field("nsid", &Config::nsid, identity(), "Who this server is, for NSID (RFC 5001) and CH TXT id.server.")
          .field("version", &Config::version, identity(), "The answer to CH TXT version.bind.")
          .field("udp_payload_size", &Config::udp_payload_size, size(512, 4096),
                 "The most that a UDP reply takes, and what is advertised (RFC 9715)")
          .field("tcp", &Config::tcp, nested(tcp_table()), "Limits of connections")
          .field("tls", &Config::tls, optional_of(nested(tls_table())), "DNS over TLS")
          .field(
              "probe_tls", &Config::probe_tls, optional_of(nested(client_tls_table())),
              "TLS of the probes of edges, where `health.edge.kind` is https; without it any certificate will do. Its "
              "files are read at start and reload")
          .field("resolvers", &Config::resolvers, shared::load::resolver_list(),
                 "Recursive servers that the targets of `alias` are asked from")
          .field("cookies", &Config::cookies, nested(cookie_table()), "DNS cookies")
          .field("rate_limit", &Config::rate_limit, nested(rate_limit_table()), "Limits of responses over UDP")
          .field("geo", &Config::geo, nested(geo_table()), "Where clients are")
          .field("policies", &Config::policies, policies_reader(),
                 "Lists of preferences: the steps' regions are put in one line, the first mention counts")
          .field("names", &Config::names, names_reader(),
                 "Names whose addresses come from a policy; their other types come from the zone file")
          .check(check_listen)
          .check([](const Config& config, const Node& node, Diagnostics& diagnostics) {
            if (node.find("zones") != nullptr || config.zone_directory) return;
            diagnostics.error(node.at, "there is nothing to serve: give `zones`, a `zone_directory`, or both");
          });
  return table;
}

Config read_config(const shared::load::Config& common, Diagnostics& diagnostics) {
  if (!common.dns) {
    diagnostics.error({}, "there is no `dns` section: meridian-dns has nothing to serve");
    return {};
  }
  Config config = config_table().read(*common.dns, diagnostics);
  if (config.probe_tls && common.health.edge.kind != shared::load::ProbeKind::https) {
    diagnostics.error(config.probe_tls->at, "probe_tls has no effect: health.edge.kind is not https");
  }
  for (auto& zone : config.zones) zone.name = shared::load::ascii_name(zone.name, zone.at, diagnostics);
  for (auto& name : config.names) name.name = shared::load::ascii_name(name.name, name.at, diagnostics);
  return config;
}

}  // namespace dns
