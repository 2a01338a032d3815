// meridian-dns: authoritative DNS that answers by the client's location and the regions' health. Wires, and nothing
// else.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <utility>

#include "dns/load/build.h"
#include "dns/serve/server.h"
#include "shared/load/config.h"
#include "shared/serve/log.h"
#include "shared/serve/privileges.h"

namespace {

constexpr int kFailed = 1;
constexpr int kBadConfiguration = 2;

// Before anything is built, so that all of it is read by who will read it again. A configuration that cannot be read is
// complained of when it is loaded.
shared::Result<void> give_up_privileges(const std::string& path) {
  shared::load::Diagnostics unsaid;
  const auto config = shared::load::load_config(path, unsaid);
  if (!config || unsaid.failed()) return {};
  return shared::confine({config->user, config->system_calls, shared::load::dns_state_directory(*config)});
}

// The Supervisor comes first: a signal that arrives while a large zone is read must wait, not kill.
int serve(const std::string& path, shared::Start start) {
  shared::Supervisor supervisor;
  if (const auto done = give_up_privileges(path); !done) {
    shared::log_event(shared::Level::error, "start_failed", {{"reason", done.error().message}});
    return kFailed;
  }
  const shared::LogThread log_thread;
  shared::load::Diagnostics diagnostics;
  auto world = dns::load_world(path, diagnostics);
  shared::log_text(diagnostics.render());
  if (!world) return kBadConfiguration;
  const auto server = dns::Server::start(supervisor, {path, MERIDIAN_VERSION, start}, std::move(*world));
  if (!server) {
    shared::log_event(shared::Level::error, "start_failed", {{"reason", server.error().message}});
    return kFailed;
  }
  return supervisor.run();
}

int check(const std::string& path) {
  shared::load::Diagnostics diagnostics;
  const auto world = dns::load_world(path, diagnostics);
  std::fputs(diagnostics.render().c_str(), stderr);
  return world ? 0 : kBadConfiguration;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Authoritative DNS server that answers by the client's location and by the regions' health.");
  std::string path;
  bool only_check = false;
  bool upgrade = false;
  app.add_option("--config", path, "The configuration file")->required();
  app.add_flag("--check", only_check, "Check the configuration and every file that it names, and exit");
  app.add_flag("--upgrade", upgrade,
               "Take over from the server that runs on the same state directory, without losing a query; if none runs, "
               "just start");
  app.set_version_flag("--version", "meridian-dns " MERIDIAN_VERSION);
  app.footer("Exit status: 0 after a clean stop, 1 if it cannot start, 2 if the configuration is wrong.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadConfiguration;
  }

  return only_check ? check(path) : serve(path, upgrade ? shared::Start::upgrade : shared::Start::alone);
}
