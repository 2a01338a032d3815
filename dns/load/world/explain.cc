#include "dns/load/world/explain.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "dns/core/answer/answer.h"
#include "dns/core/steer/policy_tables.h"
#include "dns/core/wire/name.h"
#include "dns/core/wire/wire.h"
#include "dns/load/record/rdata.h"
#include "shared/load/idn.h"

namespace dns {
namespace {

using Bytes = std::vector<std::uint8_t>;

void put_u16(Bytes& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

// Option data of RFC 7871 section 6: family, source, scope 0, as many octets as the source needs.
Bytes subnet_option(const shared::Prefix& client) {
  Bytes out;
  put_u16(out, client.address.family == shared::Family::ipv4 ? 1 : 2);
  out.push_back(client.length);
  out.push_back(0);
  const std::size_t octets = (client.length + 7U) / 8;
  out.insert(out.end(), client.address.bytes.begin(), client.address.bytes.begin() + octets);
  return out;
}

// A query as a resolver sends it: RD clear, one question, an OPT record, the client's subnet if there is one.
Bytes build_query(const Name& name, std::uint16_t type, const std::optional<shared::Prefix>& client) {
  Bytes out(kHeaderSize);
  store_u16(&out[4], 1);   // QDCOUNT
  store_u16(&out[10], 1);  // ARCOUNT
  out.insert(out.end(), name.wire().begin(), name.wire().end());
  put_u16(out, type);
  put_u16(out, static_cast<std::uint16_t>(RrClass::in));
  Bytes options;
  if (client) {
    const Bytes subnet = subnet_option(*client);
    put_u16(options, static_cast<std::uint16_t>(OptionCode::client_subnet));
    put_u16(options, static_cast<std::uint16_t>(subnet.size()));
    options.insert(options.end(), subnet.begin(), subnet.end());
  }
  out.push_back(0);  // OPT, RFC 6891 6.1.2: the root, payload size, no flags
  put_u16(out, static_cast<std::uint16_t>(RrType::opt));
  put_u16(out, kMaxMessageSize);
  out.insert(out.end(), 4, 0);
  put_u16(out, static_cast<std::uint16_t>(options.size()));
  out.insert(out.end(), options.begin(), options.end());
  return out;
}

struct FreePacket {
  void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
};
struct FreeText {
  void operator()(char* text) const { std::free(text); }  // NOLINT: ldns allocates with malloc
};

void add_section(Explanation& out, std::string name, const ldns_rr_list* records) {
  Explanation::Section section{std::move(name), {}};
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(records); ++i) {
    const std::unique_ptr<char, FreeText> text(ldns_rr2str(ldns_rr_list_rr(records, i)));
    std::string record = text ? text.get() : "";
    while (record.ends_with('\n')) record.pop_back();
    section.records.push_back(std::move(record));
  }
  if (!section.records.empty()) out.sections.push_back(std::move(section));
}

std::optional<Explanation::Subnet> subnet_of(const ldns_pkt* packet) {
  const ldns_rdf* edns = ldns_pkt_edns_data(packet);
  const std::uint8_t* at = edns == nullptr ? nullptr : ldns_rdf_data(edns);
  std::size_t left = edns == nullptr ? 0 : ldns_rdf_size(edns);
  while (left >= 4) {
    const std::size_t size = load_u16(at + 2);
    if (size + 4 > left) break;
    if (load_u16(at) == static_cast<std::uint16_t>(OptionCode::client_subnet) && size >= 4) {
      return Explanation::Subnet{at[6], at[7]};
    }
    at += size + 4;
    left -= size + 4;
  }
  return std::nullopt;
}

shared::Result<void> read_reply(std::span<const std::uint8_t> reply, Explanation& out) {
  ldns_pkt* raw = nullptr;
  const ldns_status status = ldns_wire2pkt(&raw, reply.data(), reply.size());
  if (status != LDNS_STATUS_OK)
    return shared::fail(std::string("the reply is no message: ") + ldns_get_errorstr_by_id(status));
  const std::unique_ptr<ldns_pkt, FreePacket> packet(raw);
  const std::unique_ptr<char, FreeText> rcode(ldns_pkt_rcode2str(ldns_pkt_get_rcode(raw)));
  out.replied = true;
  out.rcode = rcode ? rcode.get() : "?";
  out.authoritative = ldns_pkt_aa(raw);
  out.subnet = subnet_of(raw);
  out.octets = reply.size();
  add_section(out, "answer", ldns_pkt_answer(raw));
  add_section(out, "authority", ldns_pkt_authority(raw));
  add_section(out, "additional", ldns_pkt_additional(raw));
  return {};
}

void add_decision(Explanation& out, const Snapshot& snapshot, const AnswerInfo& info) {
  if (info.kind != AnswerKind::policy) return;
  const SteeringSpec& spec = snapshot.policies->spec();
  out.policy = spec.policies[spec.names[static_cast<std::size_t>(info.policy)].policy].name;
  out.region = spec.regions[index_of(info.region)].name;
}

}  // namespace

shared::Result<ExplainQuestion> parse_explain(const ExplainWords& words) {
  ExplainQuestion out;
  if (words.name.empty()) return shared::fail("no name is given");
  auto name = shared::load::to_ascii(words.name);
  if (!name) return shared::fail("name: " + name.error().message);
  out.name = std::move(*name);
  if (!words.type.empty()) out.type = std::string(words.type);
  if (!words.client.empty()) {
    const auto client = shared::Prefix::parse(words.client);
    if (!client) return shared::fail("client: " + client.error().message);
    out.client = *client;
  }
  const auto resolver = shared::IpAddress::parse(words.resolver.empty() ? "127.0.0.1" : words.resolver);
  if (!resolver) return shared::fail("resolver: '" + std::string(words.resolver) + "' is not an IP address");
  out.resolver = *resolver;
  return out;
}

shared::Result<Explanation> explain(const Snapshot& snapshot, const ExplainQuestion& question) {
  const auto name = Name::from_text(question.name);
  if (!name) return tl::unexpected(name.error());
  const auto type = type_from_text(question.type);
  if (!type)
    return shared::fail("'" + question.type + "' is not the name of a record type; A, AAAA, TYPE65400 ... are");

  const Bytes packet = build_query(*name, *type, question.client);
  const Query query = parse_query(packet);
  const Found found = look_up(snapshot, query);
  const AnswerRequest request{.query = query,
                              .found = found,
                              .client = question.resolver,
                              .transport = Transport::tcp,  // nothing is cut off
                              .entropy = question.entropy};
  Bytes reply(kMaxMessageSize);
  RecordingTrace trace;
  const AnswerInfo info = answer(snapshot, request, std::span<std::uint8_t>(reply), trace);

  Explanation out;
  out.name = name->to_text();
  out.type = type_to_text(*type);
  out.question = question;
  for (const auto& note : trace.lines()) out.lines.push_back({std::string(note.topic), note.text});
  if (info.length == 0) return out;
  add_decision(out, snapshot, info);
  if (auto read = read_reply(std::span<const std::uint8_t>(reply).first(info.length), out); !read) {
    return tl::unexpected(read.error());
  }
  return out;
}

}  // namespace dns
