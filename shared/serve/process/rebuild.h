#pragma once
// Rebuild: the one way from the world that serves to the next, whatever has changed: the configuration, a geo database,
// what discovery has found. All or nothing: what is refused, the diagnostics say why, and the world before goes on.
//
//   build   the Builder: reads, checks, builds; may take seconds
//   judge   the Builder: a guard asks both worlds, and refuses what would move too much
//   permit  the loop: refuses what cannot change while the process runs
//   adopt   the loop: publishes
//
// Owned by Control, on its loop's thread; jobs run one after another.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "shared/load/diagnostics.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/process/builder.h"

namespace shared {

enum class Rebuilt : std::uint8_t {
  adopted,
  refused,   // a step has added an error
  outdated,  // what it was built over is not what serves any more: ask again, if it still matters
};

template <class World>
class Rebuild {
 public:
  using Present = std::function<std::shared_ptr<const World>()>;

  // Steps may be empty but for build and adopt. `before` is what served when the job was given.
  struct Job {
    std::function<std::optional<World>(const World& before, load::Diagnostics&)> build;  // nothing: an error says why
    std::function<void(const World& before, const World& next, load::Diagnostics&)> judge{};
    // Whether what it was built over and from still holds.
    std::function<bool(const std::shared_ptr<const World>& before)> holds{};
    std::function<void(const World& present, const World& next, load::Diagnostics&)> permit{};
    // What is about to be adopted or refused.
    std::function<void(const World* next, const load::Diagnostics&)> note{};
    std::function<void(std::shared_ptr<const World> next)> adopt;
    std::function<void(Rebuilt, const load::Diagnostics&)> done{};
    Pace pace = Pace::steady;
  };

  Rebuild(Loop& loop, Builder& builder, Present present)
      : loop_(loop), builder_(builder), present_(std::move(present)) {}
  Rebuild(const Rebuild&) = delete;
  Rebuild& operator=(const Rebuild&) = delete;

  void run(Job job) {
    struct Made {
      std::shared_ptr<const World> world;  // null: refused
      load::Diagnostics diagnostics;
    };
    const Pace pace = job.pace;
    auto before = present_();
    auto work = [before, build = std::move(job.build), judge = std::move(job.judge)] {
      Made made;
      auto next = build(*before, made.diagnostics);
      if (!next) return made;
      if (judge) judge(*before, *next, made.diagnostics);
      made.world = std::make_shared<const World>(std::move(*next));
      return made;
    };
    auto finish = [this, before = std::move(before), job = std::move(job)](Made made) mutable {
      const bool holds = !job.holds || job.holds(before);
      builder_.dispose(std::move(before));  // where it dies, if nobody else has it
      const Rebuilt end = holds ? conclude(job, std::move(made.world), made.diagnostics) : Rebuilt::outdated;
      builder_.dispose(std::move(made.world));
      if (job.done) job.done(end, made.diagnostics);
    };
    builder_.run_then(loop_, std::move(work), std::move(finish), pace);
  }

 private:
  Rebuilt conclude(const Job& job, std::shared_ptr<const World>&& next, load::Diagnostics& diagnostics) {
    if (next && job.permit) job.permit(*present_(), *next, diagnostics);
    if (job.note) job.note(next.get(), diagnostics);
    if (!next || diagnostics.failed()) return Rebuilt::refused;
    job.adopt(std::move(next));
    return Rebuilt::adopted;
  }

  Loop& loop_;
  Builder& builder_;
  Present present_;
};

}  // namespace shared
