#pragma once
// World: a configuration as read, checked and built for this edge; what start and reload make, all or nothing. The
// Builder's thread makes it (the main thread at start), Control keeps the present one.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edge/core/pool/live.h"
#include "edge/core/pool/server_ids.h"
#include "edge/load/build.h"
#include "edge/load/config.h"
#include "shared/core/ip.h"
#include "shared/core/result.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"
#include "shared/load/files.h"
#include "shared/load/tls_files.h"

namespace edge {

struct Options {
  std::string config;
  std::string version;
  std::string region;  // empty: the one that `node` belongs to
  std::string node;    // this edge's address; empty: the region's only one
};

// Which edge of the file this process is.
struct OwnEdge {
  std::string region;
  shared::IpAddress node;
};
[[nodiscard]] shared::Result<OwnEdge> find_own_edge(const Options& options, const shared::load::Config& config);

struct World {
  shared::load::Config common;
  EdgeConfig config;
  shared::IpAddress node;
  Built built;
  std::shared_ptr<const shared::load::FileNotes> files{};      // that were read: the configuration and its includes
  std::shared_ptr<const shared::load::FreshTexts> contents{};  // of theirs
};

// Nothing, with the reasons in `diagnostics`, when anything is wrong. Makes room in `live` for the servers.
class WorldLoader {
 public:
  WorldLoader(Options options, Live& live, std::uint64_t key_seed)
      : options_(std::move(options)), live_(live), key_seed_(key_seed) {}

  [[nodiscard]] Live& live() { return live_; }
  [[nodiscard]] const Options& options() const { return options_; }

  [[nodiscard]] std::optional<World> load(const PoolInputs& inputs, shared::load::Diagnostics& diagnostics);
  // The same world with the servers and weights that `inputs` says now.
  [[nodiscard]] std::optional<World> with_inputs(const World& world, const PoolInputs& inputs,
                                                 shared::load::Diagnostics& diagnostics);
  // The same world with what the files of rules (keys of tiers, access lists ...) hold now.
  [[nodiscard]] std::optional<World> with_rules(const World& world, shared::load::Diagnostics& diagnostics);
  // The same world with what the files of certificates and ticket keys hold now.
  [[nodiscard]] std::optional<World> with_certificates(const World& world, const PoolInputs& inputs,
                                                       shared::load::Diagnostics& diagnostics);

 private:
  void reserve(const PoolParts& parts);

  Options options_;
  Live& live_;
  Registry registry_;  // the Builder's
  std::uint64_t key_seed_;
};

// The files that TLS reads, each once.
[[nodiscard]] shared::load::TlsFiles tls_files(const EdgeConfig& config);
// Those that rules are read from: keys of tiers, access lists, secrets, key sets, pages of errors.
[[nodiscard]] std::vector<std::filesystem::path> rule_files(const EdgeConfig& config);

// The options that differ and cannot change while the process runs: "edge.listen", "edge.workers" ...
[[nodiscard]] std::vector<std::string> needs_restart(const World& before, const World& after);

}  // namespace edge
