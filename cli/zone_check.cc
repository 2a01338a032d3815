#include "cli/zone_check.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/delegation.h"
#include "shared/core/ip.h"

// Last: it defines true and false.
#include <ldns/ldns.h>

namespace cli {
namespace {

struct FreeResolver {
  void operator()(ldns_resolver* resolver) const { ldns_resolver_deep_free(resolver); }
};
struct FreePacket {
  void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
};
struct FreeName {
  void operator()(ldns_rdf* name) const { ldns_rdf_deep_free(name); }
};
using Resolver = std::unique_ptr<ldns_resolver, FreeResolver>;
using Packet = std::unique_ptr<ldns_pkt, FreePacket>;
using Name = std::unique_ptr<ldns_rdf, FreeName>;

struct Options {
  std::string zone;
  std::vector<std::string> servers;
  std::string resolver;
  std::uint16_t port = 53;
};

enum class Over { udp, tcp };

constexpr std::uint16_t kDatagram = 1232;  // octets; DNS flag day 2020
constexpr timeval kPatience = {3, 0};

Resolver resolver_of(const shared::IpAddress& address, std::uint16_t port) {
  Resolver resolver(ldns_resolver_new());
  const auto type = address.family == shared::Family::ipv4 ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA;
  const Name server(ldns_rdf_new_frm_str(type, address.to_string().c_str()));
  if (!resolver || !server) return nullptr;
  ldns_resolver_push_nameserver(resolver.get(), server.get());
  ldns_resolver_set_port(resolver.get(), port);
  ldns_resolver_set_timeout(resolver.get(), kPatience);
  ldns_resolver_set_retry(resolver.get(), 2);
  ldns_resolver_set_edns_udp_size(resolver.get(), kDatagram);
  return resolver;
}

// Null: no answer within the patience.
Packet ask(ldns_resolver* resolver, const std::string& name, ldns_rr_type type, std::uint16_t flags, Over over) {
  const Name question(ldns_dname_new_frm_str(name.c_str()));
  if (resolver == nullptr || !question) return nullptr;
  ldns_resolver_set_usevc(resolver, over == Over::tcp);
  ldns_pkt* answer = nullptr;
  if (ldns_resolver_query_status(&answer, resolver, question.get(), type, LDNS_RR_CLASS_IN, flags) != LDNS_STATUS_OK) {
    return nullptr;
  }
  return Packet(answer);
}

// The field of each answering record of the type, as text.
std::set<std::string> values(const ldns_pkt* packet, ldns_rr_type type, std::size_t field) {
  std::set<std::string> out;
  if (packet == nullptr) return out;
  const ldns_rr_list* answers = ldns_pkt_answer(packet);
  for (std::size_t at = 0; at < ldns_rr_list_rr_count(answers); ++at) {
    const ldns_rr* record = ldns_rr_list_rr(answers, at);
    if (ldns_rr_get_type(record) != type || ldns_rr_rdf(record, field) == nullptr) continue;
    const std::unique_ptr<char, decltype(&std::free)> text(ldns_rdf2str(ldns_rr_rdf(record, field)), &std::free);
    std::string word(text.get());
    for (char& letter : word) letter = static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter + 32 : letter);
    out.insert(std::move(word));
  }
  return out;
}

NodeAnswers ask_node(const shared::IpAddress& address, std::uint16_t port, const std::string& zone) {
  NodeAnswers node;
  node.address = address.to_string();
  const Resolver resolver = resolver_of(address, port);
  const Packet soa = ask(resolver.get(), zone, LDNS_RR_TYPE_SOA, 0, Over::udp);
  if (!soa) {
    node.problem = "no answer within seconds, or no server at port " + std::to_string(port);
    return node;
  }
  node.authoritative = ldns_pkt_aa(soa.get()) && ldns_pkt_get_rcode(soa.get()) == LDNS_RCODE_NOERROR;
  node.edns = ldns_pkt_edns(soa.get());
  constexpr std::size_t serial = 2;  // RFC 1035 3.3.13
  for (const std::string& text : values(soa.get(), LDNS_RR_TYPE_SOA, serial)) {
    node.serial = static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 10));
  }
  const Packet over_tcp = ask(resolver.get(), zone, LDNS_RR_TYPE_SOA, 0, Over::tcp);
  node.tcp = over_tcp != nullptr && ldns_pkt_get_rcode(over_tcp.get()) == LDNS_RCODE_NOERROR;
  node.name_servers = values(ask(resolver.get(), zone, LDNS_RR_TYPE_NS, 0, Over::udp).get(), LDNS_RR_TYPE_NS, 0);
  for (const std::string& name : node.name_servers) {
    if (!name.ends_with("." + zone)) continue;
    auto& found = node.addresses[name];
    for (const auto type : {LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA}) {
      found.merge(values(ask(resolver.get(), name, type, 0, Over::udp).get(), type, 0));
    }
  }
  return node;
}

Exit check_zone(const Options& options) {
  Delegation delegation;
  delegation.zone = options.zone.ends_with('.') ? options.zone : options.zone + ".";
  for (char& letter : delegation.zone) {
    letter = static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter + 32 : letter);
  }
  for (const std::string& server : options.servers) {
    const auto address = shared::IpAddress::parse(server);
    if (!address) return complain(Exit::invalid, "--server '" + server + "' is no address");
    delegation.nodes.push_back(ask_node(*address, options.port, delegation.zone));
  }
  if (!options.resolver.empty()) {
    const auto address = shared::IpAddress::parse(options.resolver);
    if (!address) return complain(Exit::invalid, "--resolver '" + options.resolver + "' is no address");
    constexpr std::uint16_t dns_port = 53;
    const Resolver resolver = resolver_of(*address, dns_port);
    const Packet ds = ask(resolver.get(), delegation.zone, LDNS_RR_TYPE_DS, LDNS_RD | LDNS_CD, Over::udp);
    if (!ds) return complain(Exit::failed, "the resolver " + options.resolver + " does not answer");
    delegation.parent_asked = true;
    delegation.ds_at_parent = !values(ds.get(), LDNS_RR_TYPE_DS, 0).empty();
  }
  const Judged judged = judge(delegation);
  for (const std::string& line : judged.lines) print(line + "\n");
  return judged.good ? Exit::ok : Exit::failed;
}

}  // namespace

Command zone_command(shared::Parser parent) {
  auto options = std::make_shared<Options>();
  const auto parser = parent.command("zone", "Look at a zone as a registry does");
  parser.require_command();
  const auto check = parser.command("check", "Ask the servers of a zone what is asked before it is delegated");
  check.option("ZONE", options->zone, "The zone: example.com").required();
  check.option("--server", options->servers, "The address of a DNS node; once for each of them").required();
  check.option("--port", options->port, "Their port").with_default();
  check.option("--resolver", options->resolver,
               "A resolver, asked whether the parent has a DS record; not asked if not said");
  check.footer(
      "Authority, TCP, EDNS, the same serial and name servers everywhere, glue, no DS; then what the registrar is to "
      "be "
      "sent.\n"
      "Exit status 1: something is wrong.\n"
      "Example: meridian zone check example.com --server 192.0.2.53 --server 198.51.100.53");
  return {parser, [options] { return check_zone(*options); }};
}

}  // namespace cli
