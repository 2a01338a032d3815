#include "tests/support/dns_world.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "dns/core/steer/answer_sets.h"
#include "dns/core/steer/policy_tables.h"

namespace test {

namespace {

[[nodiscard]] shared::IpAddress ip(const char* text) { return shared::IpAddress::parse(text).value(); }

[[nodiscard]] dns::SteeredName steered(const char* name) {
  dns::SteeredName steered;
  steered.name = name;
  return steered;
}

[[nodiscard]] dns::SteeringSpec spec() {
  dns::SteeringSpec spec;
  spec.geo = std::make_shared<dns::GeoDatabase>();
  spec.regions = {{"us", std::nullopt, {ip("192.0.2.11"), ip("2001:db8:1::11")}},
                  {"eu", std::nullopt, {ip("203.0.113.31"), ip("2001:db8:3::31")}},
                  {"cdn", std::nullopt, {}, dns::Name::from_text("shop.cdn.example.org").value()}};
  const dns::Element us = {{dns::RegionId{0}, 1}};
  const dns::Element eu = {{dns::RegionId{1}, 1}};
  dns::SubnetsStep subnets;
  subnets.rows = {{shared::Prefix::parse("198.51.100.0/24").value(), {eu}, {}},
                  {shared::Prefix::parse("2001:db8:ec::/48").value(), {eu}, {}}};
  dns::FailoverStep failover;
  failover.order = {us, eu};
  spec.policies.push_back({"closest", {{subnets, {}}, {failover, {}}}, {}});
  dns::SubnetsStep platform;
  platform.rows = {{shared::Prefix::parse("198.51.100.0/24").value(), {{{dns::RegionId{2}, 1}}}, {}}};
  spec.policies.push_back({"mixed", {{platform, {}}, {failover, {}}}, {}});
  spec.names = {steered("www.example.com"),   steered("*.geo.example.com"), steered("four.example.com"),
                steered("mixed.example.com"), steered("flat.example.com"),  steered("unflat.example.com")};
  spec.names[2].families = std::vector{shared::Family::ipv4};
  spec.names[3].policy = 1;
  for (std::size_t i : {4, 5}) spec.names[i].alias = dns::Name::from_text("target.example.org").value();
  return spec;
}

}  // namespace

void add_steering(dns::Snapshot& snapshot) {
  dns::SteeringSpec steering = spec();
  const dns::HealthView health = dns::HealthView::all_up(steering.regions);
  const dns::CompiledPolicies compiled = dns::compile(std::move(steering));
  for (const dns::Finding& finding : compiled.findings) std::fprintf(stderr, "%s\n", finding.message.c_str());
  if (compiled.tables == nullptr) std::abort();
  snapshot.policies = compiled.tables;
  dns::AliasView aliases;  // the second target is not known
  aliases.targets = {{{{dns::AliasAnswer::State::fresh, {ip("192.0.2.61"), ip("192.0.2.62")}, 20},
                       {dns::AliasAnswer::State::fresh, {}, 0}}}};
  snapshot.answers = dns::AnswerSets::build(*snapshot.policies, health, aliases);
}

ZoneText example_zone() {
  ZoneText text;
  text.lines = {
      "@ 3600 SOA ns1 hostmaster 2026112201 7200 3600 1209600 300",
      "@ 3600 NS ns1",
      "@ 3600 NS ns2.example.net.",
      "@ 600 MX 10 mail",
      "@ 600 MX 20 www",
      "@ 600 TXT hello",
      "ns1 3600 A 192.0.2.53",
      "ns1 3600 AAAA 2001:db8::53",
      "mail 300 A 192.0.2.25",
      "mail 300 AAAA 2001:db8::25",
      "Static 120 A 192.0.2.80",
      "static 120 A 192.0.2.81",
      "static 120 TXT text",
      // Aliases
      "alias 100 CNAME static",
      "alias2 100 CNAME alias",
      "steered 100 CNAME www",
      "outside 100 CNAME www.example.org.",
      "across 100 CNAME host.example.net.",
      "nowhere 100 CNAME missing",
      "loop1 100 CNAME loop2",
      "loop2 100 CNAME loop1",
      "self 100 CNAME self",
      "into 100 CNAME host.sub",
      // Empty non-terminal: b.ent exists because of a.b.ent
      "a.b.ent 60 A 192.0.2.99",
      // Wildcards
      "*.wild 60 A 192.0.2.42",
      "*.wild 60 TXT star",
      "host.wild 60 TXT sibling",
      "a.ent.wild 60 TXT below",
      "*.wildalias 60 CNAME static",
      // DNAME
      "old 500 DNAME new",
      "host.new 60 A 192.0.2.77",
      "long 500 DNAME " + std::string(60, 'x') + "." + std::string(60, 'y') + "." + std::string(60, 'z') + ".new",
      // Delegations
      "sub 900 NS ns.sub",
      "sub 900 NS ns.other.org.",
      "sub 900 NS mail",
      "sub 900 TYPE43 \\# 0001 08 02 00112233",
      "ns.sub 900 A 192.0.2.54",
      "ns.sub 900 AAAA 2001:db8::54",
      "far 900 NS ns.other.org.",
      // Services
      "_sip._tcp 200 SRV 10 5 5060 mail",
      "_sip._tcp 200 SRV 20 5 5060 four",
      "@ 200 TYPE65 \\# 0001 03 777777 07 6578616d706c65 03 636f6d 00 0001 0003 026832",
      "svc 200 TYPE65 \\# 0000 03 777777 07 6578616d706c65 03 636f6d 00",
      "own 200 TYPE64 \\# 0001 00",
      "own 200 A 192.0.2.60",
      // Policy names have other types from the zone
      "www 400 TXT shop",
      // Hints are the client's own addresses, whatever stands here; of names elsewhere they are as they stand
      "www 400 TYPE65 \\# 0001 00 0001 0003 026832 0004 0004 c0000201 0006 0010 20010db8000000000000000000000001",
      "to-four 50 TYPE64 \\# 0002 04 666f7572 07 6578616d706c65 03 636f6d 00 0004 0004 c0000201 0006 0010 "
      "20010db8000000000000000000000001",
      "to-chain 50 TYPE65 \\# 0001 07 73746565726564 07 6578616d706c65 03 636f6d 00 0004 0008 c0000201 c0000202",
      "to-mixed 50 TYPE65 \\# 0001 05 6d69786564 07 6578616d706c65 03 636f6d 00 0003 0002 01bb 0004 0004 c0000201",
      "to-static 50 TYPE65 \\# 0001 06 737461746963 07 6578616d706c65 03 636f6d 00 0004 0004 c0000250",
      "to-www 50 TYPE65 \\# 0000 03 777777 07 6578616d706c65 03 636f6d 00",
      // A region of its policy is a CNAME; the addresses of these are those of names elsewhere
      "to-mixed-alias 50 CNAME mixed",
      "to-unflat 50 CNAME unflat",
      "flat 400 TXT apex",
      "unknown 60 TYPE65280 \\# abcdef",
  };
  text.policies = {{"www", 0}, {"*.geo", 1}, {"four", 2}, {"mixed", 3}, {"flat", 4}, {"unflat", 5}};
  return text;
}

ZoneText other_zone() {
  ZoneText text;
  text.apex = "example.net";
  text.lines = {
      "@ 3600 SOA ns2 hostmaster 7 7200 3600 1209600 86400",
      "@ 3600 NS ns2",
      "ns2 3600 A 198.51.100.53",
      "host 60 A 198.51.100.7",
  };
  return text;
}

dns::Snapshot example_world() {
  dns::Snapshot snapshot;
  add_steering(snapshot);
  snapshot.zones = std::make_shared<dns::ZoneSet>(
      std::vector<std::shared_ptr<const dns::Zone>>{zone_of(example_zone()), zone_of(other_zone())});
  snapshot.identity = {"node-1", "meridian"};
  return snapshot;
}

}  // namespace test
