#pragma once
// Starter: how a start comes by a world although something may be broken after a bad commit: from the files as they
// are; from those and, for what is broken, from the last good copy in the state directory; or from that copy alone.
// Loudly, and only at a start: a reload is all or nothing. Used by main, before there is a server.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/load/geo/geo_memory.h"
#include "dns/load/world/geo_guard.h"
#include "dns/load/world/world.h"
#include "shared/core/result.h"
#include "shared/core/time.h"
#include "shared/load/parsed_texts.h"
#include "shared/serve/process/last_good.h"

namespace dns {

// How it came by its world: what /status tells until a reload is good.
struct StartReport {
  bool whole_copy = false;    // nothing is as the files are now
  shared::WallTime copied{};  // when the copy was made; none was used if all else is empty
  std::vector<std::string> zones_from_copy;
  std::vector<std::string> zones_left_out;
  std::vector<shared::load::Diagnostic> problems;  // what is broken
  // A newer geo database that the guard keeps waiting.
  std::optional<GeoVerdict> geo;
  std::optional<GeoMemory::Waiting> geo_waiting;

  [[nodiscard]] bool all_is_well() const { return !whole_copy && problems.empty(); }
};

enum class Broken : std::uint8_t { last_good, refuse };

class Starter {
 public:
  Starter(std::string config_path, shared::load::NodeChoice node, Broken broken)
      : path_(std::move(config_path)), node_(std::move(node)), broken_(broken) {}

  // Gives up privileges as the configuration says, before anything else is read.
  [[nodiscard]] shared::Result<void> confine();

  // Nothing: there is nothing to start with, and standard error says why.
  [[nodiscard]] std::optional<World> load();

  [[nodiscard]] const StartReport& report() const { return report_; }

 private:
  [[nodiscard]] std::optional<shared::load::Config> common_of_copy() const;
  void open_copy();
  [[nodiscard]] StartCare care_for(std::optional<shared::load::Files> copy) const;
  [[nodiscard]] LoadOptions options_with(StartCare& care) const;
  [[nodiscard]] std::optional<World> load_copy(const shared::load::Diagnostics& broken);
  void take_note(StartCare care);
  [[nodiscard]] World guarded(World world);
  [[nodiscard]] bool is_accepted(const GeoFile& geo) const;
  void say() const;

  std::string path_;
  shared::load::NodeChoice node_;
  Broken broken_;
  std::filesystem::path state_;
  std::shared_ptr<shared::load::ParsedTexts> parsed_ = std::make_shared<shared::load::ParsedTexts>();
  std::shared_ptr<const shared::LastGood> copy_;  // of this configuration; null: none
  GeoMemory memory_;
  StartReport report_;
};

}  // namespace dns
