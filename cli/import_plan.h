#pragma once
// ImportPlan: what a foreign configuration says, in our words, and what of it has no words here: filled by a reader
// (import_octodns.h, import_gdnsd.h), written as a configuration and zone files. Values; one thread.
//
// Others answer from pools that belong to a record, and an address may be in many; here an address is of one region,
// and a policy chooses regions. So the addresses of all pools are parted: those that are in the same pools, with the
// same weights, make a region. A pool is then a region, or a group of regions with weights: nothing is lost.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/load/diagnostics.h"

namespace cli {

struct ImportTarget {
  std::string value;  // an address, or with `cname` a name
  std::uint32_t weight = 1;
  bool cname = false;
};

struct ImportPool {
  std::string hint;  // what its region should be called
  std::vector<ImportTarget> targets;
  std::string location;  // "53.35, -6.26"; empty: not known
};

// The end of the id of a pool whose addresses serve only when all others are down.
inline constexpr std::string_view kBackupPool = "/values";

// One step of a policy. Rows: a place or a prefix, and pools in order, by their ids; of failover one row without a key.
struct ImportStep {
  enum class Kind : std::uint8_t { subnets, geo, nearest, failover };
  Kind kind = Kind::failover;
  std::vector<std::pair<std::string, std::vector<std::string>>> rows;
};

struct ImportName {
  std::string name;    // "www.example.com"
  std::string policy;  // of `policies`
  std::string alias;   // in place of a policy
  std::uint32_t ttl_min = 60;
  std::uint32_t ttl_max = 60;
  bool one_answer = false;
};

struct ImportHealth {
  std::string kind = "http";
  std::uint32_t port = 0;
  std::string host;
  std::string path;
  std::string interval, timeout;
  std::uint32_t fall = 0, rise = 0;  // 0: the default
  bool operator==(const ImportHealth&) const = default;
};

struct ImportZone {
  std::string text;                                // the records, complete but for what `head` says
  std::vector<shared::load::Position> lines = {};  // of `text`: where each comes from
  bool has_soa = false;
  bool has_ns = false;  // at the apex
};

struct ImportPlan {
  std::string service = "imported";
  std::string geo_database;                 // empty: none; what needs one is written as a comment
  std::vector<std::string> nodes;           // addresses of DNS nodes, for zones without NS
  std::optional<ImportHealth> health;       // of all edges: the first that is said
  std::map<std::string, ImportPool> pools;  // by an id of the reader's
  std::vector<std::string> pool_order;
  std::map<std::string, std::vector<ImportStep>> policies;
  std::vector<ImportName> names;
  std::map<std::string, ImportZone> zones;  // by name without the final dot
  std::vector<std::string> lost;            // "FILE:LINE:COLUMN: what did not map, and why"

  ImportPool& pool(const std::string& id, const std::string& hint);
  // Tells once that something did not map.
  void lose(const shared::load::Position& at, const std::string& what);
  // The first probe counts, another one is lost.
  void probe(const ImportHealth& how, const shared::load::Position& at);
  // Adds to `names`. A name that is there already is lost: it can be steered in one way.
  void steer(ImportName name, const shared::load::Position& at);
  // A name of its own for a policy.
  [[nodiscard]] std::string policy_name(const std::string& wanted) const;
};

struct ImportFiles {
  std::string configuration;                               // meridian.yaml
  std::vector<std::pair<std::string, std::string>> zones;  // file below the folder, text
};

// Adds to `lost` what shows only now: names that mix families, weights out of range.
[[nodiscard]] ImportFiles write_import(ImportPlan& plan);

// A name that an answer's CNAME may hold: not the root, no label too long.
[[nodiscard]] bool is_cname_target(const std::string& text);

// Only letters, digits and hyphens, beginning with a letter.
[[nodiscard]] std::string plain_word(const std::string& text);

}  // namespace cli
