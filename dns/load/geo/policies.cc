// Field tables of `geo`, `policies` and `names`.
#include "dns/load/geo/policies.h"

#include <algorithm>
#include <utility>

namespace dns {
namespace {

using namespace shared::load;  // the vocabulary of field tables

std::optional<MemberConfig> read_region(const Node& node, Diagnostics& diagnostics) {
  auto name = word().read(node, diagnostics);
  if (!name) return std::nullopt;
  return MemberConfig{std::move(*name), node.at, 1};
}

// eu, or {us-east: 3, us-west: 1}
Reader<ElementConfig> element() {
  auto read = [](const Node& node, Diagnostics& diagnostics) -> std::optional<ElementConfig> {
    if (!node.is_map()) {
      auto region = read_region(node, diagnostics);
      if (!region) return std::nullopt;
      return ElementConfig{std::move(*region)};
    }
    const auto weights = map_of("region", integer<std::uint16_t>(1, 10000)).read(node, diagnostics);
    if (!weights) return std::nullopt;
    if (weights->empty() || weights->size() > kMaxGroupMembers) {
      diagnostics.error(node.at, "a weighted group has 1 to " + std::to_string(kMaxGroupMembers) + " regions, not " +
                                     std::to_string(weights->size()));
      return std::nullopt;
    }
    ElementConfig group;
    for (const auto& [name, at, weight] : *weights) group.push_back({name, at, weight});
    return group;
  };
  return custom<ElementConfig>("region, or group of regions and weights {us-east: 3, us-west: 1}", read);
}

template <class V>
Reader<std::vector<V>> not_empty(Reader<std::vector<V>> reader) {
  auto read = [inner = reader.read](const Node& node, Diagnostics& diagnostics) -> std::optional<std::vector<V>> {
    auto values = inner(node, diagnostics);
    if (values && values->empty()) {
      expected(node, "at least one region", diagnostics);
      return std::nullopt;
    }
    return values;
  };
  reader.read = std::move(read);
  return reader;
}

Reader<OrderConfig> order() { return not_empty(one_or_list(element())); }

const Table<NearestConfig>& nearest_table() {
  static const auto table =
      Table<NearestConfig>(
          "dns.policies.NAME.nearest",
          "All regions by great-circle distance from the client; nothing for a client whose location the "
          "database does not know. Every region needs a `location`.")
          .field("bias", &NearestConfig::bias, map_of("region", integer<std::int8_t>(-99, 99)),
                 "Percent by which a region counts as nearer (negative: as farther) than it is");
  return table;
}

void check_step(const StepConfig& step, const Node& node, Diagnostics& diagnostics) {
  const int kinds = (step.subnets ? 1 : 0) + (step.resolvers ? 1 : 0) + (step.asn ? 1 : 0) + (step.geo ? 1 : 0) +
                    (step.nearest ? 1 : 0) + (step.failover ? 1 : 0) + (step.fence ? 1 : 0);
  if (kinds == 1) return;
  diagnostics.error(node.at, kinds == 0 ? "a step is one of subnets, resolvers, asn, geo, nearest, failover, fence"
                                        : "one step, one kind: begin each with its own '- '");
}

const Table<StepConfig>& step_table() {
  static const auto table =
      Table<StepConfig>(
          "dns.policies.NAME",
          "A policy is a list of steps. Each contributes an ordered list of regions for the client; the lists "
          "are concatenated and the first mention of a region wins. Of the rows of a step only the most "
          "specific that matches contributes. One key in each step.")
          .field("subnets", &StepConfig::subnets, optional_of(map_of("prefix", order())),
                 "By the client's address, as the subnet option names it, else by the resolver's own")
          .field("resolvers", &StepConfig::resolvers, optional_of(map_of("prefix", order())),
                 "By the resolver's own address, for queries without a client subnet or with a private one")
          .field("asn", &StepConfig::asn, optional_of(map_of("AS number", order())),
                 "By the autonomous system that the client's address belongs to, such as AS3320; needs a database that "
                 "knows them")
          .field("geo", &StepConfig::geo, optional_of(map_of("place", order())),
                 "By where the client is: continent, country or subdivision, such as EU, NA-US, NA-US-CA")
          .field("nearest", &StepConfig::nearest, optional_of(nested(nearest_table())), "By distance")
          .field("failover", &StepConfig::failover, optional_of(order()), "The same list for every client")
          .field(
              "fence", &StepConfig::fence, optional_of(map_of("place", not_empty(one_or_list(located(word()))))),
              "Filters the finished list, wherever it stands: clients of the place are answered by these regions only")
          .position(&StepConfig::at)
          .check(check_step);
  return table;
}

void check_ttl(const TtlBounds& ttl, const Node& node, Diagnostics& diagnostics) {
  for (const shared::Duration value : {ttl.min, ttl.max}) {
    if (value % shared::seconds(1) == shared::Duration::zero()) continue;
    diagnostics.error(node.at, "a TTL is a whole number of seconds, not " + print_duration(value));
  }
  if (ttl.min <= ttl.max) return;
  diagnostics.error(node.at,
                    "ttl: min (" + print_duration(ttl.min) + ") is longer than max (" + print_duration(ttl.max) + ")");
}

const Table<TtlBounds>& ttl_table() {
  static const auto table =
      Table<TtlBounds>("dns.names.NAME.ttl",
                       "TTL of the answers: `max` while nothing changes, `min` as soon as something may.")
          .field("min", &TtlBounds::min, duration(shared::seconds(1), std::chrono::hours(24 * 7)),
                 "While a region of the client's order begins to fail, to return or to drain")
          .field("max", &TtlBounds::max, duration(shared::seconds(1), std::chrono::hours(24 * 7)), "Otherwise")
          .check(check_ttl);
  return table;
}

Reader<std::optional<WhenAllDown>> when_all_down() {
  auto reader = optional_of(one_of<WhenAllDown>(
      {{"answer_all", WhenAllDown::answer_all}, {"nodata", WhenAllDown::nodata}, {"refuse", WhenAllDown::refuse}}));
  reader.print = [](const std::optional<WhenAllDown>&) { return std::string("answer_all"); };
  return reader;
}

void check_name(const NameConfig& name, const Node& node, Diagnostics& diagnostics) {
  if (name.policy.has_value() == name.alias.has_value()) {
    diagnostics.error(node.at, name.policy ? "a name has a `policy` or an `alias`, not both"
                                           : "a name needs a `policy`, or the `alias` of a name elsewhere");
  }
  if (!name.alias) return;
  for (const std::string_view key : {"answers", "when_all_down", "families"}) {
    const Node* const written = node.find(key);
    if (written != nullptr) diagnostics.error(written->key_at, std::string(key) + " has no meaning for an alias");
  }
}

const Table<NameConfig>& name_table() {
  static const auto table =
      Table<NameConfig>(
          "dns.names.NAME",
          "A name whose A and AAAA records are the edges of the region that its policy chooses, or those of another "
          "name (`alias`); other types come from the zone file. `*` as the first label is a wildcard.")
          .field("policy", &NameConfig::policy, optional_of(located(word())), "Which of `dns.policies`")
          .field("alias", &NameConfig::alias, optional_of(located(text())),
                 "In place of a policy: the addresses are those of this name, asked for again by its TTL (ALIAS)")
          .field("ttl", &NameConfig::ttl, nested(ttl_table()), "How long resolvers may keep an answer")
          .field("answers", &NameConfig::answers, optional_of(integer<std::uint16_t>(1, 1000)),
                 "At most so many addresses of the region's edges that are up, the same ones for one client; none: all")
          .field("when_all_down", &NameConfig::when_all_down, when_all_down(),
                 "When no region of the client's order serves: all its edges, no address, or REFUSED")
          .field("families", &NameConfig::families,
                 optional_of(one_or_list(
                     one_of<shared::Family>({{"a", shared::Family::ipv4}, {"aaaa", shared::Family::ipv6}}))),
                 "Which types the policy gives, the other may stand in the zone file; none: those that all its regions "
                 "have, "
                 "and they must not differ")
          .position(&NameConfig::at)
          .check(check_name);
  return table;
}

Reader<std::filesystem::path> optional_file() {
  auto reader = file_path();
  reader.print = [](const std::filesystem::path&) { return std::string("none"); };
  return reader;
}

}  // namespace

Reader<OrderConfig> order_reader() { return order(); }

namespace {

const Table<GuardConfig>& guard_table() {
  static const auto table =
      Table<GuardConfig>("dns.geo.guard",
                         "Refuses a new database that would move more of the answers than is plausible; `meridian "
                         "reload --force-geo` takes it all the same.")
          .field(
              "share", &GuardConfig::share, percent(),
              "The most that may move, of the answers that were given lately (of the IPv4 addresses, where few were)")
          .field("mode", &GuardConfig::mode, mode(), "`shadow` takes the database and warns");
  return table;
}

}  // namespace

const Table<GeoConfig>& geo_table() {
  static const auto table =
      Table<GeoConfig>("dns.geo", "Where clients are.")
          .field("database", &GeoConfig::database, optional_file(),
                 "MaxMind DB file (.mmdb): City, Country, Enterprise, ASN or ISP layout")
          .field("asn", &GeoConfig::asn, optional_file(),
                 "MaxMind DB file of AS numbers, for the step `asn`; without it those of "
                 "`database` count, if it has any")
          .field("overrides", &GeoConfig::overrides, optional_file(),
                 "YAML file of corrections, prefix by prefix; `meridian reload --overrides` reads it alone")
          .field("poll", &GeoConfig::poll, duration(shared::milliseconds(100), std::chrono::hours(24)),
                 "How often the server looks whether the file of `database` was replaced")
          .field("guard", &GeoConfig::guard, nested(guard_table()), "How much a new database may change")
          .position(&GeoConfig::at);
  return table;
}

Reader<NamedMap<PolicyConfig>> policies_reader() { return map_of("policy", list_of(nested(step_table()))); }

Reader<NamedMap<NameConfig>> names_reader() { return map_of("name", nested(name_table())); }

}  // namespace dns
