#pragma once
// Scaling: once a second how many servers each pool with `autoscale` shall have, by what its servers say of their CPU
// and by what is in flight; and that somebody who starts servers is told: a webhook (ScaleCalls), a file, or both. In a
// region of several edges one speaks (Siblings); the others reckon along, and go on when it is gone
// (docs/decisions/055-one-edge-speaks.md). So it is with processes of one edge: the successor goes on where its
// predecessor stands, which says nothing more (065-what-was-scaled-to.md). Owned by Control; control loop.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "edge/core/pool/live.h"
#include "edge/core/scale/autoscaler.h"
#include "edge/core/snapshot/snapshot.h"
#include "edge/load/world.h"
#include "edge/serve/control/backends.h"
#include "edge/serve/control/scale_calls.h"
#include "edge/serve/control/scale_memory.h"
#include "edge/serve/control/siblings.h"
#include "shared/serve/loop/loop.h"

namespace edge {

class Scaling {
 public:
  using WriteFile = std::function<void(const std::string& name, std::string text)>;

  struct Of {
    shared::Loop& loop;
    const Live& live;
    const Backends& backends;
    shared::NameFollower& follower;
    WriteFile write_file;
  };
  explicit Scaling(Of of);
  Scaling(const Scaling&) = delete;
  Scaling& operator=(const Scaling&) = delete;

  // From now on, or again: what has kept its name goes on.
  void set(const World& world, std::shared_ptr<const Snapshot> snapshot);
  // Pools that are set go on where a process before this one stood.
  void recall(const ScaleMemory& memory, Autoscaler::Recall how);
  // Begins the rounds: this process serves.
  void begin();
  // For ever: a successor serves, and speaks.
  void end();
  // Nothing: no pool was scaled.
  [[nodiscard]] std::optional<ScaleMemory> memory() const;

  static constexpr const char* kMemoryFile = "scaling.json";

  struct Pool {
    ScaleSettings settings;
    Autoscaler scaler;
    ScaleSample sample;        // the last one
    std::int64_t decided = 0;  // seconds since 1970
    shared::TimePoint told{};
  };
  [[nodiscard]] const std::map<std::string, Pool>& pools() const { return pools_; }
  [[nodiscard]] const ScaleCalls& calls() const { return calls_; }
  // Which edge speaks for the region.
  [[nodiscard]] std::string speaker() const;

 private:
  static constexpr shared::Duration kRound = shared::seconds(1);
  static constexpr shared::Duration kAgain = shared::seconds(60);  // while there are more or fewer than are wanted
  static constexpr shared::Duration kHush = shared::seconds(30);   // after a start, until all siblings are known

  enum class Stage : std::uint8_t { starts, runs, ended };

  [[nodiscard]] bool forget_who_is_not_told(const std::map<std::string, ScaleSettings>& wanted);
  void wait();
  void round(shared::TimePoint now);
  void judge(const std::string& name, Pool& pool, shared::TimePoint now);
  [[nodiscard]] bool speaks() const;
  [[nodiscard]] ScaleSample sample_of(const edge::Pool& pool, shared::TimePoint now) const;
  [[nodiscard]] std::string message_of(const std::string& name, const Pool& pool) const;
  void tell(const std::string& name, Pool& pool, shared::TimePoint now);
  void write_file();
  void keep_memory(shared::TimePoint now);

  Of of_;
  std::shared_ptr<const Snapshot> snapshot_;
  bool wants_file_ = false;
  std::map<std::string, Pool> pools_;
  Siblings siblings_;
  ScaleCalls calls_;
  shared::Timer timer_;
  Stage stage_ = Stage::starts;
  shared::TimePoint began_{};
  shared::TimePoint kept_{};  // the memory was written
  bool spoke_ = false;        // in the last round
  bool running_ = false;
};

}  // namespace edge
