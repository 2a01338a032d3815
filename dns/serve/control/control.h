#pragma once
// Control: the DNS server's parts wired together: workers, steering, Builder, admin port. Publishes a Snapshot whenever
// a reload or a change of health makes one, all or nothing. Owned by main, on the control loop's thread.
//
//   SIGHUP, /reload -> Builder: load_world() -> adopt: steering, Snapshot -> every worker
//   geo file replaced -> Builder: with_new_geo(), judge_geo() -> adopt (control_geo.cc)
//   probe -> SteeringControl -> AnswerSets -> Snapshot -> every worker
//   SIGTERM -> workers drain -> finish
//   a successor is ready (shared/serve/process/upgrade.h) -> the same, but TCP sessions end by themselves

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dns/core/answer/snapshot.h"
#include "dns/load/world/geo_guard.h"
#include "dns/load/world/world.h"
#include "dns/serve/control/alias_control.h"
#include "dns/serve/control/geo_watch.h"
#include "dns/serve/control/keeper.h"
#include "dns/serve/control/start.h"
#include "dns/serve/control/steering_control.h"
#include "dns/serve/worker/worker.h"
#include "shared/core/heartbeats.h"
#include "shared/core/result.h"
#include "shared/serve/admin/admin.h"
#include "shared/serve/process/builder.h"
#include "shared/serve/process/inheritance.h"
#include "shared/serve/process/process_facts.h"
#include "shared/serve/process/state_writer.h"
#include "shared/serve/process/supervisor.h"
#include "shared/serve/process/upgrade.h"
#include "shared/serve/process/watchdog.h"
#include "shared/serve/resolve/name_follower.h"

namespace dns {

struct ControlSettings {
  std::string config_path;
  std::string version;
  shared::Start start = shared::Start::alone;
  StartReport report{};  // how the world was come by
};

struct ReloadOutcome {
  bool done = false;
  std::string text;  // what to tell the operator: diagnostics, then a verdict
};

class Control {
 public:
  // Binds, starts probing and, when first answers may be given, the workers. An error says what to do.
  [[nodiscard]] static shared::Result<std::unique_ptr<Control>> start(shared::Supervisor& supervisor,
                                                                      ControlSettings settings, World world);
  ~Control();  // stops the workers where they are
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  // Everything, or the overrides file alone.
  enum class Reload : std::uint8_t { everything, overrides };
  // Whether a geo database that moves more than the guard allows is taken all the same.
  enum class Geo : std::uint8_t { guarded, forced };
  void reload(Reload what, std::function<void(const ReloadOutcome&)> done, Geo geo = Geo::guarded);
  void drain();  // then Supervisor::finish()
  // A successor has our state and is not ready yet: what is changed now would be lost.
  [[nodiscard]] bool upgrading() const { return upgrade_port_ && upgrade_port_->busy(); }

  [[nodiscard]] SteeringControl& steering() { return *steering_; }

