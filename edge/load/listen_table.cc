// The field tables of listeners.

#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;
using shared::milliseconds;
using std::chrono::hours;

// Who writes another protocol means it, and no nearest word helps him.
Reader<Protocol> protocol() {
  auto reader = one_of<Protocol>(
      {{"http", Protocol::http}, {"https", Protocol::https}, {"tcp", Protocol::tcp}, {"udp", Protocol::udp}});
  const auto read = reader.read;
  reader.read = [read](const Node& node, Diagnostics& diagnostics) -> std::optional<Protocol> {
    for (const std::string_view other : {"tls", "ssl", "h2", "h2c", "http2", "http3", "grpc"}) {
      if (!node.is_scalar() || node.text != other) continue;
      complain(node,
               node.describe() + " is not spoken by this version: http is HTTP/1.1 in clear text, https under " +
                   "TLS, tcp and udp are passed on to a pool unread",
               diagnostics);
      return std::nullopt;
    }
    return read(node, diagnostics);
  };
  return reader;
}

void check_proxy_protocol(const ProxyProtocolConfig& config, const Node& node, Diagnostics& diagnostics) {
  if (config.from.empty()) diagnostics.error(node.at, "from: an empty list takes a header from nobody");
  for (const shared::Prefix& prefix : config.from) {
    if (prefix.length > 0) continue;
    diagnostics.warning(node.at, "from: " + prefix.to_string() + " is everybody, who may then claim any address");
  }
}

const Table<ProxyProtocolConfig>& proxy_protocol_table() {
  using Others = IntroductionRules::Others;
  static const auto table =
      Table<ProxyProtocolConfig>(
          "edge.listen.proxy_protocol",
          "A proxy or load balancer in front says by the PROXY protocol, version 1 or 2, who the "
          "client is; that address then counts for everything. docs/http.md has more.")
          .required("from", &ProxyProtocolConfig::from, list_of(prefix()),
                    "Networks of those proxies: every connection from there begins with a header, else it is closed")
          .field("others", &ProxyProtocolConfig::others,
                 one_of<Others>({{"plain", Others::plain}, {"refuse", Others::refuse}}),
                 "Connections from elsewhere: clients like any, no header is read; or closed at once, those of DNS "
                 "nodes that ask for the health too")
          .field("timeout", &ProxyProtocolConfig::timeout, duration(milliseconds(10), hours(1)),
                 "For the whole header, from the accept on")
          .check(check_proxy_protocol);
  return table;
}

const Table<SniConfig>& sni_table() {
  static const auto table =
      Table<SniConfig>("edge.listen.sni", "Names that go to a pool of their own.")
          .required("name", &SniConfig::names, one_or_list(located(host_pattern())),
                    "Exact names, or `*.shop.example` for all below; the exact one wins, then the longest")
          .required("pool", &SniConfig::pool, located(word()), "Where their connections go");
  return table;
}

const Table<ConnectionBoundConfig>& per_client_table() {
  static const auto table =
      Table<ConnectionBoundConfig>("edge.listen.per_client",
                                   "How many connections a client may have at a listener with `protocol: tcp`; of IPv6 "
                                   "a /56 is one. Those over it are reset.")
          .required("max", &ConnectionBoundConfig::most, integer<std::uint32_t>(1, 1'000'000), "At a time")
          .field("mode", &ConnectionBoundConfig::mode, mode(), "enforce, shadow or disabled");
  return table;
}

const Table<ListenTimeoutConfig>& listen_timeout_table() {
  static const auto table =
      Table<ListenTimeoutConfig>("edge.listen.timeout", "Limits of time of `protocol: tcp` and `udp`.")
          .field("connect", &ListenTimeoutConfig::connect, duration(milliseconds(1), hours(1)),
                 "For a connection to a server; then another server is tried")
          .field("idle", &ListenTimeoutConfig::idle, optional_of(duration(milliseconds(10), hours(24 * 7))),
                 "Without an octet either way; 10m if nobody says, of udp 30s");
  return table;
}

void check_tls(const ListenConfig& listen, const Node& node, Diagnostics& diagnostics) {
  const bool https = listen.protocol == Protocol::https;
  const bool may = https || listen.protocol == Protocol::tcp;
  if (https && listen.certificates.empty()) {
    diagnostics.error(node.at, "protocol https needs `certificates: [{certificate: FILE, key: FILE}]`");
  }
  if (!listen.certificates.empty() && !listen.sni.empty()) {
    diagnostics.error(node.at, "sni passes TLS on unread, and certificates end it here: one of them");
  }
  for (const std::string_view key : {"certificates", "strict_sni"}) {
    const Node* const found = node.find(key);
    if (found != nullptr && !may) {
      diagnostics.error(found->key_at, std::string(key) + " has no effect: it is for protocol: https or tcp");
    }
  }
  if (listen.redirect_to_https && listen.protocol != Protocol::http) {
    diagnostics.error(node.at, "redirect_to_https: it is for protocol: http");
  }
  const Node* const port = node.find("https_port");
  if (port != nullptr && !listen.redirect_to_https) {
    diagnostics.error(port->key_at, "https_port has no effect: it is where `redirect_to_https: true` leads");
  }
}

