#include "cli/import_octodns.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "cli/octodns_records.h"
#include "shared/core/ip.h"
#include "shared/load/yaml.h"

namespace cli {
namespace {

using shared::load::Diagnostics;
using shared::load::Node;

constexpr std::uint32_t kDefaultTtl = 3600;
constexpr std::size_t kMostFallbacks = 64;

std::string text_of(const Node& map, std::string_view key) {
  const Node* const node = map.find(key);
  return node != nullptr && node->is_scalar() ? node->text : "";
}

std::uint32_t number_of(const Node& map, std::string_view key, std::uint32_t otherwise) {
  const std::string text = text_of(map, key);
  std::uint32_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// One dynamic record.
class Dynamic {
 public:
  Dynamic(ImportPlan& plan, std::string name, const Node& record)
      : plan_(plan), name_(std::move(name)), record_(record), dynamic_(*record.find("dynamic")) {
    cname_ = text_of(record, "type") == "CNAME";
  }

  // The steps of its policy.
  std::vector<ImportStep> read() {
    if (const Node* const pools = dynamic_.find("pools")) {
      for (const Node& pool : pools->children) read_pool(pool);
    }
    ImportStep subnets{ImportStep::Kind::subnets, {}};
    ImportStep geo{ImportStep::Kind::geo, {}};
    ImportStep last{ImportStep::Kind::failover, {}};
    if (const Node* const rules = dynamic_.find("rules")) {
      for (const Node& rule : rules->children) read_rule(rule, subnets, geo, last);
    }
    std::vector<std::string> end = last.rows.empty() ? std::vector<std::string>() : last.rows.front().second;
    if (const std::string values = read_values(); !values.empty()) end.push_back(values);
    std::vector<ImportStep> steps;
    for (ImportStep* const step : {&subnets, &geo}) {
      if (!step->rows.empty()) steps.push_back(std::move(*step));
    }
    if (!end.empty()) steps.push_back({ImportStep::Kind::failover, {{"", std::move(end)}}});
    read_health();
    return steps;
  }

 private:
  // A and AAAA of a name share the pools of the same name.
  [[nodiscard]] std::string id(const std::string& pool) const { return name_ + "/" + (cname_ ? "=" : "") + pool; }

  void read_pool(const Node& pool) {
    ImportPool& out = plan_.pool(id(pool.key), pool.key);
    if (const Node* const values = pool.find("values")) {
      for (const Node& value : values->children) read_value(value, out);
    }
    for (const Node& option : pool.children) {
      if (option.key != "values" && option.key != "fallback") plan_.lose(option.key_at, "pool option " + option.key);
    }
  }

  void read_value(const Node& value, ImportPool& out) {
    const std::string text = text_of(value, "value");
    const std::string status = text_of(value, "status");
    if (status == "down") return plan_.lose(value.at, text + " has status: down, and is left out");
    if (status == "up")
      plan_.lose(value.at,
                 text + " has status: up: here it is probed; `meridian drain " + text + " --state up` says the same");
    add(text, number_of(value, "weight", 1), value.at, out);
  }

  void add(const std::string& text, std::uint32_t weight, const shared::load::Position& at, ImportPool& out) {
    if (!cname_ && !shared::IpAddress::parse(text)) return plan_.lose(at, "'" + text + "' is no address");
    if (cname_ && !is_cname_target(text)) return plan_.lose(at, "'" + text + "' is no name to answer with");
    const std::string value = cname_ ? text : shared::IpAddress::parse(text)->to_string();
    const bool there = std::any_of(out.targets.begin(), out.targets.end(),
                                   [&value](const ImportTarget& target) { return target.value == value; });
    if (!there) out.targets.push_back({value, std::max<std::uint32_t>(weight, 1), cname_});
  }

  // A pool, and those that its fallbacks lead to.
  [[nodiscard]] std::vector<std::string> chain(const std::string& first, const shared::load::Position& at) {
    std::vector<std::string> out;
    const Node* const pools = dynamic_.find("pools");
    for (std::string next = first; !next.empty() && out.size() < kMostFallbacks;) {
      const Node* const pool = pools == nullptr ? nullptr : pools->find(next);
      if (pool == nullptr) {
        plan_.lose(at, "there is no pool " + next);
        break;
      }
      if (std::find(out.begin(), out.end(), id(next)) != out.end()) break;
      out.push_back(id(next));
      next = text_of(*pool, "fallback");
    }
    return out;
  }

  void read_rule(const Node& rule, ImportStep& subnets, ImportStep& geo, ImportStep& last) {
    const auto pools = chain(text_of(rule, "pool"), rule.at);
    const auto rows = [&](const char* key, ImportStep& step) {
      const Node* const list = rule.find(key);
      if (list == nullptr) return false;
      for (const Node& one : list->children) {
        const auto twice =
            std::find_if(step.rows.begin(), step.rows.end(), [&](const auto& row) { return row.first == one.text; });
        if (twice == step.rows.end()) {
          step.rows.emplace_back(one.text, pools);
        } else {
          plan_.lose(one.at, one.text + " has a rule before this one, which counts");
        }
      }
      return true;
    };
    const bool by_subnet = rows("subnets", subnets);
    const bool by_place = rows("geos", geo);
    if (!by_subnet && !by_place) last.rows.emplace_back("", pools);
  }

  // Theirs serve when everything else is down, unprobed.
  std::string read_values() {
    const Node* values = record_.find("values");
    if (values == nullptr) values = record_.find("value");
    if (values == nullptr) return "";
    ImportPool pool;
    if (values->is_scalar()) add(values->text, 1, values->at, pool);
    for (const Node& value : values->children) add(value.text, 1, value.at, pool);
    // Where the pools have them all, when_all_down: answer_all says it already.
    std::set<std::string> known;
    for (const auto& [key, other] : plan_.pools) {
      if (!key.starts_with(name_ + "/")) continue;
      for (const ImportTarget& target : other.targets) known.insert(target.value);
    }
    std::erase_if(pool.targets, [&known](const ImportTarget& target) { return known.contains(target.value); });
    if (pool.targets.empty()) return "";
    ImportPool& out = plan_.pool(id("values"), "backup");
    for (ImportTarget& target : pool.targets) out.targets.push_back(std::move(target));
    return id("values");
  }

  void read_health() {
    const Node* const octodns = record_.find("octodns");
    const Node* const check = octodns == nullptr ? nullptr : octodns->find("healthcheck");
    ImportHealth health;
    std::string protocol = check == nullptr ? "" : text_of(*check, "protocol");
    health.kind = protocol == "HTTP" ? "http" : protocol == "TCP" ? "tcp" : "https";
    health.port = check == nullptr ? 443 : number_of(*check, "port", 443);
    health.path = check == nullptr ? "/_dns" : text_of(*check, "path");
    if (health.path.empty()) health.path = "/_dns";
    if (health.path.front() != '/') health.path.insert(0, "/");
    health.host = check == nullptr ? "" : text_of(*check, "host");
    if (health.host.empty()) health.host = name_.starts_with("*.") ? name_.substr(2) : name_;
    plan_.probe(health, check == nullptr ? record_.at : check->at);
    for (const Node& option : octodns == nullptr ? std::vector<Node>() : octodns->children) {
      if (option.key != "healthcheck") plan_.lose(option.key_at, "octodns." + option.key + " is another provider's");
    }
    for (const Node& option : check == nullptr ? std::vector<Node>() : check->children) {
      const std::set<std::string> known = {"host", "path", "port", "protocol"};
      if (!known.contains(option.key)) plan_.lose(option.key_at, "healthcheck." + option.key);
    }
  }

  ImportPlan& plan_;
  std::string name_;
  const Node& record_;
  const Node& dynamic_;
  bool cname_ = false;
};

class ZoneReader {
 public:
  ZoneReader(ImportPlan& plan, std::string zone) : plan_(plan), name_(std::move(zone)), zone_(plan.zones[name_]) {}

  void read(const Node& document) {
    for (const Node& owner : document.children) {
      const bool several = owner.is_sequence();
      for (const Node& record : several ? owner.children : std::vector<Node>{owner}) read_record(owner, record);
    }
    for (auto& [name, policy] : dynamic_) finish(name, std::move(policy));
  }

 private:
  struct Policy {
    std::vector<ImportStep> steps;
    std::uint32_t ttl = kDefaultTtl;
    shared::load::Position at;
  };

  void read_record(const Node& owner, const Node& record) {
    if (!record.is_map()) return plan_.lose(owner.at, "'" + owner.key + "' is no record");
    const std::string type = text_of(record, "type");
    const std::string name = owner.key.empty() || owner.key == "@" ? name_ : owner.key + "." + name_;
    const std::uint32_t ttl = number_of(record, "ttl", kDefaultTtl);
    if (record.find("geo") != nullptr)
      plan_.lose(record.find("geo")->key_at, "geo, which octoDNS has replaced by dynamic");
    if (record.find("dynamic") != nullptr) return read_dynamic(name, type, ttl, record);
    if (type == "ALIAS") return read_alias(name, ttl, record);
    const auto lines = octodns_records(type, record);
    if (!lines)
      return plan_.lose(record.at, (owner.key.empty() ? "@" : owner.key) + " " + type + ": " + lines.error().message);
    const std::string start = (owner.key.empty() ? "@" : owner.key) + " " + std::to_string(ttl) + " IN " + type + " ";
    const Node* const values = record.find("values") != nullptr ? record.find("values") : record.find("value");
    for (std::size_t i = 0; i < lines->size(); ++i) {
      const std::string text = start + (*lines)[i] + "\n";
      const auto& at = values->is_sequence() ? values->children[i].at : values->at;
      zone_.lines.insert(zone_.lines.end(), static_cast<std::size_t>(std::ranges::count(text, '\n')), at);
      zone_.text += text;
    }
    if (type == "NS" && name == name_) zone_.has_ns = true;
  }

  void read_dynamic(const std::string& name, const std::string& type, std::uint32_t ttl, const Node& record) {
    if (type != "A" && type != "AAAA" && type != "CNAME") {
      return plan_.lose(record.at, name + " " + type + ": only A, AAAA and CNAME are steered");
    }
    std::vector<ImportStep> steps = Dynamic(plan_, name, record).read();
    auto [found, fresh] = dynamic_.try_emplace(name);
    if (fresh) {
      found->second = {std::move(steps), ttl, record.at};
      return;
    }
    // A and AAAA: one policy. Pools of the same name have become one already; other rules cannot count.
    if (!same(found->second.steps, steps)) {
      plan_.lose(record.at, name + " " + type + ": other rules than its other family has, which count for both");
    }
  }

  static bool same(const std::vector<ImportStep>& a, const std::vector<ImportStep>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ImportStep& x, const ImportStep& y) {
      return x.kind == y.kind && without_backup(x) == without_backup(y);
    });
  }

