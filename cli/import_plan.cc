#include "cli/import_plan.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "cli/import_records.h"
#include "cli/yaml_text.h"
#include "dns/core/steer/policy.h"
#include "dns/core/wire/name.h"
#include "shared/core/ascii.h"
#include "shared/core/ip.h"

namespace cli {
namespace {

constexpr std::uint32_t kMostWeight = 10'000;
constexpr const char* kStandIn = "192.0.2.53";

using Pools = std::vector<std::string>;

// A region as it is made of pools.
struct Part {
  std::string name;
  std::vector<std::string> edges;
  std::string cname;
  std::string location;
};

// Which pools an address is in, and with which weight in each.
using Signature = std::vector<std::pair<std::string, std::uint32_t>>;

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

// A pool with addresses of both families: its regions have both, too, so what parts only one of them cannot count.
bool is_dual(const ImportPool& pool) {
  const auto v6 = [](const ImportTarget& target) { return !target.cname && is_v6(target.value); };
  const auto v4 = [](const ImportTarget& target) { return !target.cname && !is_v6(target.value); };
  return std::any_of(pool.targets.begin(), pool.targets.end(), v6) &&
         std::any_of(pool.targets.begin(), pool.targets.end(), v4);
}

class Parting {
 public:
  explicit Parting(ImportPlan& plan) : plan_(plan) {
    for (const std::string& id : plan.pool_order) know(id);
    for (const std::string& value : values_) {
      if (!is_v6(value)) put(value);
    }
    for (const std::string& value : values_) {
      if (is_v6(value)) put(value);
    }
    for (const std::string& id : plan.pool_order) refer(id);
  }

  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }
  // A region's name, or a group of them.
  [[nodiscard]] const std::string& words(const std::string& pool) const { return words_.at(pool); }
  [[nodiscard]] const std::vector<std::size_t>& parts_of(const std::string& pool) const { return of_pool_.at(pool); }

 private:
  void know(const std::string& id) {
    const ImportPool& pool = plan_.pools.at(id);
    const bool dual = is_dual(pool);
    if (dual) duals_.insert(id);
    bool weighted = false;
    for (const ImportTarget& target : pool.targets) {
      if (!signatures_.contains(target.value)) values_.push_back(target.value);
      weighted = weighted || target.weight != pool.targets.front().weight;
      signatures_[target.value].emplace_back(id, dual ? 1 : target.weight);
      if (target.cname) cnames_.insert(target.value);
    }
    if (dual && weighted) {
      plan_.lose({}, "the weights of pool " + id + ": it has addresses of both families, which are one region here");
    }
  }

  // What counts for both families.
  [[nodiscard]] Signature common(const Signature& signature) const {
    Signature out;
    for (const auto& part : signature) {
      if (duals_.contains(part.first)) out.push_back(part);
    }
    return out;
  }

  // An IPv6 address goes with the IPv4 addresses of its pools.
  [[nodiscard]] std::optional<std::size_t> partner(const std::string& value, const Signature& signature) const {
    if (!is_v6(value) || common(signature).empty()) return std::nullopt;
    for (const auto& [other, part] : by_signature_) {
      const bool v4 = !is_v6(parts_[part].edges.front());
      if (v4 && common(other) == common(signature)) return part;
    }
    return std::nullopt;
  }

  void put(const std::string& value) {
    const Signature& signature = signatures_.at(value);
    const bool cname = cnames_.contains(value);
    const auto known = by_signature_.find(signature);
    const auto with = known != by_signature_.end() ? std::optional(known->second) : partner(value, signature);
    if (!cname && with) {
      parts_[*with].edges.push_back(value);
      part_of_[value] = *with;
      return;
    }
    const ImportPool& first = plan_.pools.at(signature.front().first);
    Part part{unused(first.hint), {}, cname ? value : "", first.location};
    if (!cname) part.edges.push_back(value);
    if (!cname) by_signature_[signature] = parts_.size();
    part_of_[value] = parts_.size();
    parts_.push_back(std::move(part));
  }

  std::string unused(const std::string& hint) {
    std::string name = hint;
    for (int next = 2; !names_.insert(name).second; ++next) name = hint + "-" + std::to_string(next);
    return name;
  }

