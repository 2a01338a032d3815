#include "cli/gdnsd_plugins.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "cli/gdnsd_config.h"
#include "shared/core/ip.h"

namespace cli {
namespace {

using shared::load::Node;
using shared::load::Position;

constexpr unsigned kDeepest = 8;  // of resources that name resources

const std::set<std::string>& settings() {
  static const std::set<std::string> keys = {"service_types", "up_thresh", "multi",         "addrs_v4",
                                             "addrs_v6",      "plugin",    "ignore_health", "skip_first"};
  return keys;
}

const std::set<std::string>& continents() {
  static const std::set<std::string> codes = {"AF", "AN", "AS", "EU", "NA", "OC", "SA"};
  return codes;
}

std::vector<const Node*> items(const Node& node) {
  std::vector<const Node*> out;
  if (!node.is_sequence()) return {&node};
  for (const Node& child : node.children) out.push_back(&child);
  return out;
}

std::string text_of(const Node& map, std::string_view key) {
  const Node* const node = map.find(key);
  return node != nullptr && node->is_scalar() ? node->text : "";
}

std::uint32_t number(const std::string& text, std::uint32_t otherwise) {
  std::uint32_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::optional<GdnsdPlugins::Resource> GdnsdPlugins::find(const std::string& reference, const Position& at) {
  const std::size_t bang = reference.find('!');
  Resource out;
  out.plugin = reference.substr(0, bang);
  out.name = bang == std::string::npos ? "" : reference.substr(bang + 1);
  const std::size_t slash = out.name.find('/');
  if (slash != std::string::npos) {
    out.datacenter = out.name.substr(slash + 1);
    out.name.resize(slash);
  }
  static const std::set<std::string> known = {"geoip", "metafo", "multifo", "simplefo", "weighted", "static"};
  if (!known.contains(out.plugin)) {
    plan_.lose(at, reference + ": the plugin " + out.plugin + " has no counterpart");
    return std::nullopt;
  }
  const Node* const plugins = config_.find("plugins");
  const Node* plugin = plugins == nullptr ? nullptr : plugins->find(out.plugin);
  const bool nested = out.plugin == "geoip" || out.plugin == "metafo";
  if (plugin != nullptr && nested) plugin = plugin->find("resources");
  out.node = plugin == nullptr ? nullptr : plugin->find(out.name);
  if (out.node != nullptr) return out;
  plan_.lose(at, reference + ": there is no such resource");
  return std::nullopt;
}

std::optional<GdnsdPlugins::Steered> GdnsdPlugins::steer(const std::string& reference, const Position& at) {
  one_answer_ = false;
  depth_ = 0;
  const auto resource = find(reference, at);
  if (!resource) return std::nullopt;
  Steered out;
  if (resource->plugin == "geoip" && resource->datacenter.empty()) {
    out.steps = geoip_steps(*resource);
  } else {
    Pools pools = order(*resource);
    if (!pools.empty()) out.steps.push_back({ImportStep::Kind::failover, {{"", std::move(pools)}}});
  }
  out.one_answer = one_answer_;
  return out;
}

// What answers one after the other.
GdnsdPlugins::Pools GdnsdPlugins::order(const Resource& resource) {
  if (resource.plugin != "geoip" && resource.plugin != "metafo") {
    return of_plain(resource.plugin, *resource.node, resource.plugin + "!" + resource.name, resource.name);
  }
  if (!resource.datacenter.empty()) return of_datacenter(resource, resource.datacenter, resource.node->at);
  note_services(*resource.node);
  Pools out;
  for (const std::string& name : datacenters(resource)) {
    for (std::string& pool : of_datacenter(resource, name, resource.node->at)) {
      if (std::find(out.begin(), out.end(), pool) == out.end()) out.push_back(std::move(pool));
    }
  }
  return out;
}

const Node* GdnsdPlugins::map_of(const Resource& resource) const {
  const Node* const plugins = config_.find("plugins");
  const Node* const geoip = plugins == nullptr ? nullptr : plugins->find("geoip");
  const Node* const maps = geoip == nullptr ? nullptr : geoip->find("maps");
  return maps == nullptr ? nullptr : maps->find(text_of(*resource.node, "map"));
}

std::vector<std::string> GdnsdPlugins::datacenters(const Resource& resource) const {
  const Node* const map = resource.plugin == "geoip" ? map_of(resource) : resource.node;
  const Node* const list = map == nullptr ? nullptr : map->find("datacenters");
  std::vector<std::string> out;
  if (list == nullptr) return out;
  for (const Node* const one : items(*list)) out.push_back(one->text);
  return out;
}

GdnsdPlugins::Pools GdnsdPlugins::of_datacenter(const Resource& resource, const std::string& name, const Position& at) {
  const Node* const table = resource.node->find("dcmap");
  const Node* const value = table == nullptr ? nullptr : table->find(name);
  if (value == nullptr) {
    plan_.lose(at, resource.plugin + "!" + resource.name + ": its dcmap has no datacenter " + name);
    return {};
  }
  Pools pools = of_value(*value, resource.plugin + "!" + resource.name + "/" + name, name);
  const Node* const map = resource.plugin == "geoip" ? map_of(resource) : nullptr;
  const Node* const places = map == nullptr ? nullptr : map->find("auto_dc_coords");
  const Node* const place = places == nullptr ? nullptr : places->find(name);
  if (place != nullptr && place->children.size() == 2) {
    for (const std::string& pool : pools) {
      plan_.pools.at(pool).location = place->children[0].text + ", " + place->children[1].text;
    }
  }
  return pools;
}

// An address, a name, an array of addresses, `%plugin!resource`, or a hash that some plugin would take.
GdnsdPlugins::Pools GdnsdPlugins::of_value(const Node& value, const std::string& id, const std::string& hint) {
  if (value.is_scalar() && (value.text.starts_with('%') || value.text.find('!') != std::string::npos)) {
    if (++depth_ > kDeepest) {
      plan_.lose(value.at, value.text + ": resources name each other in a circle");
      return {};
    }
    const auto resource = find(value.text.substr(value.text.starts_with('%') ? 1 : 0), value.at);
    Pools pools = resource ? order(*resource) : Pools();
    --depth_;
    return pools;
  }
  if (value.is_map()) {
    const std::string plugin = text_of(value, "plugin");
    return of_plain(plugin.empty() ? "multifo" : plugin, value, id, hint);
  }
  ImportPool& pool = plan_.pool(id, hint);
  if (pool.targets.empty()) {
    for (const Node* const one : items(value)) add_target(*one, 1, pool);
  }
  return {id};
}

GdnsdPlugins::Pools GdnsdPlugins::of_plain(const std::string& plugin, const Node& node, const std::string& id,
                                           const std::string& hint) {
  note_services(node);
  if (node.is_scalar() || node.is_sequence()) return of_value(node, id, hint);
  if (const Node* const limit = node.find("up_thresh")) {
    plan_.lose(limit->key_at, "up_thresh: a region serves while any of its addresses does");
  }
  std::vector<const Node*> parts;
  for (const char* family : {"addrs_v4", "addrs_v6"}) {
    if (const Node* const part = node.find(family)) parts.push_back(part);
  }
  if (parts.empty()) parts.push_back(&node);
  if (plugin == "simplefo") {
    Pools out;
    for (const char* rank : {"primary", "secondary"}) {
      ImportPool& pool = plan_.pool(id + "/" + rank, hint + "-" + rank);
      const bool fresh = pool.targets.empty();
      for (const Node* const part : parts) {
        const Node* const address = part->find(rank);
        if (address != nullptr && fresh) add_target(*address, 1, pool);
      }
      out.push_back(id + "/" + rank);
    }
    return out;
  }
  if (plugin != "multifo" && plugin != "weighted") {
    plan_.lose(node.at, "a hash of the plugin " + plugin + " here has no counterpart");
    return {};
  }
  ImportPool& pool = plan_.pool(id, hint);
  const bool fresh = pool.targets.empty();
  for (const Node* const part : parts) {
    if (plugin == "weighted") {
      const std::string multi = part->find("multi") != nullptr ? text_of(*part, "multi") : text_of(node, "multi");
      one_answer_ = one_answer_ || multi != "true";
      if (multi == "true" && fresh) {
        plan_.lose(part->at,
                   "multi => true: one group of equal weight is answered whole, not each address by its odds");
      }
    }
    if (fresh) add_entries(plugin, *part, pool);
  }
  return {id};
}

void GdnsdPlugins::add_entries(const std::string& plugin, const Node& node, ImportPool& pool) {
  for (const Node& entry : node.children) {
    if (settings().contains(entry.key)) continue;
    if (plugin == "weighted" && entry.is_map()) {
      plan_.lose(entry.key_at, "the group " + entry.key + ": its addresses stand by their weights, without the group");
      add_entries(plugin, entry, pool);
    } else if (plugin == "weighted" && entry.is_sequence() && entry.children.size() == 2) {
      add_target(entry.children[0], number(entry.children[1].text, 1), pool);
    } else if (entry.is_scalar()) {
      add_target(entry, 1, pool);
    } else {
      plan_.lose(entry.key_at, entry.key + ": not an address");
    }
  }
}

void GdnsdPlugins::add_target(const Node& value, std::uint32_t weight, ImportPool& pool) {
  const auto address = shared::IpAddress::parse(value.text);
  const bool cname = !address && value.text.find('.') != std::string::npos && is_cname_target(value.text);
  if (!address && !cname) return plan_.lose(value.at, "'" + value.text + "' is neither an address nor a name");
  const std::string text = address ? address->to_string() : value.text;
  const bool there = std::any_of(pool.targets.begin(), pool.targets.end(),
                                 [&text](const ImportTarget& target) { return target.value == text; });
  if (there) return plan_.lose(value.at, text + " stands twice in it, and counts once");
  pool.targets.push_back({text, std::max<std::uint32_t>(weight, 1), cname});
}

std::vector<ImportStep> GdnsdPlugins::geoip_steps(const Resource& resource) {
  note_services(*resource.node);
  const Node* const map = map_of(resource);
  if (map == nullptr) {
    plan_.lose(resource.node->at, "geoip!" + resource.name + ": there is no map " + text_of(*resource.node, "map"));
    return {};
  }
  static const std::set<std::string> known = {"datacenters", "map", "nets", "auto_dc_coords", "geoip2_db"};
  for (const Node& option : map->children) {
    if (!known.contains(option.key)) plan_.lose(option.key_at, option.key + ", of a geoip map");
  }
  std::vector<ImportStep> steps;
  ImportStep nets{ImportStep::Kind::subnets, {}};
  if (const Node* const written = map->find("nets")) add_nets(resource, *written, nets);
  if (!nets.rows.empty()) steps.push_back(std::move(nets));
  ImportStep places{ImportStep::Kind::geo, {}};
  Pools last;
  if (const Node* const written = map->find("map")) {
    add_places(resource, *written, "", places);
    if (const Node* const otherwise = written->find("default")) last = of_list(resource, *otherwise);
  }
  if (!places.rows.empty()) steps.push_back(std::move(places));
  if (map->find("auto_dc_coords") != nullptr) steps.push_back({ImportStep::Kind::nearest, {}});
  // The order of the datacenters, after what the map says of all others.
  for (std::string& pool : order(resource)) {
    if (std::find(last.begin(), last.end(), pool) == last.end()) last.push_back(std::move(pool));
  }
  if (!last.empty()) steps.push_back({ImportStep::Kind::failover, {{"", std::move(last)}}});
  return steps;
}

void GdnsdPlugins::add_nets(const Resource& resource, const Node& nets, ImportStep& step) {
  if (nets.is_scalar()) {
    const std::string file = (folder_ / "geoip" / nets.text).string();
    if (!files_.contains(file)) {
      shared::load::Diagnostics problems;
      auto read = read_gdnsd_config(file, problems);
      if (!read) return plan_.lose(nets.at, "nets: " + problems.render());
      files_.emplace(file, std::move(*read));
    }
    return add_nets(resource, files_.at(file), step);
  }
  for (const Node& row : nets.children) {
    const auto prefix = shared::Prefix::parse(row.key);
    if (prefix) {
      step.rows.emplace_back(prefix->to_string(), of_list(resource, row));
    } else {
      plan_.lose(row.key_at, row.key + " is no network: " + prefix.error().message);
    }
  }
}

// {EU => [..], NA => {default => [..], US => {CA => [..]}}}
void GdnsdPlugins::add_places(const Resource& resource, const Node& places, const std::string& prefix,
                              ImportStep& step) {
  const auto depth = prefix.empty() ? 0 : 1 + std::count(prefix.begin(), prefix.end(), '-');
  for (const Node& row : places.children) {
    if (row.key == "default") {
      if (!prefix.empty() && !row.is_map()) step.rows.emplace_back(prefix, of_list(resource, row));
      continue;
    }
    const bool known = depth == 0
                           ? continents().contains(row.key)
                           : depth < 3 && row.key.size() <= 3 &&
                                 std::all_of(
                                     row.key.begin(), row.key.end(),
                                     [](char letter) { return std::isalnum(static_cast<unsigned char>(letter)) != 0; });
    if (!known) {
      plan_.lose(row.key_at, "the place " + prefix + (prefix.empty() ? "" : "-") + row.key +
                                 ": continents, countries and subdivisions are known here");
      continue;
    }
    const std::string code = prefix.empty() ? row.key : prefix + "-" + row.key;
    if (row.is_map()) {
      add_places(resource, row, code, step);
    } else {
      step.rows.emplace_back(code, of_list(resource, row));
    }
  }
}

GdnsdPlugins::Pools GdnsdPlugins::of_list(const Resource& resource, const Node& list) {
  Pools out;
  for (const Node* const one : items(list)) {
    for (std::string& pool : of_datacenter(resource, one->text, one->at)) out.push_back(std::move(pool));
  }
  if (list.is_sequence() && list.children.empty()) plan_.lose(list.at, "an empty list of datacenters: all serve here");
  return out;
}

void GdnsdPlugins::note_services(const Node& node) {
  const Node* const types = node.is_map() ? node.find("service_types") : nullptr;
  if (types == nullptr) return;
  for (const Node* const one : items(*types)) note_service(one->text, one->at);
}

void GdnsdPlugins::note_service(const std::string& name, const Position& at) {
  if (name == "up" || name == "down" || name == "none") {
    return plan_.lose(at, "service type " + name +
                              ": here every edge is probed as health.edge says; `meridian drain "
                              "TARGET --state up` says otherwise");
  }
  const Node* const all = config_.find("service_types");
  const Node* const type = all == nullptr ? nullptr : all->find(name);
  if (type == nullptr) return plan_.lose(at, "there is no service type " + name);
  const std::string plugin = text_of(*type, "plugin");
  if (plugin != "http_status" && plugin != "tcp_connect") {
    return plan_.lose(type->at, "service type " + name + ": the plugin " + plugin + " has no counterpart");
  }
  ImportHealth health;
  health.kind = plugin == "tcp_connect" ? "tcp" : "http";
  health.port = number(text_of(*type, "port"), plugin == "tcp_connect" ? 0 : 80);
  health.host = text_of(*type, "vhost");
  health.path = health.kind == "tcp" ? "" : text_of(*type, "url_path").empty() ? "/" : text_of(*type, "url_path");
  const std::uint32_t interval = number(text_of(*type, "interval"), 10);
  const std::uint32_t timeout = number(text_of(*type, "timeout"), std::max(interval / 2, 1U));
  health.interval = std::to_string(std::max(interval, 1U)) + "s";
  health.timeout = std::to_string(std::clamp(timeout, 1U, std::max(interval, 1U))) + "s";
  health.fall = std::min(number(text_of(*type, "down_thresh"), 0), 100U);
  health.rise = std::min(number(text_of(*type, "up_thresh"), 0), 100U);
  for (const char* other : {"ok_codes", "ok_thresh"}) {
    if (const Node* const option = type->find(other))
      plan_.lose(option->key_at, std::string(other) + ", of a service type");
  }
  plan_.probe(health, type->at);
}

}  // namespace cli
