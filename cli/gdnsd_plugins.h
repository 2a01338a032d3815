#pragma once
// The plugins of a gdnsd configuration as pools and steps of policies: geoip, metafo, multifo, simplefo, weighted and
// static. One object for each configuration; one thread.

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/import_plan.h"
#include "shared/load/node.h"

namespace cli {

class GdnsdPlugins {
 public:
  // `config`: of the whole file, which outlives this; `folder`: where it lies.
  GdnsdPlugins(const shared::load::Node& config, std::filesystem::path folder, ImportPlan& plan)
      : config_(config), folder_(std::move(folder)), plan_(plan) {}

  struct Steered {
    std::vector<ImportStep> steps;
    bool one_answer = false;
  };
  // "geoip!prod_www", "geoip!prod_www/dc-01". Nothing: there is no such resource, and that has been told.
  [[nodiscard]] std::optional<Steered> steer(const std::string& reference, const shared::load::Position& at);

 private:
  using Node = shared::load::Node;
  using Pools = std::vector<std::string>;  // ids, in the order of failover

  struct Resource {
    std::string plugin, name, datacenter;
    const Node* node = nullptr;
  };
  [[nodiscard]] std::optional<Resource> find(const std::string& reference, const shared::load::Position& at);
  [[nodiscard]] Pools order(const Resource& resource);
  [[nodiscard]] Pools of_datacenter(const Resource& resource, const std::string& name,
                                    const shared::load::Position& at);
  [[nodiscard]] Pools of_value(const Node& value, const std::string& id, const std::string& hint);
  [[nodiscard]] Pools of_plain(const std::string& plugin, const Node& node, const std::string& id,
                               const std::string& hint);
  [[nodiscard]] std::vector<std::string> datacenters(const Resource& resource) const;
  [[nodiscard]] const Node* map_of(const Resource& resource) const;
  [[nodiscard]] std::vector<ImportStep> geoip_steps(const Resource& resource);
  void add_nets(const Resource& resource, const Node& nets, ImportStep& step);
  void add_places(const Resource& resource, const Node& places, const std::string& prefix, ImportStep& step);
  [[nodiscard]] Pools of_list(const Resource& resource, const Node& list);
  void add_target(const Node& value, std::uint32_t weight, ImportPool& pool);
  void add_entries(const std::string& plugin, const Node& node, ImportPool& pool);
  void note_services(const Node& node);
  void note_service(const std::string& name, const shared::load::Position& at);

  const Node& config_;
  std::filesystem::path folder_;
  ImportPlan& plan_;
  bool one_answer_ = false;
  unsigned depth_ = 0;                 // of resources that name resources
  std::map<std::string, Node> files_;  // of nets
};

}  // namespace cli