  void refer(const std::string& id) {
    std::map<std::size_t, std::uint64_t> weights;
    std::vector<std::size_t>& parts = of_pool_[id];
    for (const ImportTarget& target : plan_.pools.at(id).targets) {
      const std::size_t part = part_of_.at(target.value);
      if (weights[part] == 0) parts.push_back(part);
      weights[part] += std::max<std::uint32_t>(target.weight, 1);
    }
    if (parts.size() == 1) {
      words_[id] = parts_[parts.front()].name;
      return;
    }
    if (parts.size() > dns::kMaxGroupMembers) {
      plan_.lose({}, "pool " + plan_.pools.at(id).hint + " has " + std::to_string(parts.size()) +
                         " parts of different weights; a group has " + std::to_string(dns::kMaxGroupMembers) +
                         " at most: the rest is left out");
      parts.resize(dns::kMaxGroupMembers);
    }
    std::uint64_t most = 1;
    for (const std::size_t part : parts) most = std::max(most, weights[part]);
    std::string out;
    for (const std::size_t part : parts) {
      std::uint64_t weight = weights[part];
      if (most > kMostWeight) weight = std::max<std::uint64_t>(weight * kMostWeight / most, 1);
      out += (out.empty() ? "" : ", ") + parts_[part].name + ": " + std::to_string(weight);
    }
    words_[id] = "{" + out + "}";
  }

  ImportPlan& plan_;
  std::map<std::string, Signature> signatures_;
  std::vector<std::string> values_;  // in the order of the file
  std::set<std::string> cnames_;
  std::set<std::string> duals_;  // pools
  std::map<Signature, std::size_t> by_signature_;
  std::map<std::string, std::size_t> part_of_;
  std::set<std::string> names_;
  std::vector<Part> parts_;
  std::map<std::string, std::string> words_;
  std::map<std::string, std::vector<std::size_t>> of_pool_;
};

std::string list(const Parting& parting, const std::vector<std::string>& pools) {
  std::string out;
  for (const std::string& pool : pools) out += (out.empty() ? "" : ", ") + parting.words(pool);
  return "[" + out + "]";
}

std::string regions_text(const Parting& parting) {
  std::string out = "regions:\n";
  for (const Part& part : parting.parts()) {
    out += "  " + part.name + ": {";
    if (!part.location.empty()) out += "location: [" + part.location + "], ";
    if (!part.cname.empty()) {
      out += "cname: " + yaml_quoted(part.cname) + "}\n";
      continue;
    }
    std::string edges;
    for (const std::string& edge : part.edges) edges += (edges.empty() ? "" : ", ") + yaml_quoted(edge);
    out += "edges: [" + edges + "]}\n";
  }
  return out;
}

std::string health_text(const ImportHealth& health) {
  std::string out = "kind: " + health.kind;
  const auto add = [&out](const std::string& key, const std::string& value) {
    if (!value.empty()) out += ", " + key + ": " + value;
  };
  if (health.port != 0) add("port", std::to_string(health.port));
  if (health.kind != "tcp") {
    add("host", health.host.empty() ? "" : yaml_quoted(health.host));
    add("path", health.path.empty() ? "" : yaml_quoted(health.path));
  }
  add("interval", health.interval);
  add("timeout", health.timeout);
  if (health.fall != 0) add("fall", std::to_string(health.fall));
  if (health.rise != 0) add("rise", std::to_string(health.rise));
  return "\n# How every DNS node asks every edge.\nhealth:\n  edge: {" + out + "}\n";
}

std::string step_text(const Parting& parting, const ImportStep& step, bool geo) {
  using Kind = ImportStep::Kind;
  if (step.kind == Kind::failover) return "      - failover: " + list(parting, step.rows.front().second) + "\n";
  const bool needs_geo = step.kind == Kind::geo || step.kind == Kind::nearest;
  const std::string begin = needs_geo && !geo ? "      # " : "      ";
  if (step.kind == Kind::nearest) return begin + "- nearest: {}\n";
  std::string out = begin + "- " + (step.kind == Kind::geo ? "geo" : "subnets") + ":\n";
  for (const auto& [key, pools] : step.rows)
    out += begin + "    " + yaml_quoted(key) + ": " + list(parting, pools) + "\n";
  return out;
}

// The families of the regions that a policy's answers may come from: those that all have, and those that any has.
struct Families {
  std::set<std::string> all{"a", "aaaa"}, any;
};

Families families_of(const Parting& parting, const std::vector<ImportStep>& policy) {
  Families out;
  for (const ImportStep& step : policy) {
    for (const auto& [key, pools] : step.rows) {
      for (const std::string& pool : pools) {
        for (const std::size_t index : parting.parts_of(pool)) {
          const Part& part = parting.parts()[index];
          if (!part.cname.empty()) continue;
          std::set<std::string> here;
          for (const std::string& edge : part.edges) here.insert(edge.find(':') == std::string::npos ? "a" : "aaaa");
          out.any.insert(here.begin(), here.end());
          std::erase_if(out.all, [&here](const std::string& family) { return !here.contains(family); });
        }
      }
    }
  }
  return out;
}

std::string name_text(ImportPlan& plan, const Parting& parting, const ImportName& name) {
  std::string out = "    " + yaml_quoted(name.name) + ": {";
  if (!name.alias.empty()) {
    out += "alias: " + yaml_quoted(name.alias);
  } else {
    out += "policy: " + name.policy;
    const Families families = families_of(parting, plan.policies.at(name.policy));
    if (families.all != families.any && families.all.size() == 1) {
      out += ", families: " + *families.all.begin();
      plan.lose({}, name.name + ": some of its pools have addresses of one family alone; it gives the other none");
    }
  }
  out += ", ttl: {min: " + std::to_string(std::min(name.ttl_min, name.ttl_max)) +
         "s, max: " + std::to_string(name.ttl_max) + "s}";
  return out + (name.one_answer ? ", answers: 1}\n" : "}\n");
}

std::string dns_text(ImportPlan& plan, const Parting& parting) {
  const bool geo = !plan.geo_database.empty();
  std::string out = "\ndns:\n  listen: [\"0.0.0.0:53\", \"[::]:53\"]\n  zones:\n";
  for (const auto& [zone, text] : plan.zones)
    out += "    " + yaml_quoted(zone) + ": " + yaml_quoted("zones/" + zone + ".zone") + "\n";
  if (geo) out += "  geo: {database: " + yaml_quoted(plan.geo_database) + "}\n";
  bool commented = false;
  if (!plan.policies.empty()) out += "  policies:\n";
  for (const auto& [name, steps] : plan.policies) {
    out += "    " + name + ":\n";
    for (const ImportStep& step : steps) {
      out += step_text(parting, step, geo);
      commented = commented || (!geo && (step.kind == ImportStep::Kind::geo || step.kind == ImportStep::Kind::nearest));
    }
  }
  if (!plan.names.empty()) out += "  names:\n";
  for (const ImportName& name : plan.names) out += name_text(plan, parting, name);
  if (commented) {
    plan.lose({}, "steps by place stand as comments, for they need a database: name one with --geo-database FILE.mmdb");
  }
  return out;
}

std::string zone_text(ImportPlan& plan, const std::string& name, const ImportZone& zone) {
  if (zone.has_soa && zone.has_ns) return zone.text;
  std::string head = "$TTL 1h\n";
  if (!zone.has_soa) head += "@ SOA ns1 hostmaster ( 1 2h 15m 2w 5m )   ; a change of this file: add 1\n";
  if (!zone.has_ns) {
    std::vector<std::string> nodes = plan.nodes;
    if (nodes.empty()) {
      nodes.emplace_back(kStandIn);
      plan.lose({}, "zone " + name + " names no name servers: ns1 with " + kStandIn + " stands in; say --node ADDRESS");
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::string server = "ns" + std::to_string(i + 1);
      const bool v6 = nodes[i].find(':') != std::string::npos;
      head.append("@ NS ").append(server).append("\n");
      head.append(server).append(v6 ? " AAAA " : " A ").append(nodes[i]).append("\n");
    }
  }
  return head + zone.text;
}

}  // namespace