void check_listen(const ListenConfig& listen, const Node& node, Diagnostics& diagnostics) {
  const auto refuse = [&](std::string_view key, std::string_view why) {
    const Node* found = node.find(key);
    if (found != nullptr) diagnostics.error(found->key_at, std::string(key) + " has no effect: " + std::string(why));
  };
  check_tls(listen, node, diagnostics);
  if (listen.protocol == Protocol::http || listen.protocol == Protocol::https) {
    for (const std::string_view key : {"pool", "sni", "allow", "timeout"}) {
      refuse(key, "it is for protocol: tcp or udp; requests go where `routes` say");
    }
  } else if (!listen.pool && listen.sni.empty()) {
    diagnostics.error(node.at, listen.protocol == Protocol::tcp
                                   ? "protocol: tcp needs a pool, or sni with names and their pools"
                                   : "protocol: udp needs a pool");
  }
  if (listen.protocol != Protocol::tcp) {
    const std::string_view why = listen.protocol == Protocol::udp
                                     ? "it is for protocol: tcp; max_sessions bounds those of UDP"
                                     : "it is for protocol: tcp; see edge.limits and edge.client.max_per_client";
    for (const std::string_view key : {"limits", "per_client"}) refuse(key, why);
  }
  if (listen.protocol == Protocol::udp) {
    refuse("sni", "a datagram has no server name");
    refuse("proxy_protocol", "it is for protocols over TCP");
  }
  if (listen.protocol != Protocol::udp) refuse("max_sessions", "it is for protocol: udp");
  if (listen.allow && listen.allow->empty()) diagnostics.error(node.at, "allow: an empty list lets nobody in");
}

}  // namespace

const Table<ListenConfig>& listen_table() {
  static const auto table =
      Table<ListenConfig>("edge.listen", "One address for clients.")
          .required("address", &ListenConfig::address, located(listen_address()),
                    "`{edge}` is the node's own address in `regions`")
          .field("protocol", &ListenConfig::protocol, protocol(),
                 "What is spoken there. `tcp` and `udp`: whatever it is, it goes to a pool unread")
          .field("proxy_protocol", &ListenConfig::proxy_protocol, optional_of(nested(proxy_protocol_table())),
                 "PROXY headers before it, and before TLS")
          .field(
              "certificates", &ListenConfig::certificates, list_of(nested(certificate_table())),
              "Of https, where there must be one at least, and of tcp, where TLS ends here then. They are read again "
              "at a reload and when a file changes; connections stay")
          .field("strict_sni", &ListenConfig::strict_sni, boolean(),
                 "Of https and tcp: a handshake that asks for no name, or for one that no certificate has, is refused "
                 "(unrecognized_name) in place of getting the first certificate")
          .field("redirect_to_https", &ListenConfig::redirect_to_https, boolean(),
                 "Of http: every request but those for the health page is answered 308 with the same target under "
                 "https")
          .field("https_port", &ListenConfig::https_port, integer<std::uint16_t>(1, 65535),
                 "Of redirect_to_https: the port that clients find https at")
          .field("pool", &ListenConfig::pool, optional_of(located(word())),
                 "Of tcp and udp: where it goes; with `sni`: all whom no name of it fits, else these are turned away")
          .field("sni", &ListenConfig::sni, list_of(nested(sni_table())),
                 "Of tcp: clients speak TLS, which is passed on unread to a pool by the name that they ask for")
          .field("allow", &ListenConfig::allow, optional_of(list_of(prefix())),
                 "Of tcp and udp: networks that may use it; others are turned away")
          .field("timeout", &ListenConfig::timeout, nested(listen_timeout_table()), "Of tcp and udp")
          .field("limits", &ListenConfig::limits, one_or_list(located(word())),
                 "Of tcp: names of `edge.limits` that its connections come under, each counted when it begins; their "
                 "key is the client. Those in excess are reset")
          .field("per_client", &ListenConfig::per_client, optional_of(nested(per_client_table())),
                 "Of tcp: connections of one client at a time")
          .field("max_sessions", &ListenConfig::max_sessions, integer<std::uint32_t>(1, 1'000'000),
                 "Of udp: clients (address and port) at a time, for each worker; when there are more, the one that "
                 "was silent for longest goes, if that was five seconds, else the newcomer's datagrams are dropped")
          .check(check_listen);
  return table;
}

}  // namespace edge
