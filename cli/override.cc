#include "cli/override.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "cli/admin_client.h"
#include "cli/server_word.h"
#include "shared/load/values.h"

namespace cli {
namespace {

struct Options {
  std::string server = kDefaultDnsAdmin;
  std::string target;
  std::string pool;
  std::string state = "drained";
  std::string reason;
  std::string expires;
};

// "2h" by the same rules as the configuration's durations.
shared::Result<std::chrono::seconds> parse_expiry(const std::string& text) {
  shared::load::Node node;
  node.kind = shared::load::Node::Kind::scalar;
  node.text = text;
  node.key = "--expires";
  shared::load::Diagnostics diagnostics;
  const auto value =
      shared::load::duration(std::chrono::seconds(1), std::chrono::hours(24 * 365)).read(node, diagnostics);
  if (!value) return shared::fail(diagnostics.list().front().message);
  return std::chrono::ceil<std::chrono::seconds>(*value);
}

Exit post(const std::string& server, const AdminCall& call) {
  const auto body = fetch(server, call);
  if (!body) return complain(Exit::failed, body.error().message);
  print(*body);
  return Exit::ok;
}

Exit run_drain(const Options& options) {
  if (!options.pool.empty()) {
    const bool said = options.server != kDefaultDnsAdmin;
    return drain_server({said ? options.server : std::string(), options.pool, options.target});
  }
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = "/drain";
  call.query = {{"target", options.target}, {"state", options.state}};
  if (!options.reason.empty()) call.query.emplace_back("reason", options.reason);
  if (!options.expires.empty()) {
    const auto expires = parse_expiry(options.expires);
    if (!expires) return complain(Exit::invalid, expires.error().message);
    call.query.emplace_back("expires", std::to_string(expires->count()));
  }
  return post(options.server, call);
}

Exit run_undrain(const Options& options) {
  AdminCall call;
  call.method = shared::AdminMethod::post;
  call.path = "/undrain";
  call.query = {{"target", options.target}};
  return post(options.server, call);
}

void add_common(CLI::App& app, Options& options) {
  app.add_option("TARGET", options.target, "A region's name, or the address of one edge")->required();
  app.add_option("--server", options.server, "Admin address of the DNS node: 127.0.0.1:5380, or unix:/run/...")
      ->capture_default_str();
}

}  // namespace

Command drain_command(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  auto* app = parent.add_subcommand("drain", "Take a region or an edge out of the answers, or a server out of a pool");
  add_common(*app, *options);
  app->add_option("--pool", options->pool, "TARGET is a server of this pool, and --server an edge (127.0.0.1:9180)");
  app->add_option("--state", options->state,
                  "drained: used only if nothing else is up; down: as if dead; up: as if alive")
      ->check(CLI::IsMember({"drained", "down", "up"}))
      ->capture_default_str();
  app->add_option("--reason", options->reason, "Shown by status and in the log");
  app->add_option("--expires", options->expires, "Ends by itself after this time, such as 2h; else undrain ends it");
  app->footer(
      "The word beats the probe, and survives a restart. Each DNS node is told on its own.\n"
      "With --pool: the server gets nothing new until `meridian enable`; sessions stay if the pool says so.\n"
      "Example: meridian drain eu --reason \"kernel update\" --expires 2h\n"
      "Example: meridian drain 10.0.1.10:8080 --pool web");
  return {app, [options] { return run_drain(*options); }};
}

Command undrain_command(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  auto* app = parent.add_subcommand("undrain", "Take back what drain said; the probe decides again");
  add_common(*app, *options);
  app->footer("Example: meridian undrain eu");
  return {app, [options] { return run_undrain(*options); }};
}

}  // namespace cli