std::string plain_word(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(letter)) != 0;
    if (plain) out += letter;
    if (!plain && !out.empty() && out.back() != '-') out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() || std::isdigit(static_cast<unsigned char>(out.front())) != 0 ? "r" + out : out;
}

ImportPool& ImportPlan::pool(const std::string& id, const std::string& hint) {
  const auto [found, fresh] = pools.try_emplace(id);
  if (fresh) {
    found->second.hint = plain_word(hint);
    pool_order.push_back(id);
  }
  return found->second;
}

void ImportPlan::lose(const shared::load::Position& at, const std::string& what) {
  const std::string line = (at.file == nullptr ? "" : at.to_string() + ": ") + what;
  if (std::find(lost.begin(), lost.end(), line) == lost.end()) lost.push_back(line);
}

void ImportPlan::probe(const ImportHealth& how, const shared::load::Position& at) {
  if (!health) {
    health = how;
  } else if (*health != how) {
    lose(at, "another health check: all edges are asked alike here (health.edge), as the first one says");
  }
}

void ImportPlan::steer(ImportName name, const shared::load::Position& at) {
  const auto same = [&name](const ImportName& other) { return shared::equals_ignoring_case(other.name, name.name); };
  if (std::any_of(names.begin(), names.end(), same)) return lose(at, name.name + " is steered twice: the first counts");
  names.push_back(std::move(name));
}

