#pragma once
// Control: wires the parts of one edge together: world, workers, backends, admin port, access log; and carries out what
// an operator says: reload, drain, stop. Owned by main, made after the Supervisor; Control loop's thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "edge/core/live.h"
#include "edge/serve/access_log.h"
#include "edge/serve/backends.h"
#include "edge/serve/operator_words.h"
#include "edge/serve/report.h"
#include "edge/serve/worker.h"
#include "edge/serve/world.h"
#include "shared/core/result.h"
#include "shared/serve/admin.h"
#include "shared/serve/builder.h"
#include "shared/serve/loop.h"
#include "shared/serve/state.h"
#include "shared/serve/supervisor.h"

namespace edge {

class Control {
 public:
  // `maker` has made `world`, and outlives this with its Live.
  Control(shared::Supervisor& supervisor, WorldMaker& maker, World world);
  ~Control();
  Control(const Control&) = delete;
  Server& operator=(const Control&) = delete;

  // Binds, starts the workers and the checks.
  [[nodiscard]] shared::Result<void> start();

  // The addresses that are listened on, with the real ports; for the log and tests.
  [[nodiscard]] const std::vector<shared::Endpoint>& listening() const { return listening_; }
  [[nodiscard]] std::vector<std::string> admin_addresses() const;

 private:
  struct Reloaded {
    std::shared_ptr<World> world;  // null: failed
    std::string problems;
    PoolInputs inputs;
  };
  struct Remade {
    std::shared_ptr<const World> base;
    PoolInputs inputs;
    std::shared_ptr<World> world;  // null: failed
    std::string problems;
  };
  using ReloadDone = std::function<void(const shared::Result<std::uint64_t>& generation)>;

  shared::Result<void> open_access_log();
  shared::Result<void> start_workers();
  shared::Result<void> start_admin();
  void add_routes(shared::Admin& admin);

  // control_servers.cc
  void add_server_routes(shared::Admin& admin);
  void open_words();
  void keep_words();
  [[nodiscard]] PoolInputs pool_inputs() const;
  [[nodiscard]] shared::Result<OperatorWords::Place> find_server(const shared::AdminRequest& request) const;
  shared::AdminResponse set_edge_draining(bool on);
  shared::AdminResponse set_server_draining(const shared::AdminRequest& request, bool on);
  shared::AdminResponse set_server_weight(const shared::AdminRequest& request);
  void remake_pools();
  void finish_remake(Remade made);

  void publish();
  void reload(ReloadDone done);
  void finish_reload(Reloaded result, const ReloadDone& done);
  shared::Result<std::uint64_t> take_over(Reloaded result);
  void stop();
  void finish_workers();
  [[nodiscard]] ReportSource source() const;
  [[nodiscard]] shared::AdminResponse answer_explain(const shared::AdminRequest& request) const;

  shared::Supervisor& supervisor_;
  WorldMaker& maker_;
  std::shared_ptr<const World> world_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::uint64_t generation_ = 0;
  std::uint64_t reloads_failed_ = 0;
  std::shared_ptr<const shared::StateDirectory> state_;  // null: nothing is kept
  OperatorWords words_;
  shared::Builder builder_;
  std::unique_ptr<AccessLog> access_log_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<const Counters*> counters_;
  std::size_t workers_busy_ = 0;
  std::vector<shared::Endpoint> listening_;
  std::unique_ptr<Backends> backends_;
  std::vector<std::unique_ptr<shared::Admin>> admins_;
  shared::Timer drain_;
};

}  // namespace edge
