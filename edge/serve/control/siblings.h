#pragma once
// Siblings: the other edges of the region, asked at their health pages as DNS nodes do, so that one of all speaks for
// the region: the one with the lowest address that is up. Edges that cannot see each other each speak. Owned by
// Control; control loop.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shared/core/health.h"
#include "shared/core/ip.h"
#include "shared/load/config.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/probe/prober.h"

namespace edge {

class Siblings {
 public:
  explicit Siblings(shared::Loop& loop);
  Siblings(const Siblings&) = delete;
  Siblings& operator=(const Siblings&) = delete;

  // Nobody is asked unless `wanted`.
  enum class Wanted : bool { no, yes };
  void set(const shared::load::Config& config, const std::string& region, const shared::IpAddress& own, Wanted wanted);

  // Nobody is asked any more.
  void stop();

  // Of some nothing is known yet: they have not been asked often enough.
  [[nodiscard]] bool unknown() const;
  // Those that are known to be up.
  [[nodiscard]] std::size_t up() const;
  // The lowest that is up, of all but this one; null: none is lower than this one.
  [[nodiscard]] const shared::IpAddress* before() const;

 private:
  struct Edge {
    shared::IpAddress address;
    shared::HealthMachine machine;
  };

  void on_report(const shared::ProbeReport& report);

  shared::HealthSettings settings_;
  shared::IpAddress own_;
  std::vector<Edge> edges_;
  std::unique_ptr<shared::Prober> prober_;
};

}  // namespace edge