bool is_cname_target(const std::string& text) {
  const auto name = dns::Name::from_text(text);
  return name && !name->is_root();
}

std::string ImportPlan::policy_name(const std::string& wanted) const {
  std::string name = plain_word(wanted);
  for (int next = 2; policies.contains(name); ++next) name = plain_word(wanted) + "-" + std::to_string(next);
  return name;
}

namespace {

// `nearest` goes by all regions that there are: it says the same only where one policy has all of them, each with a
// place.
void judge_nearest(ImportPlan& plan) {
  const bool located = std::all_of(plan.pool_order.begin(), plan.pool_order.end(), [&plan](const std::string& id) {
    const ImportPool& pool = plan.pools.at(id);
    return !pool.location.empty() || pool.targets.front().cname;
  });
  for (auto& [name, steps] : plan.policies) {
    std::set<std::string> named;
    for (const ImportStep& step : steps) {
      for (const auto& row : step.rows) named.insert(row.second.begin(), row.second.end());
    }
    const bool all = located && named.size() == plan.pool_order.size();
    const auto dropped =
        std::erase_if(steps, [all](const ImportStep& step) { return step.kind == ImportStep::Kind::nearest && !all; });
    if (dropped == 0) continue;
    plan.lose({}, "policy " + name +
                      ": by distance, which here goes by all regions: others have regions of their own, or "
                      "some have no place; the order of its datacenters stands in");
  }
}

std::set<bool> families_of(const ImportPool& pool) {
  std::set<bool> out;
  for (const ImportTarget& target : pool.targets) out.insert(is_v6(target.value));
  return out;
}

// Addresses that stand in when all else is down, of one family alone, would leave the name without the other.
void drop_lame_backups(ImportPlan& plan) {
  for (auto& [name, steps] : plan.policies) {
    if (steps.empty() || steps.back().kind != ImportStep::Kind::failover) continue;
    Pools& last = steps.back().rows.front().second;
    const auto found = last.empty() ? plan.pools.end() : plan.pools.find(last.back());
    if (last.size() < 2 || found == plan.pools.end() || !last.back().ends_with(kBackupPool)) continue;
    if (families_of(plan.pools.at(last.front())) == families_of(found->second)) continue;
    for (const ImportTarget& target : found->second.targets) {
      plan.lose({},
                "policy " + name + ": " + target.value + " of its values, which has no partner of the other family");
    }
    found->second.targets.clear();
    last.pop_back();
  }
}

// Pools that nothing is left of are in no list.
void tidy(ImportPlan& plan) {
  drop_lame_backups(plan);
  std::erase_if(plan.pool_order, [&plan](const std::string& id) { return plan.pools.at(id).targets.empty(); });
  for (auto& [name, steps] : plan.policies) {
    for (ImportStep& step : steps) {
      for (auto& [key, pools] : step.rows) {
        std::erase_if(pools, [&plan](const std::string& id) {
          const auto found = plan.pools.find(id);
          return found == plan.pools.end() || found->second.targets.empty();
        });
      }
      std::erase_if(step.rows, [](const auto& row) { return row.second.empty(); });
    }
    std::erase_if(steps,
                  [](const ImportStep& step) { return step.kind != ImportStep::Kind::nearest && step.rows.empty(); });
  }
  std::erase_if(plan.names, [&plan](const ImportName& name) {
    const bool empty = name.alias.empty() && plan.policies.at(name.policy).empty();
    if (empty) plan.lose({}, name.name + ": nothing is left that it could answer; it is left out");
    return empty;
  });
  std::erase_if(plan.policies, [](const auto& policy) { return policy.second.empty(); });
}

}  // namespace

ImportFiles write_import(ImportPlan& plan) {
  tidy(plan);
  judge_nearest(plan);
  const Parting parting(plan);
  ImportFiles files;
  files.configuration =
      "# Made by `meridian import`. Look it over, then: meridian check meridian.yaml\n\nservice: " + plan.service +
      "\n\n" + regions_text(parting);
  if (plan.health) files.configuration += health_text(*plan.health);
  files.configuration += dns_text(plan, parting);
  for (const auto& [name, zone] : plan.zones) {
    files.zones.emplace_back("zones/" + name + ".zone", zone_text(plan, name, zone));
    judge_records(plan, name, zone, files.zones.back().second);
  }
  return files;
}

}  // namespace cli