  // For reports and tests.
  struct Reloads {
    std::uint64_t done = 0;
    std::uint64_t refused = 0;
    shared::WallTime last{};  // when the present configuration was taken
  };
  struct GeoState {
    std::uint64_t taken = 0;  // databases since the start, the first included
    std::uint64_t refused = 0;
    shared::WallTime last{};                    // when the present database was taken
    GeoVerdict verdict;                         // of the last one that came, taken or not
    std::string message;                        // why the last one that came was not taken; empty: it was
    std::optional<GeoMemory::Waiting> waiting;  // a newer one that the guard refuses
  };
  // The last good copy of the files, for the next start.
  struct Kept {
    shared::WallTime last{};  // when it was seen to be complete
    std::string error;        // why it is not what serves; empty: it is
  };
  using Steered = std::map<std::pair<std::string, std::string>, std::uint64_t>;  // (name, region) -> answers
  [[nodiscard]] const ControlSettings& settings() const { return settings_; }
  [[nodiscard]] const World& world() const { return *world_; }
  [[nodiscard]] const Snapshot& snapshot() const { return *snapshot_; }
  [[nodiscard]] const SteeringControl& steering() const { return *steering_; }
  [[nodiscard]] const AliasControl& aliases() const { return *aliases_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  [[nodiscard]] const std::vector<shared::Endpoint>& endpoints() const { return endpoints_; }
  [[nodiscard]] const std::vector<std::unique_ptr<shared::Admin>>& admins() const { return admins_; }
  [[nodiscard]] const Reloads& reloads() const { return reloads_; }
  [[nodiscard]] shared::ProcessFacts facts() const;
  [[nodiscard]] Steered steered() const;
  [[nodiscard]] const GeoState& geo() const { return geo_; }
  [[nodiscard]] const StartReport& started() const { return start_report_; }
  [[nodiscard]] const Kept& kept() const { return kept_; }
  // A reload waits or is being built.
  [[nodiscard]] bool building() const { return reloads_waiting_ > 0; }
  // Sampled answers of the recent past, with the times that each was seen.
  [[nodiscard]] std::vector<GivenAnswer> given() const;
  [[nodiscard]] bool serving() const { return serving_ && !supervisor_.stopping(); }
  // The index of a worker whose loop has stood still for seconds, as seen by calls of this.
  [[nodiscard]] std::optional<std::size_t> hanging_worker(shared::TimePoint now);

 private:
  // What the Builder needs to judge a new geo database.
  struct GuardInput {
    std::shared_ptr<const World> before;
    std::shared_ptr<const AnswerSets> answers;
    std::vector<GivenAnswer> given;
    Geo geo = Geo::guarded;
  };
  struct Sockets {  // of one worker
    std::vector<shared::UniqueFd> udp;
    std::vector<shared::UniqueFd> tcp;
  };

  Control(shared::Supervisor& supervisor, ControlSettings settings, World world);

  [[nodiscard]] shared::Result<void> open();
  [[nodiscard]] shared::Result<void> claim_inheritance();
  [[nodiscard]] shared::Result<std::vector<Sockets>> bind(std::size_t workers);
  [[nodiscard]] shared::Result<void> open_steering();
  void make_workers(std::vector<Sockets> sockets);
  [[nodiscard]] shared::Result<void> open_admin();
  void begin_to_serve();
  void open_upgrade_port();
  [[nodiscard]] std::vector<int> sockets() const;
  void handed_over();
  [[nodiscard]] std::vector<std::uint64_t> beats() const;

  [[nodiscard]] AliasView adopt_aliases();
  void publish();
  [[nodiscard]] Publication publication_of(std::size_t worker) const;
  [[nodiscard]] TcpSettings tcp_settings() const;
  [[nodiscard]] std::uint32_t most_tcp_connections() const;
  void make_steering_counts();
  void take_back(std::size_t worker, Publication old);
  static void add_counts(const Publication& from, Steered& to);
  static void add_given(const Publication& from, std::vector<GivenAnswer>& to);
  void keep_given(const Publication& from);
  void reload_geo();
  [[nodiscard]] static std::optional<GeoVerdict> guard_geo(const GuardInput& input, const World& next,
                                                           shared::load::Diagnostics& diagnostics);
  [[nodiscard]] GuardInput guard_input(Geo geo) const;
  void note_geo(const GeoVerdict& verdict, const FileStamp& stamp, const shared::load::Diagnostics& diagnostics);
  void recall_geo(const StartReport& report);
  void keep();
  void watch_geo();
  void adopt(std::shared_ptr<const World> next);
  void refuse_restarts(const World& next, shared::load::Diagnostics& diagnostics) const;
  void worker_drained();

  shared::Supervisor& supervisor_;
  ControlSettings settings_;
  std::optional<shared::Inheritance> inheritance_;
  shared::Builder builder_;
  std::optional<shared::StateWriter> state_writer_;
  std::shared_ptr<const World> world_;
  std::unique_ptr<SteeringControl> steering_;
  std::optional<std::vector<shared::Endpoint>> resolvers_;  // that names_ asks
  shared::NameFollower names_;
  std::unique_ptr<AliasControl> aliases_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<std::shared_ptr<SteeringCounts>> steering_counts_;  // by worker, for snapshot_'s policies
  Steered steered_before_;                                        // by policies that are gone
  std::deque<GivenAnswer> given_before_;                          // likewise; the oldest first
  GeoState geo_;
  std::unique_ptr<GeoWatch> geo_watch_;
  std::uint64_t descriptors_ = 0;  // that this process may open
  std::vector<shared::Endpoint> endpoints_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<int> listening_;  // descriptors of the workers' sockets, for a successor
  std::vector<std::unique_ptr<shared::Admin>> admins_;
  std::shared_ptr<ResponseCells> cells_;  // what the workers limit responses in, over all reloads
  CookieSecrets own_cookie_secret_;       // where no file has one
  std::unique_ptr<shared::UpgradePort> upgrade_port_;
  std::optional<shared::Timer> linger_;       // of TCP sessions, when a successor serves
  shared::Heartbeats heartbeats_;             // as seen by hanging_worker()
  std::optional<shared::Watchdog> watchdog_;  // while it serves
  shared::WallTime started_{};
  Reloads reloads_;
  StartReport start_report_;  // until a reload of everything is good
  Kept kept_;
  bool handed_over_ = false;  // a successor keeps the state
  std::size_t reloads_waiting_ = 0;
  std::uint64_t generation_ = 0;
  std::size_t drained_ = 0;
  bool ready_ = false;
  bool serving_ = false;
};

}  // namespace dns
