#pragma once
// Control: the DNS server's parts wired together: workers, steering, Builder, admin port. Publishes a Snapshot whenever
// a reload or a change of health makes one, all or nothing. Owned by main, on the control loop's thread.
//
//   SIGHUP, /reload -> Rebuild: load_world() -> judge_geo() -> adopt: steering, Snapshot -> every worker
//   geo file replaced -> Rebuild: with_new_geo() -> judge_geo() -> adopt (control_geo.cc)
//   probe -> SteeringControl -> AnswerSets -> Snapshot -> every worker
//   SIGTERM -> workers drain -> finish
//   a successor is ready (shared/serve/process/upgrade.h) -> the same, but TCP sessions end by themselves

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dns/core/answer/snapshot.h"
#include "dns/core/steer/earlier_answers.h"
#include "dns/load/world/geo_guard.h"
#include "dns/load/world/geo_state.h"
#include "dns/load/world/world.h"
#include "dns/serve/control/alias_control.h"
#include "dns/serve/control/dns_over_tls.h"
#include "dns/serve/control/geo_watch.h"
#include "dns/serve/control/keeper.h"
#include "dns/serve/control/start.h"
#include "dns/serve/control/steering_control.h"
#include "dns/serve/worker/worker.h"
#include "shared/core/result.h"
#include "shared/serve/process/rebuild.h"
#include "shared/serve/process/service.h"
#include "shared/serve/process/supervisor.h"
#include "shared/serve/resolve/name_follower.h"

namespace dns {

struct ControlSettings {
  std::string config_path;
  std::string version;
  shared::Start start = shared::Start::alone;
  shared::load::NodeChoice node{};  // which of dns.nodes this is
  StartReport report{};             // how the world was come by
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
  using Reloaded = std::function<void(const ReloadOutcome&)>;
  void reload(Reload what, Reloaded done, Geo geo = Geo::guarded);
  void drain();  // then Supervisor::finish()
  // A successor has our state and is not ready yet: what is changed now would be lost.
  [[nodiscard]] bool upgrading() const { return service_.upgrading(); }

  [[nodiscard]] SteeringControl& steering() { return *steering_; }

  // For reports and tests.
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
  [[nodiscard]] const DnsOverTls& over_tls() const { return over_tls_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  [[nodiscard]] const std::vector<shared::Endpoint>& endpoints() const { return service_.listening(); }
  [[nodiscard]] shared::Service& service() { return service_; }
  [[nodiscard]] shared::ProcessFacts facts() const { return service_.facts(); }
  [[nodiscard]] Steered steered() const;
  [[nodiscard]] const GeoState& geo() const { return geo_; }
  [[nodiscard]] const StartReport& started() const { return start_report_; }
  [[nodiscard]] const Kept& kept() const { return kept_; }
  // A reload waits or is being built.
  [[nodiscard]] bool building() const { return service_.reloading(); }
  // Sampled answers of the recent past, with the times that each was seen.
  [[nodiscard]] std::vector<GivenAnswer> given() const;
  [[nodiscard]] bool serving() const { return serving_ && !supervisor_.stopping(); }

 private:
  using Job = shared::Rebuild<World>::Job;
  struct Sockets {  // of one worker
    std::vector<shared::UniqueFd> udp;
    std::vector<shared::UniqueFd> tcp;
    std::vector<shared::UniqueFd> tls;
  };

  Control(shared::Supervisor& supervisor, ControlSettings settings, World world);

  [[nodiscard]] shared::Result<void> open();
  [[nodiscard]] shared::Result<std::vector<Sockets>> bind(std::size_t workers);
  [[nodiscard]] shared::Result<void> bind_tls(std::vector<Sockets>& sockets);
  void use_certificates();
  [[nodiscard]] shared::Result<void> open_steering();
  void make_workers(std::vector<Sockets> sockets);
  [[nodiscard]] shared::Result<void> open_admin();
  void begin_to_serve();
  [[nodiscard]] shared::Service::Hooks hooks();
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
  void build_reload(Reload what, Reloaded done, Geo geo);
  void reload_geo();
  // The steps of a job that judge a database other than the one that serves.
  void add_guard(Job& job, Geo geo);
  void note_geo(const GeoVerdict& verdict, const FileStamp& stamp, const shared::load::Diagnostics& diagnostics);
  void keep();
  void watch_geo();
  void adopt(std::shared_ptr<const World> next);
  void worker_drained();

  shared::Supervisor& supervisor_;
  ControlSettings settings_;
  shared::Service service_;
  std::shared_ptr<const World> world_;
  shared::Rebuild<World> rebuild_;
  std::unique_ptr<SteeringControl> steering_;
  std::optional<std::vector<shared::Endpoint>> resolvers_;  // that names_ asks
  shared::NameFollower names_;
  std::unique_ptr<AliasControl> aliases_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<std::shared_ptr<SteeringCounts>> steering_counts_;  // by worker, for snapshot_'s policies
  Steered steered_before_;                                        // by policies that are gone
  EarlierAnswers given_before_{4 * GivenSamples::kSize};          // likewise
  GeoState geo_;
  std::unique_ptr<GeoWatch> geo_watch_;
  DnsOverTls over_tls_;
  std::uint64_t descriptors_ = 0;  // that this process may open
  std::vector<std::unique_ptr<Worker>> workers_;
  std::shared_ptr<ResponseCells> cells_;  // what the workers limit responses in, over all reloads
  CookieSecrets own_cookie_secret_;       // where no file has one
  std::optional<shared::Timer> linger_;   // of TCP sessions, when a successor serves
  StartReport start_report_;              // until a reload of everything is good
  Kept kept_;
  std::uint64_t generation_ = 0;
  std::size_t drained_ = 0;
  bool ready_ = false;
  bool serving_ = false;
};

}  // namespace dns
