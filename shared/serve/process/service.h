#pragma once
// Service: what a server is besides what it serves: its state directory and inherited sockets, admin ports, the port
// for an upgrade, watchdog, Builder, and what it says of itself. Each Control owns one; what differs between the two
// servers comes in through Hooks. Control loop's thread.
//
//   claim() -> open_admin(), listens_on() -> serve() -> ... -> close() -> stop()
//   begin_reload() -> Rebuild -> reloaded() or refused()

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/heartbeats.h"
#include "shared/core/result.h"
#include "shared/load/config.h"
#include "shared/load/diagnostics.h"
#include "shared/serve/admin/admin.h"
#include "shared/serve/os/log.h"
#include "shared/serve/process/admin_ports.h"
#include "shared/serve/process/builder.h"
#include "shared/serve/process/inheritance.h"
#include "shared/serve/process/process_facts.h"
#include "shared/serve/process/state_writer.h"
#include "shared/serve/process/supervisor.h"
#include "shared/serve/process/upgrade.h"
#include "shared/serve/process/watchdog.h"

namespace shared {

class Service {
 public:
  struct Hooks {
    std::function<std::vector<std::uint64_t>()> heartbeats;  // one of each worker
    std::function<std::string()> state;                      // what a successor must know and no file says
    std::function<void()> handed_over;                       // a successor serves: drain in peace
    std::function<void()> predecessor_ended = [] {};
  };

  static constexpr std::size_t kMostReloads = 16;  // that wait; each holds a request and a job

  Service(Supervisor& supervisor, std::string version, std::string config, Hooks hooks);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // The state directory, and what the manager or a server that runs gives. REQUIRES: before what follows.
  [[nodiscard]] Result<void> claim(const std::string& state_directory, Start start);
  // On the configured addresses, with what both servers have there: /healthz and /building.
  [[nodiscard]] Result<void> open_admin(const AdminListeners& listeners, const load::Config& config);
  void listens_on(const Endpoint& where, int descriptor);
  // Workers have been started: tells the log (with `more`), the predecessor, the manager; opens the port for a
  // successor.
  void serve(std::initializer_list<LogField> more);
  // The start has failed.
  void failed(std::string_view reason);
  // Ends ports and watchdog. What the workers give back later still dies at the Builder, until stop().
  void close();
  void stop();

  // The configuration in force from now on: log level, access to the admin ports, facts.
  void configured(const load::Config& config);

  // False: so many reloads wait that this one is refused.
  [[nodiscard]] bool begin_reload();
  [[nodiscard]] bool reloading() const { return reloads_waiting_ > 0; }
  // Another world serves; counted as a reload, also where nobody asked for one.
  void taken(std::initializer_list<LogField> facts);
  // The ends of one that was begun: taken(), or refused. The diagnostics have been logged.
  void reloaded(std::initializer_list<LogField> facts);
  void refused(const load::Diagnostics& diagnostics);

  [[nodiscard]] Supervisor& supervisor() { return supervisor_; }
  [[nodiscard]] Loop& loop() { return supervisor_.loop(); }
  [[nodiscard]] Builder& builder() { return builder_; }
  [[nodiscard]] const StateDirectory* state_directory() const { return inheritance_->state_directory(); }
  [[nodiscard]] StateWriter& state_writer() { return *state_writer_; }
  [[nodiscard]] InheritedSockets& inherited() { return inheritance_->sockets(); }
  // What the predecessor wanted us to know; empty without one.
  [[nodiscard]] std::string_view inherited_state() const { return inheritance_->state(); }
  [[nodiscard]] const AdminPorts& admins() const { return admins_; }
  [[nodiscard]] const std::vector<Endpoint>& listening() const { return listening_; }
  [[nodiscard]] std::size_t listeners() const { return descriptors_.size(); }
  [[nodiscard]] ProcessFacts facts() const;
  // A successor has our state and is not ready yet: what is changed now would be lost.
  [[nodiscard]] bool upgrading() const { return upgrade_port_ && upgrade_port_->busy(); }
  // Adds an error then. Asked where a reload begins and where it ends: the successor may have come in between.
  void refuse_in_upgrade(load::Diagnostics& diagnostics) const;
  [[nodiscard]] bool handed_over() const { return handed_over_; }
  [[nodiscard]] AdminResponse healthz();

 private:
  void open_upgrade_port();
  [[nodiscard]] std::vector<int> sockets() const;

  Supervisor& supervisor_;
  ProcessFacts facts_;
  Hooks hooks_;
  std::optional<Inheritance> inheritance_;
  Builder builder_;
  std::optional<StateWriter> state_writer_;  // from claim() to stop()
  AdminPorts admins_;
  std::vector<Endpoint> listening_;
  std::vector<int> descriptors_;  // that are listened on, for a successor
  std::unique_ptr<UpgradePort> upgrade_port_;
  Heartbeats heartbeats_;             // as seen by /healthz
  std::optional<Watchdog> watchdog_;  // while it serves
  std::size_t reloads_waiting_ = 0;
  bool handed_over_ = false;
};

}  // namespace shared
