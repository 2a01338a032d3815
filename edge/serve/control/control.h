#pragma once
// Control: wires the parts of one edge together: world, workers, backends, admin port, access log; and carries out what
// an operator says: reload, drain, stop. Owned by main, made after the Supervisor; Control loop's thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/core/decide/explain.h"
#include "edge/core/pool/live.h"
#include "edge/load/world.h"
#include "edge/serve/account/access_log.h"
#include "edge/serve/cache/stores.h"
#include "edge/serve/control/backends.h"
#include "edge/serve/control/certificates.h"
#include "edge/serve/control/discovery.h"
#include "edge/serve/control/healing.h"
#include "edge/serve/control/operator_words.h"
#include "edge/serve/control/report.h"
#include "edge/serve/control/scaling.h"
#include "edge/serve/control/span_export.h"
#include "edge/serve/redis/redis_client.h"
#include "edge/serve/redis/region_limits.h"
#include "edge/serve/redis/session_store.h"
#include "edge/serve/worker/worker.h"
#include "shared/core/result.h"
#include "shared/serve/admin/admin.h"
#include "shared/serve/loop/loop.h"
#include "shared/serve/process/rebuild.h"
#include "shared/serve/process/service.h"
#include "shared/serve/process/supervisor.h"
#include "shared/serve/resolve/name_follower.h"

namespace edge {

class Control {
 public:
  // `loader` has made `world`, and outlives this with its Live.
  Control(shared::Supervisor& supervisor, WorldLoader& loader, World world, shared::Start start = shared::Start::alone);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  // Binds, or takes over the sockets of a server that runs; starts the workers and the checks.
  [[nodiscard]] shared::Result<void> start();

  // The addresses that are listened on, with the real ports; for the log and tests.
  [[nodiscard]] const std::vector<shared::Endpoint>& listening() const { return service_.listening(); }

 private:
  using ReloadDone = std::function<void(const shared::Result<std::uint64_t>& generation)>;

  [[nodiscard]] shared::Result<void> open();
  [[nodiscard]] shared::Result<void> claim_inheritance();
  [[nodiscard]] std::string state_text() const;
  void begin_to_serve();
  void keep_files();
  [[nodiscard]] shared::Service::Hooks hooks();
  void handed_over();
  shared::Result<void> open_access_log();
  shared::Result<void> start_workers();
  shared::Result<void> listen(const ListenPlan& planned);
  shared::Result<void> start_admin();
  void add_routes(shared::Admin& admin);

  // control_servers.cc
  void add_server_routes(shared::Admin& admin);
  // From the predecessor; if it says nothing, as kept in the state directory.
  void recall_words(std::string_view inherited);
  [[nodiscard]] shared::Result<void> use_resolvers();
  void keep_words();
  [[nodiscard]] PoolInputs pool_inputs() const;
  [[nodiscard]] shared::Result<OperatorWords::ServerKey> find_server(const shared::AdminRequest& request) const;
  [[nodiscard]] std::optional<shared::AdminResponse> not_now() const;
  void wait_for_expiry();
  void end_words();
  [[nodiscard]] static shared::Result<OperatorWord> read_word(const shared::AdminRequest& request);
  shared::AdminResponse drain(const shared::AdminRequest& request);
  shared::AdminResponse undrain(const shared::AdminRequest& request);
  shared::AdminResponse set_edge_drain(std::optional<OperatorWord> word);
  shared::AdminResponse set_server_drain(const shared::AdminRequest& request, std::optional<OperatorWord> drain);
  shared::AdminResponse set_server_weight(const shared::AdminRequest& request);
  void rebuild_pools();
  // control_certificates.cc: looks from time to time whether a file of certificates was written.
  void watch_certificates();
  void look_at_certificates();
  void renew_certificates();
  void use_certificates();
  // control_rules.cc: likewise, whether a file of rules was: access lists, keys of tiers.
  void watch_rules();
  void look_at_rules();
  void renew_rules();
  void rebuild_at_start();
  // control_cache.cc
  void make_caches();
  void resize_caches();
  void add_cache_routes(shared::Admin& admin);
  shared::AdminResponse purge_cache(const shared::AdminRequest& request);
  [[nodiscard]] ForeseenCache foresee_cache(const Decision& decision, const CacheAsker& asker) const;

  void tell_spans();
  void publish();
  void keep_scale(const std::string& name, std::string text);
  void recall_scale(std::string_view found);
  void reload(ReloadDone done);
  void adopt(std::shared_ptr<const World> world);
  void reopen_logs(AccessLog::Reopened done);
  void answer_reopen(const shared::AdminReply& reply);
  void stop();
  void hasten_after(shared::Duration linger);
  void finish_workers();
  [[nodiscard]] std::vector<std::uint64_t> beats() const;
  [[nodiscard]] ReportSource source() const;
  // control_explain.cc
  void answer_explain(const shared::AdminRequest& request, const shared::AdminReply& reply);
  [[nodiscard]] shared::AdminResponse explain_request(const ExplainedRequest& asked, bool as_json,
                                                      const std::vector<BalanceState>& balances) const;
  [[nodiscard]] shared::AdminResponse explain_connection_to(const shared::AdminRequest& request) const;

  shared::Supervisor& supervisor_;
  WorldLoader& loader_;
  shared::Start start_;
  shared::Service service_;
  std::shared_ptr<const World> world_;
  shared::Rebuild<World> rebuild_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::uint64_t generation_ = 0;
  OperatorWords words_;
  std::unique_ptr<AccessLog> access_log_;
  Certificates certificates_;
  shared::Timer certificate_look_;
  std::string files_problem_;                       // why the last good copy is not kept; empty: it is
  std::optional<std::uint64_t> certificate_stamp_;  // of the files that were tried last
  CacheStores caches_;
  shared::Timer rule_look_;
  std::optional<std::uint64_t> rule_stamp_;  // likewise
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<const Worker*> counted_;
  std::size_t workers_busy_ = 0;
  shared::NameFollower names_;
  Discovery discovery_;
  Backends backends_;
  RedisClient redis_;
  RegionLimits region_limits_;
  SpanExport spans_;  // its lanes outlive the workers, which the destructor ends before all else
  SessionStore sessions_;
  bool rebuilding_pools_ = false;  // its end sees what has changed meanwhile
  Healing healing_;
  Scaling scaling_;
  shared::Timer word_end_;  // of an operator's word
  shared::Timer drain_;
};

}  // namespace edge