  static auto without_backup(const ImportStep& step) -> decltype(step.rows) {
    auto rows = step.rows;
    for (auto& row : rows) std::erase_if(row.second, [](const std::string& id) { return id.ends_with(kBackupPool); });
    return rows;
  }

  void read_alias(const std::string& name, std::uint32_t ttl, const Node& record) {
    ImportName out;
    out.name = name;
    out.alias = text_of(record, "value");
    out.ttl_min = out.ttl_max = std::max<std::uint32_t>(ttl, 1);
    plan_.steer(std::move(out), record.at);
  }

  void finish(const std::string& name, Policy policy) {
    ImportName out;
    out.name = name;
    out.policy = plan_.policy_name(name == name_ ? name : name.substr(0, name.size() - name_.size() - 1));
    out.ttl_min = out.ttl_max = std::clamp<std::uint32_t>(policy.ttl, 1, 7 * 86'400);
    plan_.policies[out.policy] = std::move(policy.steps);
    plan_.steer(std::move(out), policy.at);
  }

  ImportPlan& plan_;
  std::string name_;
  ImportZone& zone_;
  std::map<std::string, Policy> dynamic_;
};

}  // namespace

void import_octodns(const std::string& file, const std::string& zone, ImportPlan& plan, Diagnostics& diagnostics) {
  std::string name = zone.empty() ? std::filesystem::path(file).stem().string() : zone;
  while (!name.empty() && name.back() == '.') name.pop_back();
  const auto document = shared::load::read_yaml_file(file, shared::load::process_settings(), diagnostics);
  if (!document || diagnostics.failed()) return;
  if (!document->is_map() || name.empty()) {
    return diagnostics.error(document->at,
                             "this is no zone: a map of names to records, in a file named after the zone");
  }
  ZoneReader(plan, name).read(*document);
}

}  // namespace cli
